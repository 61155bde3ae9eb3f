import { ManualClock } from 'serpy-core/testing';
import { describe, expect, test } from 'vitest';
import { HandshakeLimiter } from '../../src/server/handshake-limiter.js';

const remote = (port = 1, host = '10.0.0.5') => ({ host, port });

function setUp(limits: Partial<ConstructorParameters<typeof HandshakeLimiter>[0]> = {}) {
  const clock = new ManualClock();
  const told: string[] = [];
  const known = new Set<string>();
  const settings = {
    authTimeoutMs: 5000,
    maxPendingConnections: 2,
    maxAuthFailuresPerMinute: 2,
    maxConnectionsPerAddress: 16,
    ...limits,
  };
  const gate = new HandshakeLimiter(settings, clock, {
    limited: ({ port }, reason) => told.push(`${port} turned away: ${reason}`),
    failed: ({ code, message, remote: who }) => told.push(`${code} of ${who?.port}: ${message}`),
    knows: (host) => known.has(host),
  });
  const enter = (port: number, host?: string) => gate.enter(remote(port, host), () => told.push(`${port} cut`));
  /** One that speaks at once. */
  const begin = (port: number, host?: string) => {
    const guest = enter(port, host);
    guest?.started();
    return guest;
  };
  return { clock, told, gate, enter, begin, known };
}

describe('a gate', () => {
  test('lets so many prove themselves at a time: who is longest at it gives way for one more', () => {
    const { told, begin, gate } = setUp();
    const [first] = [begin(1), begin(2)];
    first?.succeeded();
    begin(3);
    expect(told).toEqual([]);
    begin(4);
    expect(told).toEqual(['2 turned away: maxPendingConnections', '2 cut']);
    expect(gate.pending).toBe(2);
  });

  test('bears eight times as many that have said nothing yet, and those never keep out who speaks', () => {
    const { told, enter, begin, gate } = setUp();
    const honest = begin(1);
    for (let port = 2; port < 100; port++) enter(port);
    expect(gate.pending).toBe(1 + 16);
    expect(told.slice(0, 2)).toEqual(['2 turned away: maxPendingConnections', '2 cut']);
    begin(100);
    expect(told.filter((each) => each.endsWith('cut'))).not.toContain('1 cut');
    honest?.succeeded();
    expect(told.some((each) => each.includes('was rejected'))).toBe(false);
  });

  test('has those give way of the address that has most', () => {
    const { told, begin } = setUp({ maxPendingConnections: 3 });
    begin(1, '10.0.0.6');
    for (const port of [2, 3, 4, 5]) begin(port);
    expect(told.filter((each) => each.endsWith('cut'))).toEqual(['2 cut', '3 cut']);
  });

  test('counts one that passed and left once', () => {
    const { enter, gate } = setUp();
    const guest = enter(1);
    enter(2);
    guest?.succeeded();
    guest?.closed();
    guest?.closed();
    expect(gate.pending).toBe(1);
  });

  test('cuts off who takes too long, which is a failure, and leaves no timer behind', async () => {
    const { clock, told, enter, gate } = setUp();
    enter(1);
    const quick = enter(2);
    await clock.advance(4999);
    quick?.succeeded();
    expect(told).toEqual([]);
    await clock.advance(1);
    expect(told).toEqual([
      'ERR_SERPY_AUTH of 1: 10.0.0.5:1 was rejected: the TLS handshake took longer than 5000 ms (authTimeoutMs): give the client the key, or raise authTimeoutMs for a slow line',
      '1 cut',
    ]);
    expect([gate.pending, clock.pending]).toEqual([0, 0]);
  });

  test('tells a failure once, and gives the place free when the peer has left', () => {
    const { told, enter, gate } = setUp();
    const cause = new Error('bad binder');
    const guest = enter(1);
    guest?.failed('the client has a different key', { cause });
    guest?.failed('it hung up');
    expect(gate.pending).toBe(1);
    guest?.closed();
    expect(gate.pending).toBe(0);
    expect(told).toEqual(['ERR_SERPY_AUTH of 1: 10.0.0.5:1 was rejected: the client has a different key']);
  });

  test('takes it for a failure when one hangs up early, and has nothing to tell of one that has said nothing', () => {
    const { told, enter } = setUp({ maxAuthFailuresPerMinute: 2 });
    const begun = enter(1);
    begun?.started();
    begun?.failed('it hung up');
    begun?.closed();
    enter(2)?.closed();
    expect(enter(3)).toBeUndefined();
    expect(told).toEqual([
      'ERR_SERPY_AUTH of 1: 10.0.0.5:1 was rejected: it hung up',
      '3 turned away: maxAuthFailuresPerMinute',
    ]);
  });

  test('takes it for no failure when one gave way', () => {
    const { told, begin } = setUp({ maxPendingConnections: 1, maxAuthFailuresPerMinute: 1 });
    const first = begin(1);
    const second = begin(2);
    first?.failed('it hung up');
    first?.closed();
    second?.succeeded();
    expect(begin(3)).toBeDefined();
    expect(told).toEqual(['1 turned away: maxPendingConnections', '1 cut']);
  });

  test('lets so many of one address prove themselves at a time, and of this computer as many as of all', () => {
    const { told, begin } = setUp({ maxPendingConnections: 6, maxConnectionsPerAddress: 2 });
    begin(1, '10.0.0.6');
    for (const port of [2, 3, 4]) begin(port);
    expect(told).toEqual(['2 turned away: maxConnectionsPerAddress', '2 cut']);
    for (const port of [5, 6, 7]) begin(port, '127.0.0.1');
    expect(told).toHaveLength(2);
    begin(8, '127.0.0.1');
    expect(told.at(-1)).toBe('5 cut');
  });

  test.each(['127.0.0.1', '127.8.9.1', '::1', '::ffff:127.0.0.1'])(
    'never turns this computer away for failures: %s',
    (host) => {
      const { told, enter } = setUp();
      for (let port = 1; port < 20; port++) {
        const guest = enter(port, host);
        guest?.failed('the client has a different key');
        guest?.closed();
      }
      expect(enter(20, host)).toBeDefined();
      expect(told.filter((each) => each.includes('turned away'))).toEqual([]);
    },
  );

  test('never turns an address away from which somebody has proved himself and is here', () => {
    const { enter, known } = setUp();
    known.add('10.0.0.5');
    for (let port = 1; port < 10; port++) enter(port)?.closed();
    expect(enter(10)).toBeDefined();
    known.clear();
    expect(enter(11)).toBeUndefined();
  });

  test('turns an address away after too many failures, for a minute, and no other', async () => {
    const { clock, told, enter } = setUp({ maxPendingConnections: 10 });
    for (const port of [1, 2]) {
      const guest = enter(port);
      guest?.failed('no');
      guest?.closed();
    }
    expect(enter(3)).toBeUndefined();
    const other = enter(4, '10.0.0.6');
    expect(other).toBeDefined();
    other?.closed();
    expect(told.at(-1)).toBe('3 turned away: maxAuthFailuresPerMinute');
    await clock.advance(60_000);
    expect(enter(5)).toBeDefined();
  });
});
