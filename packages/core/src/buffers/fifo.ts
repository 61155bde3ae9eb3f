/** A first-in first-out queue whose every step takes constant time: `shift()` and `splice()` of a long array move what is left. */

/** A ring of this many places for the first item; doubled when it is full. */
const initialCapacity = 16;

/** The ring of every queue that has held nothing yet: an idle connection has several, of 176 bytes each. */
const emptyRing: never[] = [];

export class Fifo<T extends object> {
  /** A ring: its length is a power of two, so that positions wrap by a mask. Places from which items were removed are empty. */
  #ring: (T | undefined)[] = emptyRing;
  /** The position of the first item, and the one after the last: both only grow until the queue is cleared. */
  #head = 0;
  #tail = 0;
  #length = 0;
  /** Where each item is. Made when one is first removed from the middle, as to search for each would take the square of their number. */
  #positions: Map<T, number> | undefined;

  get length(): number {
    return this.#length;
  }

  get first(): T | undefined {
    return this.#length === 0 ? undefined : this.#ring[this.#head & (this.#ring.length - 1)];
  }

  push(item: T): void {
    if (this.#tail - this.#head === this.#ring.length) this.#makeRoom();
    this.#positions?.set(item, this.#tail);
    this.#ring[this.#tail & (this.#ring.length - 1)] = item;
    this.#tail++;
    this.#length++;
  }

  shift(): T | undefined {
    if (this.#length === 0) return undefined;
    const mask = this.#ring.length - 1;
    const item = this.#ring[this.#head & mask] as T;
    this.#ring[this.#head & mask] = undefined; // lets the collector have it
    this.#head++;
    this.#length--;
    if (this.#positions !== undefined) this.#skipHoles(item);
    return item;
  }

  /** Takes an item out of the middle; false if it is not there. */
  remove(item: T): boolean {
    if (this.#length > 0 && item === this.first) return this.shift() !== undefined;
    this.#positions ??= new Map(this.#entries());
    const position = this.#positions.get(item);
    if (position === undefined) return false;
    this.#positions.delete(item);
    this.#ring[position & (this.#ring.length - 1)] = undefined;
    this.#length--;
    return true;
  }

  clear(): void {
    this.#ring = emptyRing;
    this.#head = 0;
    this.#tail = 0;
    this.#length = 0;
    this.#positions = undefined;
  }

  /** What it holds, in order. */
  items(): T[] {
    return Array.from(this.#entries(), ([item]) => item);
  }

  *#entries(): IterableIterator<[T, number]> {
    for (let position = this.#head; position < this.#tail; position++) {
      const item = this.#ring[position & (this.#ring.length - 1)];
      if (item !== undefined) yield [item, position];
    }
  }

  /** The first place is never an empty one. */
  #skipHoles(taken: T): void {
    this.#positions?.delete(taken);
    if (this.#length === 0) {
      this.#head = this.#tail;
      this.#positions = undefined;
      return;
    }
    while (this.#ring[this.#head & (this.#ring.length - 1)] === undefined) this.#head++;
  }

  /** Closes the gaps, and doubles the ring where that is not enough. */
  #makeRoom(): void {
    const items = this.items();
    const capacity = this.#ring.length;
    this.#ring = new Array(items.length > capacity / 2 ? 2 * capacity : capacity || initialCapacity);
    for (const [position, item] of items.entries()) this.#ring[position] = item;
    this.#head = 0;
    this.#tail = this.#length;
    this.#positions = undefined;
  }
}
