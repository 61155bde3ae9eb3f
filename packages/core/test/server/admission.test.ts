/** Which peers a server takes: the limits, who makes room, and who is looked at before he is turned away. */
import { describe, expect, test } from 'vitest';
import type { ConnectionState } from '../../src/connection/connection-state.js';
import { Admission, type AdmissionLimits, type AdmittedConnection } from '../../src/server/admission.js';

/** A connection in the hands of the test. */
class Peer implements AdmittedConnection {
  readonly remote: { readonly host: string; readonly port: number };
  state: ConnectionState = 'connected';
  /** Whether its peer may come back to it. */
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
  /** A peer dials, and turns out to be a new one. */
  const comes = (host: string, state: ConnectionState = 'connected') => {
    const peer = new Peer(host, gone);
    const limit = admission.limitFor(peer.remote) ?? admission.limitForNew(peer);
    if (limit) return limit;
    peer.state = state;
    peer.lasting = state === 'reconnecting';
    admission.connections.add(peer);
    return peer;
  };
  /** A peer dials and has not said yet who he is. */
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

describe('a server takes', () => {
  test('maxConnections peers, and not one more', () => {
    const { comes } = setUp();
    for (const host of ['10.0.0.1', '10.0.0.2', '10.0.0.3', '10.0.0.4']) expect(comes(host)).toBeInstanceOf(Peer);
    expect(comes('10.0.0.5')).toBe('maxConnections');
  });

  test('maxConnectionsPerAddress of one address, not one more, and others as before', () => {
    const { admission, comes } = setUp();
    const first = comes('10.0.0.1') as Peer;
    expect(comes('10.0.0.1')).toBeInstanceOf(Peer);
    expect(comes('10.0.0.1')).toBe('maxConnectionsPerAddress');
    expect(comes('10.0.0.2')).toBeInstanceOf(Peer);
    admission.connections.delete(first);
    expect(comes('10.0.0.1')).toBeInstanceOf(Peer);
  });

  test('as one address what shares the first 64 bits of IPv6, and IPv4 in either spelling', () => {
    const { comes } = setUp({ maxConnectionsPerAddress: 1 });
    expect(comes('2001:db8:0:1::1')).toBeInstanceOf(Peer);
    expect(comes('2001:db8:0:1::2')).toBe('maxConnectionsPerAddress');
    expect(comes('2001:db8:0:2::1')).toBeInstanceOf(Peer);
    expect(comes('10.0.0.1')).toBeInstanceOf(Peer);
    expect(comes('::ffff:10.0.0.1')).toBe('maxConnectionsPerAddress');
  });

  test.each(['127.0.0.1', '127.0.0.5', '::1', '::ffff:127.0.0.1'])(
    'any number of peers from %s, up to maxConnections: they share it',
    (host) => {
      const { comes } = setUp();
      for (let n = 0; n < 4; n++) expect(comes(host)).toBeInstanceOf(Peer);
      expect(comes(host)).toBe('maxConnections');
    },
  );

  test('any number of one address where the option says so', () => {
    const { comes } = setUp({ maxConnectionsPerAddress: Number.POSITIVE_INFINITY });
    for (let n = 0; n < 4; n++) expect(comes('10.0.0.1')).toBeInstanceOf(Peer);
  });
});

describe('one whose peer is away makes room', () => {
  test('for a new one, the one that has been there longest first', () => {
    const { comes } = setUp();
    const [first, second] = [comes('10.0.0.1', 'reconnecting'), comes('10.0.0.2', 'reconnecting')] as Peer[];
    for (const host of ['10.0.0.3', '10.0.0.4', '10.0.0.5']) expect(comes(host)).toBeInstanceOf(Peer);
    expect(first?.why).toBe(
      'the connection was closed: its client was disconnected, and the server needed the place for a new connection (maxConnections). Raise maxConnections of the server',
    );
    expect(second?.why).toBe('');
  });

  test('for one of its own address, where those are too many', () => {
    const { comes } = setUp();
    const elsewhere = comes('10.0.0.9', 'reconnecting') as Peer;
    comes('10.0.0.1');
    const away = comes('10.0.0.1', 'reconnecting') as Peer;
    expect(comes('10.0.0.1')).toBeInstanceOf(Peer);
    expect([away.why, elsewhere.why]).toEqual([expect.stringContaining('(maxConnectionsPerAddress)'), '']);
  });

  test('for nobody who is turned away anyway', () => {
    const { comes } = setUp();
    const away = comes('10.0.0.9', 'reconnecting') as Peer;
    for (const host of ['10.0.0.1', '10.0.0.1', '10.0.0.2']) comes(host);
    expect(comes('10.0.0.1')).toBe('maxConnectionsPerAddress');
    expect(away.why).toBe('');
  });
});

describe('a peer that may be coming back', () => {
  test.each([
    ['10.0.0.1', '10.0.0.1', 'maxConnectionsPerAddress'],
    ['10.0.0.1', '10.0.0.2', 'maxConnections'],
  ])('is let in to show it, though its own stale connection fills the last place', (own, other, limit) => {
    const { admission, comes, knocks } = setUp({ maxConnections: 2 });
    const stale = comes(own) as Peer;
    comes(other);
    expect(knocks(own)).toBe(limit);
    stale.lasting = true; // the server has not noticed that its link is dead
    expect(knocks(own)).toBeInstanceOf(Peer);
    expect(admission.limitForNew(stale)).toBe(limit); // had it turned out to be new
  });

  test('is one of so many who may be at that: as many as there may be connections', () => {
    const { comes, knocks } = setUp();
    (comes('10.0.0.1') as Peer).lasting = true;
    expect([knocks('10.0.0.1'), knocks('10.0.0.1')]).toEqual([expect.any(Peer), expect.any(Peer)]);
    expect(knocks('10.0.0.1')).toBe('maxConnectionsPerAddress');
    for (const host of ['10.0.0.2', '10.0.0.3']) expect(knocks(host)).toBeInstanceOf(Peer);
    expect(knocks('10.0.0.4')).toBe('maxConnections');
  });

  test('takes the place of one that showed nothing and went away again', () => {
    const { knocks } = setUp();
    const away = knocks('10.0.0.1', 'reconnecting') as Peer;
    knocks('10.0.0.1');
    expect(knocks('10.0.0.1')).toBeInstanceOf(Peer);
    expect(away.why).not.toBe('');
  });
});

test('of those who have not shown who they are, the one who has said nothing for longest makes room for another', () => {
  const { knocks, admission } = setUp();
  const silent = ['10.0.0.1', '10.0.0.2', '10.0.0.3'].map((host) => knocks(host) as Peer);
  for (const each of silent) each.spoken = false;
  const honest = knocks('10.0.0.4') as Peer;
  expect(knocks('10.0.0.5')).toBeInstanceOf(Peer);
  expect(silent.map(({ why }) => why !== '')).toEqual([true, false, false]);
  expect([honest.why, admission.pending.size]).toEqual(['', 4]);
});
