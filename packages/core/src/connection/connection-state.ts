/** The states of a connection and the moves between them. A pure table: what a move does is the connection's matter. */

/**
 * - `idle`: never connected, or `connect` failed
 * - `connecting`: the first dial is under way
 * - `connected`: a link is up; also in the listeners of `disconnect`, until it is decided what follows
 * - `reconnecting`: the link broke; waiting to dial again, or dialling
 * - `closing`: `close()` was called; what is queued is being sent
 * - `closed`: over, for good
 */
export type ConnectionState = 'idle' | 'connecting' | 'connected' | 'reconnecting' | 'closing' | 'closed';

/** What can happen to a connection. */
export type ConnectionEvent =
  | 'dial'
  | 'dial-failed'
  | 'link-up'
  | 'link-lost' // and auto restart is off, or the dials are used up
  | 'link-lost-restart'
  | 'close'
  | 'finished';

const transitions: Record<ConnectionState, Partial<Record<ConnectionEvent, ConnectionState>>> = {
  idle: { dial: 'connecting', 'link-up': 'connected', close: 'closed', finished: 'closed' },
  connecting: { 'link-up': 'connected', 'dial-failed': 'idle', close: 'closed', finished: 'closed' },
  connected: {
    'dial-failed': 'idle',
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

/** The state after an event, or undefined where the event cannot happen in that state. */
export function nextState(state: ConnectionState, event: ConnectionEvent): ConnectionState | undefined {
  return transitions[state][event];
}
