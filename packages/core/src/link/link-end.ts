/** How and why a link ended. */
import { isSerpyError, ProtocolError, type SerpyErrorLike } from '../errors.js';

/** Why a link ended. */
export type DisconnectReason =
  /** The peer ended the connection. */
  | 'peer-closed'
  /** The network or the peer's system broke it. */
  | 'reset'
  /** The peer sent what is not of this protocol, or too large. */
  | 'protocol'
  /** The peer gave no sign of life: it took nothing for `writeTimeoutMs`, did not answer, or said nothing for too long. */
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
   * Messages that were sent on it since the last proof that the peer had read what came before: they may not have arrived. 0 in a session, which keeps
   * them; where `auto` sends them again in the other protocol; after an end in good order with nothing left in this process; and after `destroy()` here.
   */
  readonly unacknowledgedMessages: number;
  /** Whether an end meant it: `close()` here, or there. Undefined where the peer cannot say: plain v1 and v2. */
  readonly clean: boolean | undefined;
  /** Why the peer closed, where it said so. */
  readonly peerReason: string | undefined;
  /** How long the peer may come back by itself, in milliseconds. */
  readonly resumableMs: number;
}

/** Whether the peer may come back to its session after that. What was too much would be too much again. */
export function isResumable(reason: DisconnectReason, error: Error | undefined): boolean {
  if (reason === 'queue-full') return false;
  return reason !== 'protocol' || !isSerpyError(error) || error.code !== 'ERR_SERPY_TOO_LARGE';
}

/** Whether what has come and was not read is left unread. */
export function discardsUnread(reason: DisconnectReason): boolean {
  return reason === 'protocol' || reason === 'queue-full' || reason === 'timeout';
}

/** Why the link must end, and the error that says so. */
export interface LinkFailure {
  readonly reason: DisconnectReason;
  readonly error: SerpyErrorLike;
}

/**
 * @param thrown by the session, or by the queue that takes its messages
 * @param what could not be done
 */
export function toLinkFailure(thrown: Error, what = "the peer's bytes could not be read"): LinkFailure {
  if (!isSerpyError(thrown)) {
    const text = `${what}: ${thrown.message}`;
    return { reason: 'protocol', error: new ProtocolError(text, { cause: thrown }) };
  }
  if (thrown.code === 'ERR_SERPY_QUEUE_FULL') return { reason: 'queue-full', error: thrown };
  return { reason: thrown.code === 'ERR_SERPY_PEER_TIMEOUT' ? 'timeout' : 'protocol', error: thrown };
}
