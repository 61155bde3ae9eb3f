/** Things that have arrived and those who wait for them, both in order. */
import { BoundedQueue, type QueueLimits, type Sized } from './bounded-queue.js';
import type { Clock } from './environment.js';
import { abortError, checkWait, Pending, type WaitOptions } from './pending.js';

export class Mailbox<T extends Sized> {
  readonly #queue: BoundedQueue<T>;
  readonly #takers = new Set<Pending<T>>();
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
    this.#takers.delete(taker as Pending<T>);
    taker?.resolve(item);
  }

  /** What is there now. */
  takeNow(): T | undefined {
    return this.#queue.shift();
  }

  /** What is there, or will come. After `close`, what is left, then the closing error. */
  take(what: string, options: WaitOptions): Promise<T> {
    try {
      checkWait(options);
    } catch (error) {
      return Promise.reject(error);
    }
    if (options.signal?.aborted) return Promise.reject(abortError(what, options.signal));
    const item = this.#queue.shift();
    if (item !== undefined) return Promise.resolve(item);
    if (this.#closed) return Promise.reject(this.#closed());
    const taker = new Pending<T>(this.#clock, what, options, (error) => {
      this.#takers.delete(taker);
      taker.reject(error);
    });
    this.#takers.add(taker);
    return taker.promise;
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
