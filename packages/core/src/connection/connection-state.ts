/** The states of a connection and the transitions between them, as a table without effects. */

/**
 * - `idle`: never connected, or `connect` failed
 * - `connecting`: the first connection attempt is running
 * - `connected`: a link is up; also in the listeners of `disconnect`
 * - `reconnecting`: the link broke; the connection waits for the next attempt or makes it, or the client may resume its session
 * - `closing`: `close()` was called; what is queued is being sent
 * - `closed`: final
 */
export type ConnectionState = 'idle' | 'connecting' | 'connected' | 'reconnecting' | 'closing' | 'closed';

/** What can happen to a connection. */
export type ConnectionEvent =
  | 'connect'
  | 'connect-failed'
  | 'link-up'
  | 'link-lost' // and the connection does not reconnect (any more)
  | 'link-lost-restart'
  | 'close'
  | 'finished';

const transitions: Record<ConnectionState, Partial<Record<ConnectionEvent, ConnectionState>>> = {
  idle: { connect: 'connecting', 'link-up': 'connected', close: 'closed', finished: 'closed' },
  connecting: { 'link-up': 'connected', 'connect-failed': 'idle', close: 'closed', finished: 'closed' },
  connected: {
    'connect-failed': 'idle',
    'link-lost': 'closed',
    'link-lost-restart': 'reconnecting',
    close: 'closing',
    finished: 'closed',
  },
  reconnecting: { 'link-up': 'connected', 'link-lost': 'closed', close: 'closing', finished: 'closed' },
  closing: {
    'link-up': 'closing',
    'link-lost': 'closed',
    'link-lost-restart': 'closing',
    close: 'closing',
    finished: 'closed',
  },
  closed: { close: 'closed', finished: 'closed' },
};

/** The state after an event; undefined if the event cannot happen in that state. */
export function nextState(state: ConnectionState, event: ConnectionEvent): ConnectionState | undefined {
  return transitions[state][event];
}
