import { expect, test } from 'vitest';
import { type ConnectionEvent, type ConnectionState, nextState } from '../../src/connection/connection-state.js';

const events: readonly ConnectionEvent[] = [
  'connect',
  'connect-failed',
  'link-up',
  'link-lost',
  'link-lost-restart',
  'close',
  'finished',
];

/** The next state for each state and event; other events cannot happen in that state. */
const life: Record<ConnectionState, Partial<Record<ConnectionEvent, ConnectionState>>> = {
  idle: { connect: 'connecting', 'link-up': 'connected', close: 'closed', finished: 'closed' },
  connecting: { 'connect-failed': 'idle', 'link-up': 'connected', close: 'closed', finished: 'closed' },
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

const cases = Object.entries(life).flatMap(([state, moves]) =>
  events.map((event) => ({ state: state as ConnectionState, event, next: moves[event] })),
);

test.each(cases)('$state, then $event: $next', ({ state, event, next }) => {
  expect(nextState(state, event)).toBe(next);
});

test('closed is final', () => {
  for (const event of events) expect([undefined, 'closed']).toContain(nextState('closed', event));
});

test('closed can be reached from every state', () => {
  for (const state of Object.keys(life)) expect(nextState(state as ConnectionState, 'finished')).toBe('closed');
});
