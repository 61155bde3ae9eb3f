/** The errors of connections that a server rejects or closes. */
import {
  ConnectionClosedError,
  MessageTooLargeError,
  NotConnectedError,
  ProtocolError,
  type SerpyErrorLike,
} from '../errors.js';
import type { Address } from '../transport/address.js';

/** The server rejected a client before the program got its connection. */
export function rejectedError(remote: Address | undefined, cause: SerpyErrorLike): ProtocolError {
  return new ProtocolError(`${remote?.host}:${remote?.port} was rejected: ${cause.message}`, { cause });
}

/** The server closed the connection with the most partial bytes, because the total exceeded `maxPartialMessageBytes`. */
export function partialBudgetError(bytes: number, limitBytes: number): MessageTooLargeError {
  const remedy =
    'this connection held the most and was closed. Raise the option maxPartialMessageBytes of the server, or send fewer large messages at the same time';
  return new MessageTooLargeError('the total of all partially received messages', bytes, limitBytes, remedy);
}

export function notStarted(what: string): NotConnectedError {
  return new NotConnectedError(`${what} was called before start(): await server.start() first`);
}

export function closedError(what: string): ConnectionClosedError {
  return new ConnectionClosedError(`${what} failed: the server is closed. Create a new server`);
}
