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

/** How far the read position may run ahead before the array is cut: keeps `shift` at amortised constant time. */
const compactAfter = 1024;

export class BoundedQueue<T extends Sized> {
  readonly limits: QueueLimits;
  #items: (T | undefined)[] = [];
  #head = 0;
  #bytes = 0;

  constructor(limits: QueueLimits) {
    this.limits = limits;
  }

  get length(): number {
    return this.#items.length - this.#head;
  }

  get bytes(): number {
    return this.#bytes;
  }

  /** Whether it holds as much as it may, or more. */
  get full(): boolean {
    return this.length >= this.limits.maxMessages || this.#bytes >= this.limits.maxBytes;
  }

  /** Puts an item at the end. The bounds are the caller's to heed. */
  push(item: T): void {
    this.#items.push(item);
    this.#bytes += item.sizeBytes;
  }

  shift(): T | undefined {
    const item = this.#items[this.#head];
    if (item === undefined) return undefined;
    this.#items[this.#head++] = undefined; // lets the collector have it before the array is cut
    this.#bytes -= item.sizeBytes;
    if (this.#head === this.#items.length) {
      this.#items.length = 0;
      this.#head = 0;
    } else if (this.#head >= compactAfter && this.#head * 2 >= this.#items.length) {
      this.#items.splice(0, this.#head);
      this.#head = 0;
    }
    return item;
  }

  /** Takes an item out of the middle; false if it is not there. */
  remove(item: T): boolean {
    const index = this.#items.indexOf(item, this.#head);
    if (index < 0) return false;
    this.#items.splice(index, 1);
    this.#bytes -= item.sizeBytes;
    return true;
  }

  clear(): void {
    this.#items = [];
    this.#head = 0;
    this.#bytes = 0;
  }
}
