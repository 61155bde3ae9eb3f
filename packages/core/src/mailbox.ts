/** Things that have arrived and those who wait for them, both in order. */
import { BoundedQueue, type QueueLimits, type Sized } from './bounded-queue.js';
import type { Clock } from './environment.js';
import { abortError, checkWait, Pending, type WaitOptions } from './pending.js';

/** Who waits for an item. */
interface Taker<T> {
  give(item: T): void;
  reject(error: Error): void;
}

export class Mailbox<T extends Sized> {
  readonly #queue: BoundedQueue<T>;
  readonly #takers = new Set<Taker<T>>();
  readonly #clock: Clock;
  #closed: (() => Error) | undefined;

  constructor(limits: QueueLimits, clock: Clock) {
    this.#queue = new BoundedQueue(limits);
    this.#clock = clock;
  }

  get length(): number {
    return this.#queue.length;
  }

  get bytes(): number {
    return this.#queue.bytes;
  }

  /** Whether one more should wait outside. Never so while somebody waits for it. */
  get full(): boolean {
    return this.#queue.full;
  }

  /** Hands an item to who has waited longest, or keeps it. */
  put(item: T): void {
    if (this.#takers.size === 0) {
      this.#queue.push(item);
      return;
    }
    const [taker] = this.#takers;
    this.#takers.delete(taker as Taker<T>);
    taker?.give(item);
  }

  /** What is there now. */
  takeNow(): T | undefined {
    return this.#queue.shift();
  }

  /**
   * What is there, or will come, as `convert` makes it. After `close`, what is left, then the closing error.
   * Converted here and not behind the promise: each further promise costs a turn of the microtasks.
   */
  take<R>(what: string, options: WaitOptions, convert: (item: T) => R): Promise<R> {
    try {
      checkWait(options);
      if (options.signal?.aborted) throw abortError(what, options.signal);
      const item = this.#queue.shift();
      if (item !== undefined) return Promise.resolve(convert(item));
      if (this.#closed) throw this.#closed();
    } catch (error) {
      return Promise.reject(error);
    }
    const pending = new Pending<R>(this.#clock, what, options, (error) => {
      this.#takers.delete(taker);
      pending.reject(error);
    });
    const taker: Taker<T> = {
      give(item) {
        try {
          pending.resolve(convert(item));
        } catch (error) {
          pending.reject(error as Error);
        }
      },
      reject: (error) => pending.reject(error),
    };
    this.#takers.add(taker);
    return pending.promise;
  }

  remove(item: T): boolean {
    return this.#queue.remove(item);
  }

  /** Nothing more will come: who waits gets the error, and so does who asks when nothing is left. */
  close(error: () => Error): void {
    this.#closed ??= error;
    for (const taker of this.#takers) taker.reject(this.#closed());
    this.#takers.clear();
  }

  clear(): void {
    this.#queue.clear();
  }
}
