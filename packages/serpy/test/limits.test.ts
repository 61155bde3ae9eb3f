/** The limits of a server against raw peers, over every protocol: at the limit, one beyond, and what it costs a neighbour. */
import { connect, listen, type PortableConnection } from 'serpy';
import type { Environment, Transport } from 'serpy-core';
import { MemoryNetwork } from 'serpy-core/testing';
import { describe, expect, onTestFinished, test } from 'vitest';

const port = 5000;

/** So long a server that has sessions waits for the first words of a peer before it gives its program the connection. */
const undecidedMs = 100;

/** The beginning of a message of so many bytes, without the last `lacking` of them. */
type Begin = (sizeBytes: number, lacking?: number) => Buffer;

const beginV1: Begin = (sizeBytes) => Buffer.alloc(sizeBytes, 'x');

const beginV2: Begin = (sizeBytes, lacking = 1) => {
  const frame = Buffer.alloc(14 + sizeBytes - lacking);
  frame.write('decafecafe81', 'hex');
  frame.writeUInt32LE(sizeBytes, 10);
  return frame;
};

const wires = [
  ['v1', beginV1],
  ['v2', beginV2],
  ['auto', beginV1],
  ['auto', beginV2],
] as const;

type Settings = { readonly [name: string]: unknown };

/** A server whose peers come from the addresses that the test says. */
async function serve(protocol: 'v1' | 'v2' | 'auto', settings: Settings = {}) {
  const network = new MemoryNetwork({ pipeBytes: 4 * 1024 * 1024 });
  let host = '10.0.0.1';
  const environment: Environment = {
    clock: network.clock,
    random: network.random,
    randomBytes: network.randomBytes,
    dial: network.dial,
    listen: (options) =>
      network.listen({
        ...options,
        accept: (transport) => {
          Object.defineProperty(transport, 'remote', { value: { host, port: transport.remote.port } });
          options.accept(transport);
        },
      }),
  };
  const server = await listen({ protocol, port, ...settings } as never, environment);
  const events: string[] = [];
  server.on('drop', ({ reason, remote }) => events.push(`drop ${remote.host}: ${reason}`));
  server.on('warning', (error) => events.push(`server: ${error.message}`));
  server.on('connection', (connection: PortableConnection) => {
    const from = connection.remote?.host;
    connection.on('warning', (error) => events.push(`${from}: ${error.code}`));
    connection.on('disconnect', ({ reason, error }) =>
      events.push(`${from}: ${reason} ${error?.message ?? ''}`.trim()),
    );
  });
  const peers: Transport[] = [];
  const clients: PortableConnection[] = [];
  onTestFinished(async () => {
    for (const peer of peers) peer.destroy();
    for (const client of clients) client.destroy();
    await server.closeServer();
    await network.settled();
    await network.clock.advance(200_000);
    expect([network.clock.pending, network.links]).toEqual([0, []]);
  });
  /** A raw peer from an address. */
  const peer = async (from = '10.0.0.1', bytes?: Buffer) => {
    host = from;
    const { signal } = new AbortController();
    const transport = await network.dial({ host: '127.0.0.1', port, keepAliveMs: 0, signal });
    const state = { over: false };
    transport.start({
      received: () => {},
      drained: () => {},
      ended: () => transport.destroy(),
      closed: () => {
        state.over = true;
      },
    });
    peers.push(transport);
    if (bytes) transport.write(bytes);
    await network.settled();
    return Object.assign(state, { say: (more: Buffer) => transport.write(more), leave: () => transport.destroy() });
  };
  /** A raw peer whose connection the program has, and what it says then. */
  const known = async (from: string, bytes: Buffer) => {
    const one = await peer(from);
    await network.clock.advance(undecidedMs);
    one.say(bytes);
    await network.settled();
    return one;
  };
  /** One of ours. */
  const client = async (from: string, options: Settings = {}) => {
    host = from;
    const connecting = connect({ protocol, port, ...options } as never, undefined, network);
    if (protocol === 'auto') await network.clock.advance(5_000);
    const connection: PortableConnection = await connecting;
    connection.on('warning', (error) => events.push(`client: ${error.code}`));
    clients.push(connection);
    return connection;
  };
  return { network, clock: network.clock, server, events, peer, known, client };
}

