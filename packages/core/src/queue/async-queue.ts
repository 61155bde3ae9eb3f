/** A queue of things that have arrived, and those who wait for them, both in order. */

import type { Clock } from '../environment.js';
import { AbortError } from '../errors.js';
import { checkWait, type WaitOptions } from '../options/wait-options.js';
import { BoundedQueue, type QueueLimits, type Sized } from './bounded-queue.js';
import { abortError, Pending } from './deferred.js';

/** Who waits for an item, and who waits before and after. */
interface Waiting<T> {
  previous: Waiting<T> | undefined;
  next: Waiting<T> | undefined;
  /** Who it waits for, where several may be withdrawn together. */
  readonly by: object | undefined;
  give(item: T): void;
  /** Nothing will come. */
  end(error: () => Error): void;
}

/**
 * A promise of what is made of an item. The takers themselves are the list of those who wait: mostly it is one, for whom
 * a Set and closures took 500 bytes of each idle connection more.
 */
class Taker<T, R> extends Pending<R> implements Waiting<T> {
  previous: Waiting<T> | undefined;
  next: Waiting<T> | undefined;
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
    expired: (error: Error) => void,
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

export class Mailbox<T extends Sized> extends BoundedQueue<T> {
  #firstTaker: Waiting<T> | undefined;
  #lastTaker: Waiting<T> | undefined;
  readonly #clock: Clock;
  #closed: (() => Error) | undefined;

  constructor(limits: QueueLimits, clock: Clock) {
    super(limits);
    this.#clock = clock;
  }

  /** Hands an item to who has waited longest, or keeps it. */
  put(item: T): void {
    const taker = this.#firstTaker;
    if (taker === undefined) {
      this.push(item);
      return;
    }
    this.#leave(taker);
    this.handedOver(item);
    taker.give(item);
  }

  /** An item is somebody's now. */
  protected handedOver(_item: T): void {}

  /** What is there now. */
  takeNow(): T | undefined {
    const item = this.shift();
    if (item !== undefined) this.handedOver(item);
    return item;
  }

  /**
   * What is there, or will come, as `convert` makes it. After `close`, what is left, then the closing error.
   * Converted here and not behind the promise: each further promise costs a turn of the microtasks.
   * @param ended what `close` and `withdraw` make of it instead of that error
   * @param by who takes it, for `withdraw`
   */
  take<R>(what: string, options: WaitOptions, convert: (item: T) => R, ended?: () => R, by?: object): Promise<R> {
    try {
      checkWait(options);
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

  /** Ends those that wait for `by`, with what they were given as `ended`: they take nothing. */
  withdraw(by: object): void {
    for (let taker = this.#firstTaker; taker !== undefined; taker = taker.next) {
      if (taker.by !== by) continue;
      this.#leave(taker);
      taker.end(() => new AbortError('the wait was withdrawn'));
    }
  }

  /** Nothing more will come: who waits gets the error, and so does who asks when nothing is left. */
  close(error: () => Error): void {
    this.#closed ??= error;
    for (let taker = this.#firstTaker; taker !== undefined; taker = taker.next) taker.end(this.#closed);
    this.#firstTaker = undefined;
    this.#lastTaker = undefined;
  }

  #wait<R>(
    what: string,
    options: WaitOptions,
    convert: (item: T) => R,
    ended: (() => R) | undefined,
    by: object | undefined,
  ): Promise<R> {
    const taker = new Taker(this.#clock, what, options, convert, ended, by, (error) => {
      this.#leave(taker);
      taker.reject(error);
    });
    taker.previous = this.#lastTaker;
    if (this.#lastTaker) this.#lastTaker.next = taker;
    else this.#firstTaker = taker;
    this.#lastTaker = taker;
    return taker.promise;
  }

  #leave({ previous, next }: Waiting<T>): void {
    if (previous) previous.next = next;
    else this.#firstTaker = next;
    if (next) next.previous = previous;
    else this.#lastTaker = previous;
  }
}
