/** Errors that say why a connection is closed, or what became of its messages. */
import {
  ConnectionClosedError,
  ConnectionLostError,
  MessagesDroppedError,
  NotConnectedError,
  OptionError,
} from '../errors.js';
import type { CloseInfo, DisconnectInfo } from './connection-events.js';

const closeReasons: Record<CloseInfo['reason'], string> = {
  'peer-closed': 'the peer ended it',
  reset: 'the network or the peer broke it',
  protocol: 'the peer sent what cannot be read',
  timeout: 'the peer gave no sign of life',
  'queue-full': 'the receive queue was full',
  'local-close': 'it was closed here',
  'retries-exhausted': 'dialling again was given up',
};

/**
 * The error of a call on a connection that is closed or closing.
 * @param info undefined while `close()` is at work
 */
export function closedError(what: string, info: CloseInfo | undefined): ConnectionClosedError {
  const why = info ? closeReasons[info.reason] : 'close() was called';
  const detail = info?.error ? ` (${info.error.message})` : '';
  return new ConnectionClosedError(
    `${what}: the connection is closed: ${why}${detail}. A closed connection cannot be used again: make a new one`,
    info?.error ? { cause: info.error } : undefined,
  );
}

/** Messages that were sent without a session on a link that has broken. */
export function unconfirmedError({ unacknowledgedMessages: count, reason }: DisconnectInfo): ConnectionLostError {
  const messages = count === 1 ? 'the message' : `up to ${count} messages, the last first,`;
  return new ConnectionLostError(
    `the link broke (${reason}), and ${messages} that had been sent on it may not have arrived, as nothing tells what the peer had read: ` +
      "in a session nothing is lost (v2: session: 'prefer' at both ends, and autoRestart); in v1, use the modes 1, 3 and 5",
  );
}

/** The connection closed while `sendData` waited for an acknowledgement. */
export function unacknowledgedError({ error: cause }: CloseInfo): ConnectionLostError {
  const text = 'the connection ended before the message was acknowledged: it may or may not have arrived';
  return new ConnectionLostError(text, { cause });
}

/** The connection closed with messages in its send queue. */
export function unsentError(count: number, { error: cause }: CloseInfo): MessagesDroppedError {
  const text = `the connection ended with ${count} accepted message${count > 1 ? 's' : ''} not sent`;
  return new MessagesDroppedError(text, count, { cause });
}

export function noStreamsError(): OptionError {
  const text = "a stream needs a session, which only v2 has: use protocol 'v2' and session: 'prefer' at both ends";
  return new OptionError(text);
}

export function notConnected(what: string): NotConnectedError {
  return new NotConnectedError(`${what} was called before connect(): await connection.connect(host, port) first`);
}