describe.each(wires)('%s: a message that comes in part', (protocol, begin) => {
  test('may take maxPartialMessageBytes', async () => {
    const { server, events, known } = await serve(protocol, { maxPartialMessageBytes: 5000 });
    await known('10.0.0.1', begin(5000));
    expect([events, server.size]).toEqual([[], 1]);
  });

  test('and one more byte ends its connection, with the reason', async () => {
    const { server, events, known } = await serve(protocol, { maxPartialMessageBytes: 5000 });
    const { over } = await known('10.0.0.1', begin(5001));
    expect(events).toEqual([
      '10.0.0.1: protocol the total of all partially received messages has 5001 bytes, and the limit is 5000 bytes: this connection held ' +
        'the most and was closed. Raise the option maxPartialMessageBytes of the server, or send fewer large messages at the same time',
      '10.0.0.1: ERR_SERPY_TOO_LARGE',
    ]);
    expect([server.size, over]).toEqual([0, true]);
  });

  test('of each of many ends the connection with the most, and no other', async () => {
    const { events, known } = await serve(protocol, { maxPartialMessageBytes: 5000 });
    for (const bytes of [1000, 1100, 1000]) await known('10.0.0.1', begin(bytes));
    await known('10.0.0.2', begin(2000));
    expect(events).toEqual([expect.stringContaining('10.0.0.1: protocol'), '10.0.0.1: ERR_SERPY_TOO_LARGE']);
  });

  test('takes nothing when its peer has gone', async () => {
    const { server, events, known } = await serve(protocol, { maxPartialMessageBytes: 5000 });
    for (let n = 0; n < 5; n++) (await known('10.0.0.1', begin(4000))).leave();
    await known('10.0.0.2', begin(4000));
    expect([server.size, events.filter((each) => each.startsWith('10.0.0.2'))]).toEqual([1, []]);
  });

  test('and stops there ends its link after frameTimeoutMs', async () => {
    const { clock, events, peer } = await serve(protocol, { frameTimeoutMs: 2000 });
    await peer('10.0.0.1', begin(5000));
    await clock.advance(1999);
    expect(events).toEqual([]);
    await clock.advance(1);
    expect(events[0]).toMatch(/^10\.0\.0\.1: timeout .*frameTimeoutMs/);
  });
});

describe.each([
  ['v2', beginV2],
  ['auto', beginV2],
] as const)('%s: a message that comes in part, and whose peer the program does not know yet', (protocol, begin) => {
  const limits = { maxPartialMessageBytes: 5000 };

  test('may take maxPartialMessageBytes, and its connection is given to the program then', async () => {
    const { clock, server, events, peer } = await serve(protocol, limits);
    await peer('10.0.0.1', begin(5000));
    expect([events, server.size]).toEqual([[], 0]);
    await clock.advance(undecidedMs);
    expect([events, server.size]).toEqual([[], 1]);
  });

  test('and one more byte ends its connection, which the server reports', async () => {
    const { clock, server, events, peer } = await serve(protocol, limits);
    const { over } = await peer('10.0.0.1', begin(5001));
    expect([over, events]).toEqual([
      true,
      [expect.stringMatching(/^server: 10\.0\.0\.1:\d+ .* has 5001 bytes.* maxPartialMessageBytes/)],
    ]);
    await clock.advance(undecidedMs);
    expect([events.length, server.size]).toEqual([1, 0]);
  });

  test('of each of many counts together with what those have sent whom the program knows', async () => {
    const { clock, server, events, peer, known } = await serve(protocol, limits);
    await known('10.0.0.2', begin(2000));
    for (const bytes of [1000, 1100, 1000]) await peer('10.0.0.1', begin(bytes));
    expect(events).toEqual([expect.stringMatching(/^server: 10\.0\.0\.1:.* has 5100 bytes/)]);
    await clock.advance(undecidedMs);
    expect([events.length, server.size]).toEqual([1, 3]);
  });

  test('takes nothing when its peer has gone', async () => {
    const { clock, server, events, peer } = await serve(protocol, limits);
    for (let n = 0; n < 5; n++) (await peer('10.0.0.1', begin(4000))).leave();
    await peer('10.0.0.2', begin(4000));
    await clock.advance(undecidedMs);
    expect([server.size, events.filter((each) => each.includes('10.0.0.2'))]).toEqual([1, []]);
  });
});

