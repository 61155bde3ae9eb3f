/** The limits of a server: which clients it accepts, rejects and evicts. */
import { describe, expect, test } from 'vitest';
import type { ConnectionState } from '../../src/connection/connection-state.js';
import { Admission, type AdmissionLimits, type AdmittedConnection } from '../../src/server/admission.js';

/** A connection that the test controls. */
class Peer implements AdmittedConnection {
  readonly remote: { readonly host: string; readonly port: number };
  state: ConnectionState = 'connected';
  /** Whether its client can resume its session. */
  lasting = false;
  spoken = true;
  why = '';
  readonly #gone: (peer: Peer) => void;

  constructor(host: string, gone: (peer: Peer) => void) {
    this.remote = { host, port: 1 };
    this.#gone = gone;
  }

  destroy(error: Error): void {
    this.why = error.message;
    this.#gone(this);
  }
}

function setUp(limits: Partial<AdmissionLimits> = {}) {
  const admission = new Admission<Peer>(
    { maxConnections: 4, maxConnectionsPerAddress: 2, ...limits },
    ({ lasting }) => lasting,
    ({ spoken }) => spoken,
  );
  const gone = (peer: Peer) => {
    admission.connections.delete(peer);
    admission.pending.delete(peer);
  };
  /** A client connects, and is identified as new. */
  const comes = (host: string, state: ConnectionState = 'connected') => {
    const peer = new Peer(host, gone);
    const limit = admission.limitFor(peer.remote) ?? admission.limitForNew(peer);
    if (limit) return limit;
    peer.state = state;
    peer.lasting = state === 'reconnecting';
    admission.connections.add(peer);
    return peer;
  };
  /** A client connects and is not identified yet. */
  const knocks = (host: string, state: ConnectionState = 'connected') => {
    const peer = new Peer(host, gone);
    const limit = admission.limitFor(peer.remote);
    if (limit) return limit;
    peer.state = state;
    admission.pending.add(peer);
    return peer;
  };
  return { admission, comes, knocks };
}

describe('a server accepts', () => {
  test('maxConnections clients, and not one more', () => {
    const { comes } = setUp();
    for (const host of ['10.0.0.1', '10.0.0.2', '10.0.0.3', '10.0.0.4']) expect(comes(host)).toBeInstanceOf(Peer);
    expect(comes('10.0.0.5')).toBe('maxConnections');
  });

  test('maxConnectionsPerAddress of one address, not one more, and other addresses as before', () => {
    const { admission, comes } = setUp();
    const first = comes('10.0.0.1') as Peer;
    expect(comes('10.0.0.1')).toBeInstanceOf(Peer);
    expect(comes('10.0.0.1')).toBe('maxConnectionsPerAddress');
    expect(comes('10.0.0.2')).toBeInstanceOf(Peer);
    admission.connections.delete(first);
    expect(comes('10.0.0.1')).toBeInstanceOf(Peer);
  });

  test('addresses with the same first 64 bits of IPv6, and IPv4 in either spelling, as one address', () => {
    const { comes } = setUp({ maxConnectionsPerAddress: 1 });
    expect(comes('2001:db8:0:1::1')).toBeInstanceOf(Peer);
    expect(comes('2001:db8:0:1::2')).toBe('maxConnectionsPerAddress');
    expect(comes('2001:db8:0:2::1')).toBeInstanceOf(Peer);
    expect(comes('10.0.0.1')).toBeInstanceOf(Peer);
    expect(comes('::ffff:10.0.0.1')).toBe('maxConnectionsPerAddress');
  });

  test.each(['127.0.0.1', '127.0.0.5', '::1', '::ffff:127.0.0.1'])(
    'any number of clients from %s, up to maxConnections, because they share it',
    (host) => {
      const { comes } = setUp();
      for (let n = 0; n < 4; n++) expect(comes(host)).toBeInstanceOf(Peer);
      expect(comes(host)).toBe('maxConnections');
    },
  );

  test('any number of one address if the option is Infinity', () => {
    const { comes } = setUp({ maxConnectionsPerAddress: Number.POSITIVE_INFINITY });
    for (let n = 0; n < 4; n++) expect(comes('10.0.0.1')).toBeInstanceOf(Peer);
  });
});

