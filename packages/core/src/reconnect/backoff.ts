/**
 * When to dial again after a link broke: full jitter between 0 and an exponentially growing bound, so that
 * many clients of one restarted server come back spread out. Before it a time that nobody draws: an original server
 * may die of a client that comes back while it is still busy with the last link. A pure policy: time and chance are arguments.
 */

/** The policy's numbers. */
export interface ReconnectOptions {
  /** The range of the random part of the first wait, doubled for each further attempt. Default 250. */
  readonly baseDelayMs: number;
  /** The maximum of a wait, `minDelayMs` included. Default 15,000. */
  readonly maxDelayMs: number;
  /** The minimum of a wait, before the random part; at most `maxDelayMs`. Default 500, and in a session 0. */
  readonly minDelayMs?: number | undefined;
  /** How many dials in a row may lead to nothing before the connection gives up. Default `Infinity`. */
  readonly maxAttempts: number;
  /** How long a link must have held for the count to start anew, if nothing new came over it. Default 10,000. */
  readonly resetAfterMs: number;
}

/** What `minDelayMs` is where nothing is said. A peer of a session takes a client that comes back at once, an original may die of it. */
export const defaultMinDelayMs = 500;

/** After so many dials in a row in which one end did not prove who it is, there is no use in hurrying: somebody has to bring a key. */
const maxAuthFailures = 2;

/** More than it takes from any base to any bound; 2 to the power of any number of dials would be infinite one day. */
const maxDoublings = 100;

/**
 * The wait before a dial, in milliseconds, or undefined when it is time to give up.
 * @param attempt 1 for the first dial after the link broke
 * @param chance from 0 to 1
 * @param inSession whether the peer is known to take a client that comes back at once
 * @param authFailures how many of the last dials in a row failed because one end did not prove who it is
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
  // Added to the minimum, not the larger of the two: clients whose random part is small would all reconnect at once.
  return Math.floor(floorMs + chance * range);
}

/**
 * The number of the first dial after a link broke: 1 after a link that held, or that led to something. One that breaks as soon as it is up
 * counts as another failed dial, otherwise a peer that accepts and hangs up would be dialled without pause.
 * @param progressed whether a new message or acknowledgement came over the link
 */
export function initialAttempt(
  lastAttempt: number,
  connectedMs: number,
  progressed: boolean,
  options: ReconnectOptions,
): number {
  return progressed || connectedMs >= options.resetAfterMs ? 1 : lastAttempt + 1;
}
