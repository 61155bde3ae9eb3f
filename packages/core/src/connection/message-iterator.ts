/** The iterator of `for await` over a connection or a server, which streams read from too. It ends when its source closes. */
import { defaultWait, type WaitOptions } from '../options/wait-options.js';

/** A queue to iterate over. */
export interface MessageSource<T> {
  /** The next item, if there is one now. */
  takeNow(): T | undefined;
  /** The next item, now or later. `by` identifies the caller for `withdraw`. */
  take<R>(what: string, options: WaitOptions, convert: (item: T) => R, ended: () => R, by: object): Promise<R>;
  /** Resolves the waiting calls of `by` with the result of `ended`; they consume no item. */
  withdraw(by: object): void;
}

export class MessageIterator<T, R> implements AsyncIterableIterator<R> {
  readonly #source: MessageSource<T>;
  readonly #convert: (item: T) => IteratorResult<R>;
  readonly #refusal: () => Error | undefined;
  readonly #wait: WaitOptions;
  #isOver = false;

  /** @param refusal why nothing can be consumed yet */
  constructor(
    source: MessageSource<T>,
    convert: (item: T) => IteratorResult<R>,
    refusal: () => Error | undefined,
    wait: WaitOptions = defaultWait,
  ) {
    this.#source = source;
    this.#convert = convert;
    this.#refusal = refusal;
    this.#wait = wait;
  }

  /** Makes one promise, whether it waits or not. */
  next(): Promise<IteratorResult<R>> {
    if (this.#isOver) return Promise.resolve(done);
    const item = this.#source.takeNow();
    if (item !== undefined) return Promise.resolve(this.#convert(item));
    const refusal = this.#refusal();
    if (refusal) return Promise.reject(refusal);
    return this.#source.take('for await', this.#wait, this.#convert, ended, this);
  }

  /** Also ends a `next` that still waits: the message it would consume would be lost. */
  return(): Promise<IteratorResult<R>> {
    this.#isOver = true;
    this.#source.withdraw(this);
    return Promise.resolve(done);
  }

  [Symbol.asyncIterator](): this {
    return this;
  }
}

const done = Object.freeze({ done: true, value: undefined });

function ended() {
  return done;
}
