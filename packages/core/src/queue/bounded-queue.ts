/** A first-in first-out queue with bounds in messages and in bytes. */
import { Fifo } from '../buffers/fifo.js';

/** The bounds of a queue. */
export interface QueueLimits {
  readonly maxMessages: number;
  readonly maxBytes: number;
}

/** Something with a size. */
export interface Sized {
  readonly sizeBytes: number;
}

export class BoundedQueue<T extends Sized> {
  readonly limits: QueueLimits;
  readonly #items = new Fifo<T>();
  #bytes = 0;

  constructor(limits: QueueLimits) {
    this.limits = limits;
  }

  get length(): number {
    return this.#items.length;
  }

  /** The next item. */
  get first(): T | undefined {
    return this.#items.first;
  }

  get last(): T | undefined {
    return this.#items.last;
  }

  get bytes(): number {
    return this.#bytes;
  }

  /** Whether a bound is reached or exceeded. */
  get full(): boolean {
    return this.#items.length >= this.limits.maxMessages || this.#bytes >= this.limits.maxBytes;
  }

  /** Appends an item. The caller checks the bounds. */
  push(item: T): void {
    this.#items.push(item);
    this.#bytes += item.sizeBytes;
  }

  shift(): T | undefined {
    const item = this.#items.shift();
    if (item !== undefined) this.#bytes -= item.sizeBytes;
    return item;
  }

  /** Removes an item anywhere in the queue. @returns whether it was there */
  remove(item: T): boolean {
    const isThere = this.#items.remove(item);
    if (isThere) this.#bytes -= item.sizeBytes;
    return isThere;
  }

  /** Puts items before all others. */
  putBack(items: readonly T[]): void {
    const all = [...items, ...this.items()];
    this.clear();
    for (const item of all) this.push(item);
  }

  clear(): void {
    this.#items.clear();
    this.#bytes = 0;
  }

  /** All items, in order. */
  items(): T[] {
    return this.#items.items();
  }
}
