/** What it means for a link that something was thrown at it. */
import { isSerpyError, ProtocolError, type SerpyErrorLike } from './errors.js';
import type { DisconnectReason } from './link-end.js';

/** Why the link must end, and the error that says so. */
export interface LinkFailure {
  readonly reason: DisconnectReason;
  readonly error: SerpyErrorLike;
}

/**
 * @param thrown by the session, or by the queue that takes its messages
 * @param what could not be done
 */
export function failureOf(thrown: Error, what = "the peer's bytes could not be read"): LinkFailure {
  if (!isSerpyError(thrown)) {
    const text = `${what}: ${thrown.message}`;
    return { reason: 'protocol', error: new ProtocolError(text, { cause: thrown }) };
  }
  if (thrown.code === 'ERR_SERPY_QUEUE_FULL') return { reason: 'queue-full', error: thrown };
  return { reason: thrown.code === 'ERR_SERPY_SILENT' ? 'silent' : 'protocol', error: thrown };
}
