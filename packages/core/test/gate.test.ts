import { ManualClock } from 'serpy-core/testing';
import { describe, expect, test } from 'vitest';
import { Gate } from '../src/gate.js';

const remote = (port = 1, host = '10.0.0.5') => ({ host, port });

function setUp(limits: Partial<ConstructorParameters<typeof Gate>[0]> = {}) {
  const clock = new ManualClock();
  const told: string[] = [];
  const settings = {
    handshakeTimeoutMs: 5000,
    maxPendingConnections: 2,
    maxAuthFailuresPerMinute: 2,
    maxConnectionsPerAddress: 16,
    ...limits,
  };
  const gate = new Gate(settings, clock, {
    turnedAway: ({ port }, reason) => told.push(`${port} turned away: ${reason}`),
    refused: ({ code, message, remote: who }) => told.push(`${code} of ${who?.port}: ${message}`),
  });
  const enter = (port: number, host?: string) => gate.enter(remote(port, host), () => told.push(`${port} cut`));
  return { clock, told, gate, enter };
}

describe('a gate', () => {
  test('lets so many in at a time, and the next when one has passed or left', () => {
    const { told, enter, gate } = setUp();
    const [first, second] = [enter(1), enter(2)];
    expect(enter(3)).toBeUndefined();
    first?.passed();
    const fourth = enter(4);
    expect(fourth).toBeDefined();
    expect(enter(5)).toBeUndefined();
    second?.left();
    expect(enter(6)).toBeDefined();
    expect(told).toEqual(['3 turned away: maxPendingConnections', '5 turned away: maxPendingConnections']);
    expect(gate.pending).toBe(2);
  });

  test('counts one that passed and left once', () => {
    const { enter, gate } = setUp();
    const guest = enter(1);
    enter(2);
    guest?.passed();
    guest?.left();
    guest?.left();
    expect(gate.pending).toBe(1);
  });

  test('cuts off who takes too long, which is a failure, and leaves no timer behind', async () => {
    const { clock, told, enter, gate } = setUp();
    enter(1);
    const quick = enter(2);
    await clock.advance(4999);
    quick?.passed();
    expect(told).toEqual([]);
    await clock.advance(1);
    expect(told).toEqual([
      'ERR_SERPY_AUTH of 1: 10.0.0.5:1 was refused: the TLS handshake took longer than 5000 ms (handshakeTimeoutMs): does it speak TLS at all?',
      '1 cut',
    ]);
    expect([gate.pending, clock.pending]).toEqual([0, 0]);
  });

  test('tells a failure once, and gives the place free when the peer has left', () => {
    const { told, enter, gate } = setUp();
    const cause = new Error('bad binder');
    const guest = enter(1);
    guest?.failed('it has another key', { cause });
    guest?.failed('it hung up');
    expect(gate.pending).toBe(1);
    guest?.left();
    expect(gate.pending).toBe(0);
    expect(told).toEqual(['ERR_SERPY_AUTH of 1: 10.0.0.5:1 was refused: it has another key']);
  });

  test('tells of those who hang up, and counts them for nothing', () => {
    const { told, enter } = setUp({ maxPendingConnections: 10, maxAuthFailuresPerMinute: 1 });
    for (const port of [1, 2]) {
      const guest = enter(port);
      guest?.hungUp('it hung up');
      guest?.left();
    }
    expect(told).toEqual([1, 2].map((port) => `ERR_SERPY_AUTH of ${port}: 10.0.0.5:${port} was refused: it hung up`));
  });

  test('lets so many of one address in at a time, and of this computer as many as of all', () => {
    const { told, enter } = setUp({ maxPendingConnections: 6, maxConnectionsPerAddress: 2 });
    const first = enter(1);
    expect([enter(2), enter(3), enter(4, '10.0.0.6')]).toEqual([expect.anything(), undefined, expect.anything()]);
    first?.left();
    expect(enter(5)).toBeDefined();
    for (const port of [6, 7, 8]) expect(enter(port, '127.0.0.1')).toBeDefined();
    expect(enter(9, '127.0.0.1')).toBeUndefined();
    expect(told).toEqual(['3 turned away: maxConnectionsPerAddress', '9 turned away: maxPendingConnections']);
  });

  test('turns an address away after too many failures, for a minute, and no other', async () => {
    const { clock, told, enter } = setUp({ maxPendingConnections: 10 });
    for (const port of [1, 2]) {
      const guest = enter(port);
      guest?.failed('no');
      guest?.left();
    }
    expect(enter(3)).toBeUndefined();
    const other = enter(4, '10.0.0.6');
    expect(other).toBeDefined();
    other?.left();
    expect(told.at(-1)).toBe('3 turned away: maxAuthFailuresPerMinute');
    await clock.advance(60_000);
    expect(enter(5)).toBeDefined();
  });
});
