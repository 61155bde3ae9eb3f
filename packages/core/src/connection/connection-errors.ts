/** Why a connection is over, in words. */

import { ConnectionClosedError, NotConnectedError } from '../errors.js';
import type { CloseInfo } from './connection-events.js';

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

export function notConnected(what: string): NotConnectedError {
  return new NotConnectedError(`${what} was called before connect(): await connection.connect(host, port) first`);
}
