/** A first-in first-out queue that knows what it holds, in messages and in bytes, and whether one more fits. */

/** The bounds of a queue. */
export interface QueueLimits {
  readonly maxMessages: number;
  readonly maxBytes: number;
}

/** Something with a weight. */
export interface Sized {
  readonly sizeBytes: number;
}

/** A ring of this many places for the first item; doubled when it is full. */
const firstCapacity = 16;

/** The ring of every queue that has held nothing yet: an idle connection has two of them, of 176 bytes each. */
const noPlaces: never[] = [];

export class BoundedQueue<T extends Sized> {
  readonly limits: QueueLimits;
  /** A ring: its length is a power of two, so that positions wrap by a mask. */
  #ring: (T | undefined)[] = noPlaces;
  #head = 0;
  #length = 0;
  #bytes = 0;

  constructor(limits: QueueLimits) {
    this.limits = limits;
  }

  get length(): number {
    return this.#length;
  }

  get bytes(): number {
    return this.#bytes;
  }

  /** Whether it holds as much as it may, or more. */
  get full(): boolean {
    return this.#length >= this.limits.maxMessages || this.#bytes >= this.limits.maxBytes;
  }

  /** Puts an item at the end. The bounds are the caller's to heed. */
  push(item: T): void {
    if (this.#length === this.#ring.length) this.#grow();
    this.#ring[(this.#head + this.#length) & (this.#ring.length - 1)] = item;
    this.#length++;
    this.#bytes += item.sizeBytes;
  }

  shift(): T | undefined {
    if (this.#length === 0) return undefined;
    const item = this.#ring[this.#head] as T;
    this.#ring[this.#head] = undefined; // lets the collector have it
    this.#head = (this.#head + 1) & (this.#ring.length - 1);
    this.#length--;
    this.#bytes -= item.sizeBytes;
    return item;
  }

  /** Takes an item out of the middle; false if it is not there. */
  remove(item: T): boolean {
    const items = this.items();
    const index = items.indexOf(item);
    if (index < 0) return false;
    this.clear();
    items.splice(index, 1);
    for (const each of items) this.push(each);
    return true;
  }

  clear(): void {
    this.#ring = noPlaces;
    this.#head = 0;
    this.#length = 0;
    this.#bytes = 0;
  }

  /** What it holds, in order. */
  items(): T[] {
    return Array.from({ length: this.#length }, (_, i) => this.#ring[(this.#head + i) & (this.#ring.length - 1)] as T);
  }

  #grow(): void {
    const items = this.items();
    this.#ring = [...items, ...new Array<undefined>(items.length || firstCapacity)];
    this.#head = 0;
  }
}