test('v2 and auto: half a header is the beginning of a message, too', async () => {
  for (const protocol of ['v2', 'auto'] as const) {
    const { clock, events, peer } = await serve(protocol);
    await peer('10.0.0.1', Buffer.from('decafe', 'hex'));
    await clock.advance(30_000);
    expect(events[0]).toMatch(/^10\.0\.0\.1: timeout .*frameTimeoutMs/);
  }
});

test('a header that lies about its length takes no more than four times what came', async () => {
  const { server, events, known } = await serve('v2', { maxPartialMessageBytes: 4 * 1000 });
  const liar = await known('10.0.0.1', beginV2(60_000_000, 60_000_000 - 986));
  expect([events, server.size]).toEqual([[], 1]); // 1,000 bytes have come
  liar.leave();
});

describe('in a session, a message in pieces', () => {
  const size = 1024 * 1024;
  const session = { session: 'require', autoRestart: true } as const;

  test('may take maxPartialMessageBytes', async () => {
    const { network, server, events, client } = await serve('v2', { maxPartialMessageBytes: size });
    const sender = await client('10.0.0.1', session);
    await sender.sendData(Buffer.alloc(size));
    await network.settled();
    expect(await (await server.getConnection()).getData()).toHaveLength(size);
    expect(events).toEqual([]);
  });

  test('that takes more ends the session, at both ends: it is not gone on with', async () => {
    const { network, clock, server, events, client } = await serve('v2', { maxPartialMessageBytes: size - 1 });
    const sender = await client('10.0.0.1', session);
    await sender.sendData(Buffer.alloc(size));
    await network.settled();
    expect([events[0], server.size]).toEqual([expect.stringContaining('10.0.0.1: protocol'), 0]);
    await clock.advance(20_000); // the client reconnects
    expect(events).toContain('client: ERR_SERPY_DELIVERY_UNKNOWN');
    await sender.sendData('small');
    await network.settled();
    const connection = server.getConnectionsList()[0] as PortableConnection;
    expect(await connection.getData()).toBe('small');
  });

  test('counts while its peer is away, and then its session is ended first', async () => {
    const limits = { maxPartialMessageBytes: size + 5000 };
    const { network, clock, server, events, client, peer } = await serve('v2', limits);
    const sender = await client('10.0.0.1', { ...session, autoRestart: true });
    network.links[0]?.toServer.cutAfter(size - 100_000, 'reset');
    await sender.sendData(Buffer.alloc(size));
    await network.settled();
    sender.disableRestart();
    await peer('10.0.0.2', beginV2(5000));
    await clock.advance(200); // then it is known that this is not the one who comes back
    expect(server.getConnectionsList().map(({ state }) => state)).toEqual(['reconnecting', 'connected']);
    await peer('10.0.0.2', beginV2(2, 1));
    await clock.advance(200);
    expect(server.getConnectionsList().map(({ state }) => state)).toEqual(['connected', 'connected']);
    expect(events.filter((each) => each.startsWith('10.0.0.2'))).toEqual([]);
  });

  test('is forgotten with its session', async () => {
    const limits = { maxPartialMessageBytes: size, resumeWindowMs: 1000 };
    const { network, clock, server, events, client, known } = await serve('v2', limits);
    const sender = await client('10.0.0.1', session);
    network.links[0]?.toServer.cutAfter(500_000, 'reset');
    await sender.sendData(Buffer.alloc(600_000));
    await network.settled();
    sender.disableRestart();
    await clock.advance(1000);
    expect(server.size).toBe(0);
    await known('10.0.0.2', beginV2(700_000));
    expect(events.filter((each) => each.startsWith('10.0.0.2'))).toEqual([]);
    expect(server.size).toBe(1);
  });

  test('whose frame stops half way ends the link after frameTimeoutMs, and resumes on the next link', async () => {
    const quiet = { pingIntervalMs: 0, peerTimeoutMs: 0 };
    const { network, clock, server, events, client } = await serve('v2', quiet);
    const sender = await client('10.0.0.1', { ...session, ...quiet, writeTimeoutMs: 0 });
    network.links[0]?.toServer.cutAfter(100_000, 'stall');
    await sender.sendData(Buffer.alloc(size));
    await clock.advance(29_999);
    expect(events).toEqual([]);
    await clock.advance(7_501); // some of it had come since the first look
    expect(events[0]).toMatch(/^10\.0\.0\.1: timeout .*frameTimeoutMs/);
    network.links[0]?.reset();
    await clock.advance(20_000);
    expect(await (await server.getConnection()).getData()).toHaveLength(size);
  });

  test('may rest between two pieces', async () => {
    const { network, clock, server, events, client } = await serve('v2');
    const sender = await client('10.0.0.1', { ...session, writeTimeoutMs: 0, peerTimeoutMs: 0 });
    await network.settled();
    const stream = network.links[0]?.toServer;
    // A header of 14 bytes, a head of 17, and a piece of 256 KiB.
    stream?.cutAfter((stream?.carriedBytes ?? 0) + 14 + 17 + 256 * 1024, 'stall');
    await sender.sendData(Buffer.alloc(size));
    await clock.advance(12_000);
    stream?.release();
    expect(await (await server.getConnection()).getData()).toHaveLength(size);
    expect(events).toEqual([]);
  });
});

