/** A first-in first-out queue that knows what it holds, in messages and in bytes, and whether one more fits. */
import { Fifo } from '../buffers/fifo.js';

/** The bounds of a queue. */
export interface QueueLimits {
  readonly maxMessages: number;
  readonly maxBytes: number;
}

/** Something with a weight. */
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

  get bytes(): number {
    return this.#bytes;
  }

  /** Whether it holds as much as it may, or more. */
  get full(): boolean {
    return this.#items.length >= this.limits.maxMessages || this.#bytes >= this.limits.maxBytes;
  }

  /** Puts an item at the end. The bounds are the caller's to heed. */
  push(item: T): void {
    this.#items.push(item);
    this.#bytes += item.sizeBytes;
  }

  shift(): T | undefined {
    const item = this.#items.shift();
    if (item !== undefined) this.#bytes -= item.sizeBytes;
    return item;
  }

  /** Takes an item out of the middle; false if it is not there. */
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

  /** What it holds, in order. */
  items(): T[] {
    return this.#items.items();
  }
}
