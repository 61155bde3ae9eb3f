/** A first-in first-out queue whose every step takes constant time: `shift()` and `splice()` of a long array move the other items. */

/** The ring has 16 places for the first item, and doubles when it is full. */
const initialCapacity = 16;

/** Shared by all empty queues: an idle connection has several, and a ring of its own takes 176 bytes each. */
const emptyRing: never[] = [];

export class Fifo<T extends object> {
  /** The length of the ring is a power of two, so that a mask wraps positions. Places of removed items are empty. */
  #ring: (T | undefined)[] = emptyRing;
  /** The position of the first item, and the position after the last. Both grow until the queue is cleared. */
  #head = 0;
  #tail = 0;
  /** The number of items. A field, because each message reads it several times. Nothing else changes it. */
  length = 0;
  /** The position of each item. Created at the first removal from the middle: searching for each item would take quadratic time. */
  #positions: Map<T, number> | undefined;

  get first(): T | undefined {
    return this.length === 0 ? undefined : this.#ring[this.#head & (this.#ring.length - 1)];
  }

  get last(): T | undefined {
    if (this.length === 0) return undefined;
    const mask = this.#ring.length - 1;
    let position = this.#tail - 1;
    while (this.#ring[position & mask] === undefined) position--;
    return this.#ring[position & mask];
  }

  push(item: T): void {
    if (this.#tail - this.#head === this.#ring.length) this.#makeRoom();
    this.#positions?.set(item, this.#tail);
    this.#ring[this.#tail & (this.#ring.length - 1)] = item;
    this.#tail++;
    this.length++;
  }

  shift(): T | undefined {
    if (this.length === 0) return undefined;
    const mask = this.#ring.length - 1;
    const item = this.#ring[this.#head & mask] as T;
    this.#ring[this.#head & mask] = undefined; // so that the item can be collected
    this.#head++;
    this.length--;
    if (this.#positions !== undefined) this.#skipHoles(item);
    return item;
  }

  /** Removes an item, also from the middle. @returns false if the item is not in the queue */
  remove(item: T): boolean {
    if (this.length > 0 && item === this.first) return this.shift() !== undefined;
    this.#positions ??= new Map(this.#entries());
    const position = this.#positions.get(item);
    if (position === undefined) return false;
    this.#positions.delete(item);
    this.#ring[position & (this.#ring.length - 1)] = undefined;
    this.length--;
    return true;
  }

  clear(): void {
    this.#ring = emptyRing;
    this.#head = 0;
    this.#tail = 0;
    this.length = 0;
    this.#positions = undefined;
  }

  /** All items in order. */
  items(): T[] {
    return Array.from(this.#entries(), ([item]) => item);
  }

  *#entries(): IterableIterator<[T, number]> {
    for (let position = this.#head; position < this.#tail; position++) {
      const item = this.#ring[position & (this.#ring.length - 1)];
      if (item !== undefined) yield [item, position];
    }
  }

  /** Moves the head past empty places. */
  #skipHoles(removed: T): void {
    this.#positions?.delete(removed);
    if (this.length === 0) {
      this.#head = this.#tail;
      this.#positions = undefined;
      return;
    }
    while (this.#ring[this.#head & (this.#ring.length - 1)] === undefined) this.#head++;
  }

  /** Removes empty places, and doubles the ring if that is not enough. */
  #makeRoom(): void {
    const items = this.items();
    const capacity = this.#ring.length;
    this.#ring = new Array(items.length > capacity / 2 ? 2 * capacity : capacity || initialCapacity);
    for (const [position, item] of items.entries()) this.#ring[position] = item;
    this.#head = 0;
    this.#tail = this.length;
    this.#positions = undefined;
  }
}
