/** The options of calls that wait: `timeoutMs` and `signal`. */
import { OptionError } from '../errors.js';
import { checkNames } from './option-names.js';

/** How long a call waits. */
export interface WaitOptions {
  /** Milliseconds, from 0 to 2,147,483,647, or `Infinity`. Default: without limit. */
  readonly timeoutMs?: number | undefined;
  /** Ends the wait early; the call then rejects with an `AbortError`. */
  readonly signal?: AbortSignal | undefined;
}

/** How long a call of `sendData` waits, and how long its message is of use. */
export interface SendWaitOptions extends WaitOptions {
  /**
   * Milliseconds after which the message is of no use, as `timeoutMs`. If it has not been handed to the TCP connection by then, it is dropped, and
   * `sendData` resolves `false`. Default: never.
   */
  readonly expiresMs?: number | undefined;
}

/** The longest delay of Node's timers. With 1 ms more they fire at once. */
export const maxTimeoutMs = 2 ** 31 - 1;

/** Shared by all calls without options. */
export const defaultWait: WaitOptions = Object.freeze({});
const waitOptionNames: readonly string[] = ['timeoutMs', 'signal'];

/**
 * Throws an `OptionError` for wrong options of a call.
 * @param moreNames options of the call that are checked elsewhere
 * @param names the options of a call that waits
 */
export function checkWaitOptions(
  options: WaitOptions,
  moreNames: readonly string[] = [],
  names: readonly string[] = waitOptionNames,
): void {
  if (options === defaultWait) return;
  if (options === null || typeof options !== 'object') {
    throw new OptionError(`the options of a call are an object such as { timeoutMs: 1000 }, not ${String(options)}`);
  }
  for (const name in options) {
    // Creating the list of all names for each call would take longer than the rest of a send.
    if (!names.includes(name) && !moreNames.includes(name)) checkNames(options, [...names, ...moreNames]);
  }
  const { timeoutMs, signal } = options;
  if (timeoutMs !== undefined) checkMilliseconds('timeoutMs', timeoutMs);
  checkSignal(signal);
}

const sendWaitNames: readonly string[] = [...waitOptionNames, 'expiresMs'];

/** As `checkWaitOptions`, for `sendData`. @param protocolNames the protocol's own options */
export function checkSendOptions(options: SendWaitOptions, protocolNames: readonly string[]): void {
  checkWaitOptions(options, protocolNames, sendWaitNames);
  if (options.expiresMs !== undefined) checkMilliseconds('expiresMs', options.expiresMs);
}

function checkMilliseconds(name: string, value: unknown): void {
  if (value === Number.POSITIVE_INFINITY) return;
  if (typeof value === 'number' && value >= 0 && value <= maxTimeoutMs) return;
  throw new OptionError(
    `${name} takes a number of milliseconds from 0 to ${maxTimeoutMs}, or Infinity, not ${String(value)}`,
  );
}

/** Throws an `OptionError` for a value that is not an `AbortSignal`. */
export function checkSignal(signal: AbortSignal | undefined): void {
  if (signal === undefined) return;
  if (typeof signal !== 'object' || !('aborted' in (signal ?? {})) || typeof signal.addEventListener !== 'function') {
    throw new OptionError('signal takes an AbortSignal, for example new AbortController().signal');
  }
}
