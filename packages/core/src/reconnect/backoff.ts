/**
 * When to reconnect after a link broke: exponential backoff with full jitter, so that the clients of a restarted server do not reconnect at
 * the same moment. A fixed minimum precedes the random part: a Python server can crash if a client reconnects while it still handles the
 * last link. A pure policy: time and randomness are arguments.
 */

/** The options of the policy. */
export interface ReconnectOptions {
  /** The range of the random part of the first wait, doubled for each further attempt. Default 250. */
  readonly baseDelayMs: number;
  /** The maximum of a wait, including `minDelayMs`. Default 15,000. */
  readonly maxDelayMs: number;
  /** The minimum of a wait, to which the random part is added; at most `maxDelayMs`. Default 500, and 0 in a session. */
  readonly minDelayMs?: number | undefined;
  /** The number of consecutive failed attempts after which the connection closes. Default `Infinity`. */
  readonly maxAttempts: number;
  /** The time after which a link resets the count of attempts, even if no new message arrived. Default 10,000. */
  readonly resetAfterMs: number;
}

/** The default of `minDelayMs` outside a session. A peer with a session accepts a client that returns at once; a Python peer can crash. */
export const defaultMinDelayMs = 500;

/** After 2 consecutive authentication failures each wait is `maxDelayMs`: a user has to provide the right key. */
const maxAuthFailures = 2;

/** 100 doublings exceed every maximum. Without a limit, 2 to the power of the attempts would become infinite. */
const maxDoublings = 100;

/**
 * The wait before an attempt, in milliseconds; undefined after `maxAttempts`.
 * @param attempt 1 for the first attempt after the link broke
 * @param chance a random number from 0 to 1
 * @param inSession whether there is a session, so that the peer accepts a client that returns at once
 * @param authFailures the number of consecutive authentication failures
 */
export function backoffDelayMs(
  attempt: number,
  chance: number,
  options: ReconnectOptions,
  inSession = false,
  authFailures = 0,
): number | undefined {
  if (attempt > options.maxAttempts) return undefined;
  if (authFailures >= maxAuthFailures) return options.maxDelayMs;
  const doublings = Math.min(attempt - 1, maxDoublings);
  const floorMs = Math.min(options.maxDelayMs, options.minDelayMs ?? (inSession ? 0 : defaultMinDelayMs));
  const range = Math.min(options.maxDelayMs - floorMs, options.baseDelayMs * 2 ** doublings);
  // The random part is added to the minimum. With the larger of the two, clients with a small random part would reconnect at the same moment.
  return Math.floor(floorMs + chance * range);
}

/**
 * The number of the first attempt after a link broke: 1 after a link that lasted `resetAfterMs` or carried something new. A link that breaks
 * at once counts as another failed attempt: otherwise the client would reconnect without pause to a server that accepts and closes.
 * @param progressed whether a new message or acknowledgement arrived over the link
 */
export function initialAttempt(
  lastAttempt: number,
  connectedMs: number,
  progressed: boolean,
  options: ReconnectOptions,
): number {
  return progressed || connectedMs >= options.resetAfterMs ? 1 : lastAttempt + 1;
}
