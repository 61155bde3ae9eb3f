import { ManualClock } from 'serpy-core/testing';
import { describe, expect, test } from 'vitest';
import { HandshakeLimiter } from '../../src/server/handshake-limiter.js';

const remote = (port = 1, host = '10.0.0.5') => ({ host, port });

function setUp(limits: Partial<ConstructorParameters<typeof HandshakeLimiter>[0]> = {}) {
  const clock = new ManualClock();
  const events: string[] = [];
  const known = new Set<string>();
  const settings = {
    authTimeoutMs: 5000,
    maxPendingConnections: 2,
    maxAuthFailuresPerMinute: 2,
    maxConnectionsPerAddress: 16,
    ...limits,
  };
  const limiter = new HandshakeLimiter(settings, clock, {
    limited: ({ port }, reason) => events.push(`${port} rejected: ${reason}`),
    failed: ({ code, message, remote: who }) => events.push(`${code} of ${who?.port}: ${message}`),
    knows: (host) => known.has(host),
  });
  const enter = (port: number, host?: string) => limiter.enter(remote(port, host), () => events.push(`${port} cut`));
  /** A client that begins its handshake at once. */
  const begin = (port: number, host?: string) => {
    const handshake = enter(port, host);
    handshake?.started();
    return handshake;
  };
  return { clock, events, limiter, enter, begin, known };
}

