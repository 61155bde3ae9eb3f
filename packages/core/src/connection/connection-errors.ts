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
  'peer-closed': 'the peer closed the connection',
  reset: 'the network or the peer broke the connection',
  protocol: 'the peer sent invalid or too large data',
  timeout: 'the peer did not respond in time',
  'queue-full': 'the receive queue was full',
  'local-close': 'this program closed the connection',
  'retries-exhausted': 'reconnecting did not succeed',
};

/** Ends after which a client with `autoRestart` reconnects. */
const restartable: readonly CloseInfo['reason'][] = ['peer-closed', 'reset', 'timeout'];

/**
 * The error of a call on a connection that is closed or closing.
 * @param info undefined while `close()` is at work
 */
export function closedError(what: string, info: CloseInfo | undefined): ConnectionClosedError {
  const why = info ? closeReasons[info.reason] : 'close() was called';
  const detail = info?.error ? ` (${info.error.message})` : '';
  const hint = info && restartable.includes(info.reason) ? ', or set autoRestart: true at the client to reconnect' : '';
  return new ConnectionClosedError(
    `${what} failed: ${why}${detail}. Create a new connection${hint}`,
    info?.error ? { cause: info.error } : undefined,
  );
}

/** The warning of messages that were sent without a session on a link that broke. */
export function unconfirmedError({ unacknowledgedMessages: count, reason }: DisconnectInfo): ConnectionLostError {
  const messages = count === 1 ? 'The message' : `Up to ${count} messages, the latest first,`;
  return new ConnectionLostError(
    `the link broke (${reason}). ${messages} sent on it may not have arrived: the peer has not confirmed receipt. ` +
      "To lose no message, use a session (v2: session: 'prefer' at both ends, and autoRestart) or the v1 modes 1, 3 and 5",
  );
}

/** The connection closed while `sendData` waited for an acknowledgement. */
export function unacknowledgedError({ error: cause }: CloseInfo): ConnectionLostError {
  const text =
    'the connection closed before the peer acknowledged the message, which may or may not have arrived: ' +
    'ask the peer, or send it again if receiving it twice does no harm';
  return new ConnectionLostError(text, { cause });
}

/** The warning of messages that were in the send queue when the connection closed. */
export function unsentError(count: number, { error: cause }: CloseInfo): MessagesDroppedError {
  const messages = count === 1 ? 'an accepted message' : `${count} accepted messages`;
  const text = `the connection closed before ${messages} could be sent: send again on a new connection`;
  return new MessagesDroppedError(text, count, { cause });
}

export function noStreamsError(): OptionError {
  const text = "a stream needs a session, which only v2 has: use protocol 'v2' and session: 'prefer' at both ends";
  return new OptionError(text);
}

export function notConnected(what: string): NotConnectedError {
  return new NotConnectedError(`${what} was called before connect(): await connection.connect(host, port) first`);
}
