/** How and why a link ended. */
import { isSerpyError, ProtocolError, type SerpyErrorLike } from '../errors.js';

/** Why a link ended. */
export type DisconnectReason =
  /** The peer ended the connection. */
  | 'peer-closed'
  /** The network or the peer's operating system broke the connection. */
  | 'reset'
  /** The peer sent data that violates the protocol or is too large. */
  | 'protocol'
  /** The peer did not respond in time: it read nothing for `writeTimeoutMs`, did not answer, or sent nothing for too long. */
  | 'timeout'
  /** The receive queue was full under `whenFull: 'error'`. */
  | 'queue-full'
  /** `close()` or `destroy()` was called here. */
  | 'local-close';

/** How a link ended. */
export interface LinkEnd {
  readonly reason: DisconnectReason;
  readonly error: Error | undefined;
  /**
   * Messages sent on this link since the peer last confirmed receipt: they may not have arrived. 0 in a session, which keeps them; if `auto`
   * sends them again in the other protocol; after a clean end with no unsent bytes in this process; and after `destroy()` here.
   */
  readonly unacknowledgedMessages: number;
  /** Whether the end was intended, here or by `close()` at the peer. Undefined if the link ended without a session, as only a session has close frames. */
  readonly clean: boolean | undefined;
  /** The `reason` that the peer gave to `close()`. */
  readonly peerReason: string | undefined;
  /** How long the peer may resume its session, in milliseconds; 0 if it cannot. */
  readonly resumableMs: number;
}

/** Whether the session may be resumed after that end. Data that was too large or too much would be so again. */
export function isResumable(reason: DisconnectReason, error: Error | undefined): boolean {
  if (reason === 'queue-full') return false;
  return reason !== 'protocol' || !isSerpyError(error) || error.code !== 'ERR_SERPY_TOO_LARGE';
}

/** Whether an end discards data that has arrived but was not read. */
export function discardsUnread(reason: DisconnectReason): boolean {
  return reason === 'protocol' || reason === 'queue-full' || reason === 'timeout';
}

/** Why a link must end. */
export interface LinkFailure {
  readonly reason: DisconnectReason;
  readonly error: SerpyErrorLike;
}

/**
 * @param thrown by the session, or by the receive queue
 * @param what failed, for an error without a code
 */
export function toLinkFailure(
  thrown: Error,
  what = 'internal error while reading data from the peer, please report it with its stack',
): LinkFailure {
  if (!isSerpyError(thrown)) {
    const text = `${what}: ${thrown.message}`;
    return { reason: 'protocol', error: new ProtocolError(text, { cause: thrown }) };
  }
  if (thrown.code === 'ERR_SERPY_QUEUE_FULL') return { reason: 'queue-full', error: thrown };
  return { reason: thrown.code === 'ERR_SERPY_PEER_TIMEOUT' ? 'timeout' : 'protocol', error: thrown };
}