describe('a disconnected session is evicted', () => {
  test('for a new client, the oldest first', () => {
    const { comes } = setUp();
    const [first, second] = [comes('10.0.0.1', 'reconnecting'), comes('10.0.0.2', 'reconnecting')] as Peer[];
    for (const host of ['10.0.0.3', '10.0.0.4', '10.0.0.5']) expect(comes(host)).toBeInstanceOf(Peer);
    expect(first?.why).toBe(
      'the connection was closed: its client was disconnected, and the server needed the place for a new connection (maxConnections). Raise maxConnections of the server',
    );
    expect(second?.why).toBe('');
  });

  test('for a client of the same address, if that limit is reached', () => {
    const { comes } = setUp();
    const elsewhere = comes('10.0.0.9', 'reconnecting') as Peer;
    comes('10.0.0.1');
    const away = comes('10.0.0.1', 'reconnecting') as Peer;
    expect(comes('10.0.0.1')).toBeInstanceOf(Peer);
    expect([away.why, elsewhere.why]).toEqual([expect.stringContaining('(maxConnectionsPerAddress)'), '']);
  });

  test('for no client that another limit rejects', () => {
    const { comes } = setUp();
    const away = comes('10.0.0.9', 'reconnecting') as Peer;
    for (const host of ['10.0.0.1', '10.0.0.1', '10.0.0.2']) comes(host);
    expect(comes('10.0.0.1')).toBe('maxConnectionsPerAddress');
    expect(away.why).toBe('');
  });
});

describe('a client that may resume a session', () => {
  test.each([
    ['10.0.0.1', '10.0.0.1', 'maxConnectionsPerAddress'],
    ['10.0.0.1', '10.0.0.2', 'maxConnections'],
  ])(
    'is admitted until it is identified, although its own stale connection takes the last place',
    (own, other, limit) => {
      const { admission, comes, knocks } = setUp({ maxConnections: 2 });
      const stale = comes(own) as Peer;
      comes(other);
      expect(knocks(own)).toBe(limit);
      stale.lasting = true; // the server has not noticed that its link is dead
      expect(knocks(own)).toBeInstanceOf(Peer);
      expect(admission.limitForNew(stale)).toBe(limit); // the limit for a new client
    },
  );

  test('is one of at most maxConnections unidentified clients', () => {
    const { comes, knocks } = setUp();
    (comes('10.0.0.1') as Peer).lasting = true;
    expect([knocks('10.0.0.1'), knocks('10.0.0.1')]).toEqual([expect.any(Peer), expect.any(Peer)]);
    expect(knocks('10.0.0.1')).toBe('maxConnectionsPerAddress');
    for (const host of ['10.0.0.2', '10.0.0.3']) expect(knocks(host)).toBeInstanceOf(Peer);
    expect(knocks('10.0.0.4')).toBe('maxConnections');
  });

  test('takes the place of an unidentified client that has left', () => {
    const { knocks } = setUp();
    const away = knocks('10.0.0.1', 'reconnecting') as Peer;
    knocks('10.0.0.1');
    expect(knocks('10.0.0.1')).toBeInstanceOf(Peer);
    expect(away.why).not.toBe('');
  });
});

test('of the unidentified clients, the one that has been silent longest is evicted for another', () => {
  const { knocks, admission } = setUp();
  const silent = ['10.0.0.1', '10.0.0.2', '10.0.0.3'].map((host) => knocks(host) as Peer);
  for (const each of silent) each.spoken = false;
  const valid = knocks('10.0.0.4') as Peer;
  expect(knocks('10.0.0.5')).toBeInstanceOf(Peer);
  expect(silent.map(({ why }) => why !== '')).toEqual([true, false, false]);
  expect([valid.why, admission.pending.size]).toEqual(['', 4]);
});
