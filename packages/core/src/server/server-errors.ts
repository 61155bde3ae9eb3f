/** What a server tells of peers that it hung up on, and tells them. */
import { MessageTooLargeError, ProtocolError, type SerpyErrorLike } from '../errors.js';
import type { Address } from '../transport/address.js';

/** A peer was hung up on before the program was given its connection. */
export function rejectedError(remote: Address | undefined, cause: SerpyErrorLike): ProtocolError {
  return new ProtocolError(`${remote?.host}:${remote?.port} was hung up on: ${cause.message}`, { cause });
}

/** A connection gives way as all peers together have sent too much in part. */
export function partialBudgetError(bytes: number, limitBytes: number): MessageTooLargeError {
  const remedy =
    'this peer held the most, and gave way. Raise the option maxPartialMessageBytes of the server, or let peers send one after the other';
  return new MessageTooLargeError('what all peers have sent in part', bytes, limitBytes, remedy);
}
