/** What `for await` over a connection or a server runs over, and what streams read from: what comes, until nothing more will. */
import { defaultWait, type WaitOptions } from '../options/wait-options.js';

/** Where the items come from. */
export interface MessageSource<T> {
  /** What is there now. */
  takeNow(): T | undefined;
  /** What is there, or will come; `by` names who takes it. */
  take<R>(what: string, options: WaitOptions, convert: (item: T) => R, ended: () => R, by: object): Promise<R>;
  /** Ends those takes of `by` that wait, with what `ended` gives: they take nothing. */
  withdraw(by: object): void;
}

export class MessageIterator<T, R> implements AsyncIterableIterator<R> {
  readonly #source: MessageSource<T>;
  readonly #convert: (item: T) => IteratorResult<R>;
  readonly #refusal: () => Error | undefined;
  readonly #wait: WaitOptions;
  #isOver = false;

  /** @param refusal why nothing can be taken yet */
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

  /** To wait costs one promise, as what is there does. */
  next(): Promise<IteratorResult<R>> {
    if (this.#isOver) return Promise.resolve(done);
    const item = this.#source.takeNow();
    if (item !== undefined) return Promise.resolve(this.#convert(item));
    const refusal = this.#refusal();
    if (refusal) return Promise.reject(refusal);
    return this.#source.take('for await', this.#wait, this.#convert, ended, this);
  }

  /** A `next` that still waits ends too: nobody would look at what it takes. */
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
