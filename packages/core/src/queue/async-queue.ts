/** A queue of items that have arrived, and of calls that wait for one, both in order. */
import type { Clock } from '../environment.js';
import { AbortError } from '../errors.js';
import { checkWaitOptions, type WaitOptions } from '../options/wait-options.js';
import { BoundedQueue, type QueueLimits, type Sized } from './bounded-queue.js';
import { abortError, Deferred } from './deferred.js';

/** A call that waits for an item, linked to the calls before and after it. */
interface WaitingEntry<T> {
  previous: WaitingEntry<T> | undefined;
  next: WaitingEntry<T> | undefined;
  /** Identifies the caller for `withdraw`. */
  readonly by: object | undefined;
  give(item: T): void;
  /** No item will arrive. */
  end(error: () => Error): void;
}

/** Ends the wait of a call whose time is over or whose signal was aborted. */
type Expired<T> = (error: Error, waiter: WaitingEntry<T> & { reject(error: Error): void }) => void;

/**
 * A promise of a converted item. Waiters form a linked list themselves: mostly there is one, and a Set with closures took 500 bytes more for
 * each idle connection.
 */
class Waiter<T, R> extends Deferred<R> implements WaitingEntry<T> {
  previous: WaitingEntry<T> | undefined;
  next: WaitingEntry<T> | undefined;
  readonly by: object | undefined;
  readonly #convert: (item: T) => R;
  readonly #ended: (() => R) | undefined;

  constructor(
    clock: Clock,
    what: string,
    options: WaitOptions,
    convert: (item: T) => R,
    ended: (() => R) | undefined,
    by: object | undefined,
    expired: Expired<T>,
  ) {
    super(clock, what, options, expired);
    this.by = by;
    this.#convert = convert;
    this.#ended = ended;
  }

  give(item: T): void {
    try {
      this.resolve(this.#convert(item));
    } catch (error) {
      this.reject(error as Error);
    }
  }

  end(error: () => Error): void {
    if (this.#ended) this.resolve(this.#ended());
    else this.reject(error());
  }
}

/** What a queue reports. */
export interface AsyncQueueListener<T> {
  /** The program has received this item, or the queue has dropped it for a newer one. */
  consumed(item: T): void;
}

export class AsyncQueue<T extends Sized> extends BoundedQueue<T> {
  #firstWaiter: WaitingEntry<T> | undefined;
  #lastWaiter: WaitingEntry<T> | undefined;
  readonly #clock: Clock;
  readonly #listener: AsyncQueueListener<T> | undefined;
  #closed: (() => Error) | undefined;
  /** Made for the first wait, and the same for all: a closure for each cost a round trip 0.1 µs. */
  #expired: Expired<T> | undefined;

  constructor(limits: QueueLimits, clock: Clock, listener?: AsyncQueueListener<T>) {
    super(limits);
    this.#clock = clock;
    this.#listener = listener;
  }

  /** Gives an item to the call that has waited longest, or keeps it. */
  put(item: T): void {
    const waiter = this.#firstWaiter;
    if (waiter === undefined) {
      this.push(item);
      return;
    }
    this.#removeWaiter(waiter);
    this.#listener?.consumed(item);
    waiter.give(item);
  }

  /** The next item, if there is one now. */
  takeNow(): T | undefined {
    const item = this.shift();
    if (item !== undefined) this.#listener?.consumed(item);
    return item;
  }

  /**
   * The next item, now or later, converted. After `close`, the items that are left, then the closing error. The conversion happens here because
   * a further promise would cost a turn of the microtasks.
   * @param ended the result after `close` or `withdraw`, instead of an error
   * @param by identifies the caller for `withdraw`
   */
  take<R>(what: string, options: WaitOptions, convert: (item: T) => R, ended?: () => R, by?: object): Promise<R> {
    try {
      checkWaitOptions(options);
      if (options.signal?.aborted) throw abortError(what, options.signal);
      const item = this.takeNow();
      if (item !== undefined) return Promise.resolve(convert(item));
      if (this.#closed && ended) return Promise.resolve(ended());
      if (this.#closed) throw this.#closed();
    } catch (error) {
      return Promise.reject(error);
    }
    return this.#wait(what, options, convert, ended, by);
  }

  /** Ends the waiting calls of `by` with the result of their `ended`. They consume no item. */
  withdraw(by: object): void {
    for (let waiter = this.#firstWaiter; waiter !== undefined; waiter = waiter.next) {
      if (waiter.by !== by) continue;
      this.#removeWaiter(waiter);
      waiter.end(() => new AbortError('the wait was withdrawn'));
    }
  }

  /** No more items will arrive: waiting calls get the error, and so do later ones when no item is left. */
  close(error: () => Error): void {
    this.#closed ??= error;
    for (let waiter = this.#firstWaiter; waiter !== undefined; waiter = waiter.next) waiter.end(this.#closed);
    this.#firstWaiter = undefined;
    this.#lastWaiter = undefined;
  }

  #wait<R>(
    what: string,
    options: WaitOptions,
    convert: (item: T) => R,
    ended: (() => R) | undefined,
    by: object | undefined,
  ): Promise<R> {
    this.#expired ??= (error, expired) => {
      this.#removeWaiter(expired);
      expired.reject(error);
    };
    const waiter = new Waiter(this.#clock, what, options, convert, ended, by, this.#expired);
    waiter.previous = this.#lastWaiter;
    if (this.#lastWaiter) this.#lastWaiter.next = waiter;
    else this.#firstWaiter = waiter;
    this.#lastWaiter = waiter;
    return waiter.promise;
  }

  #removeWaiter({ previous, next }: WaitingEntry<T>): void {
    if (previous) previous.next = next;
    else this.#firstWaiter = next;
    if (next) next.previous = previous;
    else this.#lastWaiter = previous;
  }
}