describe('a handshake limiter', () => {
  test('limits concurrent handshakes, and evicts the oldest for another', () => {
    const { events, begin, limiter } = setUp();
    const [first] = [begin(1), begin(2)];
    first?.succeeded();
    begin(3);
    expect(events).toEqual([]);
    begin(4);
    expect(events).toEqual(['2 rejected: maxPendingConnections', '2 cut']);
    expect(limiter.pending).toBe(2);
  });

  test('allows eight times as many silent clients, which never block a client that begins', () => {
    const { events, enter, begin, limiter } = setUp();
    const client = begin(1);
    for (let port = 2; port < 100; port++) enter(port);
    expect(limiter.pending).toBe(1 + 16);
    expect(events.slice(0, 2)).toEqual(['2 rejected: maxPendingConnections', '2 cut']);
    begin(100);
    expect(events.filter((each) => each.endsWith('cut'))).not.toContain('1 cut');
    client?.succeeded();
    expect(events.some((each) => each.includes('was rejected'))).toBe(false);
  });

  test('evicts clients of the address with the most', () => {
    const { events, begin } = setUp({ maxPendingConnections: 3 });
    begin(1, '10.0.0.6');
    for (const port of [2, 3, 4, 5]) begin(port);
    expect(events.filter((each) => each.endsWith('cut'))).toEqual(['2 cut', '3 cut']);
  });

  test('counts a client that authenticated and left once', () => {
    const { enter, limiter } = setUp();
    const handshake = enter(1);
    enter(2);
    handshake?.succeeded();
    handshake?.closed();
    handshake?.closed();
    expect(limiter.pending).toBe(1);
  });

  test('closes a handshake that times out, counts a failure, and leaves no timer behind', async () => {
    const { clock, events, enter, limiter } = setUp();
    enter(1);
    const quick = enter(2);
    await clock.advance(4999);
    quick?.succeeded();
    expect(events).toEqual([]);
    await clock.advance(1);
    expect(events).toEqual([
      'ERR_SERPY_AUTH of 1: 10.0.0.5:1 was rejected: the TLS handshake took longer than 5000 ms (authTimeoutMs): give the client the key, or raise authTimeoutMs for a slow line',
      '1 cut',
    ]);
    expect([limiter.pending, clock.pending]).toEqual([0, 0]);
  });

  test('reports a failure once, and frees the place when the client has left', () => {
    const { events, enter, limiter } = setUp();
    const cause = new Error('bad binder');
    const handshake = enter(1);
    handshake?.failed('the client has a different key', { cause });
    handshake?.failed('the client closed the connection');
    expect(limiter.pending).toBe(1);
    handshake?.closed();
    expect(limiter.pending).toBe(0);
    expect(events).toEqual(['ERR_SERPY_AUTH of 1: 10.0.0.5:1 was rejected: the client has a different key']);
  });

  test('counts an early close as a failure, and reports nothing for a silent client', () => {
    const { events, enter } = setUp({ maxAuthFailuresPerMinute: 2 });
    const begun = enter(1);
    begun?.started();
    begun?.failed('the client closed the connection');
    begun?.closed();
    enter(2)?.closed();
    expect(enter(3)).toBeUndefined();
    expect(events).toEqual([
      'ERR_SERPY_AUTH of 1: 10.0.0.5:1 was rejected: the client closed the connection',
      '3 rejected: maxAuthFailuresPerMinute',
    ]);
  });

  test('does not count an eviction as a failure', () => {
    const { events, begin } = setUp({ maxPendingConnections: 1, maxAuthFailuresPerMinute: 1 });
    const first = begin(1);
    const second = begin(2);
    first?.failed('the client closed the connection');
    first?.closed();
    second?.succeeded();
    expect(begin(3)).toBeDefined();
    expect(events).toEqual(['1 rejected: maxPendingConnections', '1 cut']);
  });

  test('limits concurrent handshakes of one address, except of this computer', () => {
    const { events, begin } = setUp({ maxPendingConnections: 6, maxConnectionsPerAddress: 2 });
    begin(1, '10.0.0.6');
    for (const port of [2, 3, 4]) begin(port);
    expect(events).toEqual(['2 rejected: maxConnectionsPerAddress', '2 cut']);
    for (const port of [5, 6, 7]) begin(port, '127.0.0.1');
    expect(events).toHaveLength(2);
    begin(8, '127.0.0.1');
    expect(events.at(-1)).toBe('5 cut');
  });

  test.each(['127.0.0.1', '127.8.9.1', '::1', '::ffff:127.0.0.1'])(
    'never rejects this computer for failures: %s',
    (host) => {
      const { events, enter } = setUp();
      for (let port = 1; port < 20; port++) {
        const handshake = enter(port, host);
        handshake?.failed('the client has a different key');
        handshake?.closed();
      }
      expect(enter(20, host)).toBeDefined();
      expect(events.filter((each) => each.includes('turned away'))).toEqual([]);
    },
  );

  test('never rejects an address of which an authenticated client is connected', () => {
    const { enter, known } = setUp();
    known.add('10.0.0.5');
    for (let port = 1; port < 10; port++) enter(port)?.closed();
    expect(enter(10)).toBeDefined();
    known.clear();
    expect(enter(11)).toBeUndefined();
  });

  test('rejects an address after too many failures, for a minute, and no other', async () => {
    const { clock, events, enter } = setUp({ maxPendingConnections: 10 });
    for (const port of [1, 2]) {
      const handshake = enter(port);
      handshake?.failed('no');
      handshake?.closed();
    }
    expect(enter(3)).toBeUndefined();
    const other = enter(4, '10.0.0.6');
    expect(other).toBeDefined();
    other?.closed();
    expect(events.at(-1)).toBe('3 rejected: maxAuthFailuresPerMinute');
    await clock.advance(60_000);
    expect(enter(5)).toBeDefined();
  });

  test('tells which clients come from an address that fails often', async () => {
    const { enter, known, clock } = setUp();
    known.add('10.0.0.7');
    for (const host of ['127.0.0.1', '10.0.0.7']) {
      for (let port = 1; port <= 2; port++) {
        expect(enter(port, host)?.failsOften).toBe(false);
        enter(port, host)?.closed();
      }
      expect(enter(9, host)?.failsOften).toBe(true);
    }
    expect(enter(9, '10.0.0.8')?.failsOften).toBe(false);
    await clock.advance(5000 + 60_001); // those that wait fail first
    expect(enter(9, '127.0.0.1')?.failsOften).toBe(false);
  });
});
