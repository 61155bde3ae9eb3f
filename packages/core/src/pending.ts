/** A promise that waits, at most for a time and until a signal, and settles exactly once. */
import { onAbort } from './abort-listeners.js';
import type { Clock } from './environment.js';
import { AbortError, OptionError, TimeoutError } from './errors.js';
import { checkNames } from './option-names.js';

/** How long a call may wait. */
export interface WaitOptions {
  /** Milliseconds, from 0 to 2,147,483,647, or `Infinity`. Default: as long as it takes. */
  readonly timeoutMs?: number | undefined;
  /** Ends the wait early; the call then rejects with an `AbortError`. */
  readonly signal?: AbortSignal | undefined;
}

/** The longest delay that Node's timers take: one millisecond more, and they fire at once. */
export const maxTimeoutMs = 2 ** 31 - 1;

/** Shared by all calls that were given no options. */
export const noWait: WaitOptions = Object.freeze({});

const waitNames: readonly string[] = ['timeoutMs', 'signal'];

/**
 * Throws an `OptionError` unless the options of a call are what they should be.
 * @param moreNames options of the call that are checked elsewhere
 */
export function checkWait(options: WaitOptions, moreNames: readonly string[] = []): void {
  if (options === noWait) return;
  if (options === null || typeof options !== 'object') {
    throw new OptionError(`the options of a call are an object such as { timeoutMs: 1000 }, not ${String(options)}`);
  }
  for (const name in options) {
    // Made for each call, the list of all names takes longer than the rest of a send.
    if (!waitNames.includes(name) && !moreNames.includes(name)) checkNames(options, [...waitNames, ...moreNames]);
  }
  const { timeoutMs, signal } = options;
  if (timeoutMs !== undefined && timeoutMs !== Number.POSITIVE_INFINITY) {
    if (typeof timeoutMs !== 'number' || !(timeoutMs >= 0 && timeoutMs <= maxTimeoutMs)) {
      throw new OptionError(
        `timeoutMs takes a number of milliseconds from 0 to ${maxTimeoutMs}, or Infinity, not ${String(timeoutMs)}`,
      );
    }
  }
  checkSignal(signal);
}

/** Throws an `OptionError` for what is no signal. */
export function checkSignal(signal: AbortSignal | undefined): void {
  if (signal === undefined) return;
  if (typeof signal !== 'object' || !('aborted' in (signal ?? {})) || typeof signal.addEventListener !== 'function') {
    throw new OptionError('signal takes an AbortSignal, for example new AbortController().signal');
  }
}

/** The error of a call whose signal was aborted. */
export function abortError(what: string, signal: AbortSignal): AbortError {
  return new AbortError(`${what} was aborted by its signal`, { cause: signal.reason });
}

export class Pending<T> {
  readonly promise: Promise<T>;
  #resolve!: (value: T) => void;
  #reject!: (error: Error) => void;
  #stop: (() => void) | undefined;

  /**
   * @param what names the call in messages, for example `getData`
   * @param expired called when time is up or the signal is aborted; it settles the promise
   */
  constructor(clock: Clock, what: string, options: WaitOptions, expired: (error: TimeoutError | AbortError) => void) {
    this.promise = new Promise((resolve, reject) => {
      this.#resolve = resolve;
      this.#reject = reject;
    });
    const { timeoutMs, signal } = options;
    const timer =
      timeoutMs === undefined || timeoutMs === Number.POSITIVE_INFINITY
        ? undefined
        : clock.setTimeout(
            () => expired(new TimeoutError(`${what} waited ${timeoutMs} ms (timeoutMs) in vain`)),
            timeoutMs,
          );
    const unsubscribe = signal && onAbort(signal, () => expired(abortError(what, signal)));
    if (timer === undefined && unsubscribe === undefined) return;
    this.#stop = () => {
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
   * Rejects for whoever waits. Where nobody does, it is no unhandled rejection: that the peer has gone is told by events,
   * and must not end a program that sends without awaiting.
   */
  rejectQuietly(error: Error): void {
    this.promise.catch(ignore);
    this.reject(error);
  }

  #release(): void {
    this.#stop?.();
    this.#stop = undefined;
  }
}

function ignore(): void {}

/** A rejection as `rejectQuietly` makes it. */
export function quietRejection(error: unknown): Promise<never> {
  const rejection = Promise.reject(error);
  rejection.catch(ignore);
  return rejection;
}
