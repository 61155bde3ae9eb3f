/** A promise with a timeout and an abort signal. It settles exactly once. */
import type { Clock } from '../environment.js';
import { AbortError, TimeoutError } from '../errors.js';
import type { WaitOptions } from '../options/wait-options.js';
import { onAbort } from './abort-listeners.js';

/** The error of a call whose signal was aborted. */
export function abortError(what: string, signal: AbortSignal): AbortError {
  return new AbortError(`${what} was aborted by its signal`, { cause: signal.reason });
}

type Settle<T> = (value: T) => void;

/** Where `grab` puts the functions of a new promise. One function for all promises saves each of them a closure. */
const grabbed: { resolve: Settle<never>; reject: Settle<Error> } = { resolve: noop, reject: noop };

function grab(resolve: Settle<never>, reject: Settle<Error>): void {
  grabbed.resolve = resolve;
  grabbed.reject = reject;
}

export class Deferred<T> {
  readonly promise: Promise<T>;
  readonly #resolve: Settle<T>;
  readonly #reject: Settle<Error>;
  #stopWaiting: (() => void) | undefined;

  /**
   * @param what names the call in errors, for example `getData`
   * @param expired called after the timeout or when the signal is aborted, with this promise, which it settles
   */
  constructor(
    clock: Clock,
    what: string,
    options: WaitOptions,
    expired: (error: TimeoutError | AbortError, deferred: never) => void,
  ) {
    this.promise = new Promise<T>(grab);
    this.#resolve = grabbed.resolve as Settle<T>;
    this.#reject = grabbed.reject;
    const { timeoutMs, signal } = options;
    if (timeoutMs === undefined && signal === undefined) return;
    this.#watch(clock, what, options, expired as (error: TimeoutError | AbortError, deferred: this) => void);
  }

  #watch(
    clock: Clock,
    what: string,
    { timeoutMs, signal }: WaitOptions,
    expired: (error: TimeoutError | AbortError, deferred: this) => void,
  ): void {
    const timer =
      timeoutMs === undefined || timeoutMs === Number.POSITIVE_INFINITY
        ? undefined
        : clock.setTimeout(
            () =>
              expired(
                new TimeoutError(
                  `${what} timed out after ${timeoutMs} ms (timeoutMs): call it again, or raise timeoutMs`,
                ),
                this,
              ),
            timeoutMs,
          );
    const unsubscribe = signal && onAbort(signal, () => expired(abortError(what, signal), this));
    if (timer === undefined && unsubscribe === undefined) return;
    this.#stopWaiting = () => {
      if (timer !== undefined) clock.clearTimeout(timer);
      unsubscribe?.();
    };
  }

  resolve(value: T): void {
    this.#release();
    this.#resolve(value);
  }

  reject(error: Error): void {
    this.#release();
    this.#reject(error);
  }

  /**
   * Rejects without an unhandled rejection if the promise is not awaited: events report that the peer has gone, which must not end a program
   * that sends without awaiting.
   */
  rejectHandled(error: Error): void {
    this.promise.catch(noop);
    this.reject(error);
  }

  #release(): void {
    this.#stopWaiting?.();
    this.#stopWaiting = undefined;
  }
}

function noop(): void {}

/** A rejected promise that causes no unhandled rejection, as `rejectHandled`. */
export function handledRejection(error: unknown): Promise<never> {
  const rejection = Promise.reject(error);
  rejection.catch(noop);
  return rejection;
}