describe('connections of one address', () => {
  test('are 16 at most, and a valid peer of another address is served while they are full', async () => {
    const { network, clock, server, events, peer, client } = await serve('v2');
    for (let n = 0; n < 16; n++) await peer('10.0.0.1');
    await clock.advance(undecidedMs);
    expect([server.size, events]).toEqual([16, []]);
    const { over } = await peer('10.0.0.1');
    await network.settled();
    expect([server.size, events, over]).toEqual([16, ['drop 10.0.0.1: maxConnectionsPerAddress'], true]);
    const valid = await client('10.0.0.2');
    await valid.sendData('here');
    await network.settled();
    const last = server.getConnectionsList().at(-1) as PortableConnection;
    expect(await last.getData()).toBe('here');
  });

  test('take back the place of one that has gone', async () => {
    const { network, clock, server, events, peer } = await serve('v2', { maxConnectionsPerAddress: 1 });
    const first = await peer('10.0.0.1');
    await clock.advance(undecidedMs);
    expect(server.size).toBe(1);
    first.leave();
    await network.settled();
    await peer('10.0.0.1');
    await clock.advance(undecidedMs);
    expect([server.size, events.filter((each) => each.startsWith('drop'))]).toEqual([1, []]);
  });

  test.each(['is noticed', 'is not noticed'])('let a session come back whose broken link %s', async (noticed) => {
    const { network, clock, server, events, client } = await serve('v2', {
      maxConnectionsPerAddress: 1,
      maxConnections: 1,
      peerTimeoutMs: 0,
    });
    const own = await client('10.0.0.1', { session: 'require', autoRestart: true });
    const accepted = await server.getConnection();
    const link = network.links[0];
    if (noticed === 'is not noticed') {
      link?.stall();
      await clock.advance(15_000); // to the client it is dead, and the server is more patient
    } else {
      link?.reset();
    }
    await network.settled();
    expect(accepted.state).toBe(noticed === 'is noticed' ? 'reconnecting' : 'connected');
    await clock.advance(1000);
    await own.sendData('back');
    await network.settled();
    expect(await accepted.getData()).toBe('back');
    expect(events.filter((each) => each.startsWith('drop'))).toEqual([]);
  });

  test('do not let a new peer in for a session that may come back: it is looked at and turned away', async () => {
    const { clock, server, events, peer, client } = await serve('v2', { maxConnectionsPerAddress: 1 });
    await client('10.0.0.1', { session: 'require', autoRestart: true });
    await server.getConnection();
    const { over } = await peer('10.0.0.1');
    expect([server.size, over]).toEqual([1, false]);
    await clock.advance(200);
    expect(events).toEqual(['drop 10.0.0.1: maxConnectionsPerAddress']);
    expect(server.size).toBe(1);
  });
});
