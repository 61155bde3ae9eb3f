/** docs/troubleshooting.md: a program for each symptom, with the default options, in a simulated network with simulated time. */
import * as serpy from 'serpy';
import { type ConnectOptions, connect, type ListenOptions, listen } from 'serpy';
import { Connection as CoreConnection, type Transport } from 'serpy-core';
import { MemoryNetwork } from 'serpy-core/testing';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { optionRows } from './docs/options.js';
import { type Page, readPages } from './docs/pages.js';

const page = readPages().find(({ path }) => path === 'docs/troubleshooting.md') as Page;
const port = 5000;
const large = Buffer.alloc(2 ** 20);

let network: MemoryNetwork;
let ends: (() => unknown)[];

beforeEach(() => {
  network = new MemoryNetwork();
  network.clock.runFreely();
  ends = [];
});
afterEach(async () => {
  for (const link of network.links) link.release();
  for (const end of ends.reverse()) await end();
  network.clock.stop();
});

/** A server. */
async function serving<P extends 'v1' | 'v2' | 'auto'>(protocol: P, options: Partial<ListenOptions> = {}) {
  const server = await listen({ protocol, port, ...options } as ListenOptions & { protocol: P }, network);
  ends.push(() => server.closeServer());
  return server;
}

/** A client that ends with its connection; the other options are the defaults. */
async function connected<P extends 'v1' | 'v2' | 'auto'>(protocol: P, options: Partial<ConnectOptions> = {}) {
  const connection = await connect(
    { protocol, port, autoRestart: false, ...options } as ConnectOptions & { protocol: P },
    {},
    network,
  );
  ends.push(() => connection.destroy());
  return connection;
}

/** A server without serpy: it accepts connections, reads, and sends the bytes of the test. */
async function foreignServer(onPeer: (peer: Transport) => void = () => {}): Promise<Transport[]> {
  const peers: Transport[] = [];
  const accept = (peer: Transport) => {
    peers.push(peer);
    peer.start({ received: () => {}, drained: () => {}, ended: () => {}, closed: () => {} });
    onPeer(peer);
  };
  const listener = await network.listen({ host: '127.0.0.1', port, keepAliveMs: 0, accept, failed: () => {} });
  ends.push(() => listener.close());
  ends.push(() => peers.map((peer) => peer.destroy()));
  return peers;
}

/** The duration of an operation in simulated milliseconds, and the code of its error. */
async function timed(waiting: Promise<unknown>): Promise<[ms: number, code: unknown]> {
  const from = network.clock.now();
  const code = await waiting.then(
    () => undefined,
    (error) => error.code,
  );
  return [network.clock.now() - from, code];
}

/** Sends until a send takes more than 1 s, or fails. */
async function fill(connection: { sendData(data: Buffer, options?: object): Promise<boolean> }): Promise<unknown> {
  for (let i = 0; i < 200; i++) {
    const code = await connection.sendData(large, { timeoutMs: 1000 }).then(
      () => undefined,
      (error) => error.code,
    );
    if (code) return code;
  }
  throw new Error('nothing ever waited');
}

const scenarios: Readonly<Record<string, () => Promise<void>>> = {
  '`connect` waits, or fails': async () => {
    expect(await timed(connected('v2', { waitForServer: 30_000 }))).toEqual([30_000, 'ERR_SERPY_CONNECT']);
    expect(await timed(connected('v2', { waitForServer: false }))).toEqual([0, 'ERR_SERPY_CONNECT']);
    network.silence(port);
    expect(await timed(connected('v2', { waitForServer: false }))).toEqual([10_000, 'ERR_SERPY_CONNECT']);
  },
  'the other end accepts and stays silent': async () => {
    await foreignServer();
    const first = await connected('v1');
    await first.sendData(large);
    await expect(first.getData()).rejects.toMatchObject({ code: 'ERR_SERPY_CLOSED' });
    expect([first.closeInfo?.reason, network.clock.now()]).toEqual(['timeout', 5000]);
    expect(await timed(connected('v2', { session: 'prefer' }))).toEqual([500, undefined]);
    expect((await timed(connected('v2', { session: 'require', waitForServer: false })))[1]).toMatch(/ERR_SERPY_/);
  },
  'no reply arrives': async () => {
    const server = await serving('v2');
    const client = await connected('v2');
    const peer = await server.getConnection();
    expect(await timed(client.getData({ timeoutMs: 300 }))).toEqual([300, 'ERR_SERPY_TIMEOUT']);
    await peer.sendData('late');
    expect(await client.getData()).toBe('late');
    await peer.sendData('late again');
    await network.settled();
    for (const _ of client);
    await peer.sendData('new');
    expect(await client.getData()).toBe('new');
  },
  'the receiver does not read': async () => {
    const server = await serving('v2');
    const client = await connected('v2', { session: 'off' });
    await server.getConnection();
    expect(await fill(client)).toBe('ERR_SERPY_QUEUE_FULL');
    expect(client.stats().sendQueueBytes).toBeLessThan(18 * large.length);
    const [ms, code] = await timed(client.sendData(large));
    expect(code).toBe('ERR_SERPY_CLOSED');
    expect(ms).toBeLessThan(30_000 * 1.25);
    expect(client.closeInfo?.reason).toBe('timeout');
  },
  'both ends send and neither reads': async () => {
    const server = await serving('v2');
    const client = await connected('v2', { session: 'off' });
    const peer = await server.getConnection();
    expect(await Promise.all([fill(client), fill(peer)])).toEqual(['ERR_SERPY_QUEUE_FULL', 'ERR_SERPY_QUEUE_FULL']);
    expect((await timed(client.sendData(large)))[1]).toBe('ERR_SERPY_CLOSED');
  },
  'a pulled cable goes unnoticed': async () => {
    await serving('v2');
    await serving('v1', { port: port + 1 });
    const session = await connected('v2', { session: 'prefer' });
    const beating = await connected('v1', { port: port + 1, heartbeatIntervalMs: 5000 });
    for (const link of network.links) link.stall();
    const [[first, code], [second]] = await Promise.all([timed(session.getData()), timed(beating.getData())]);
    expect([code, session.closeInfo?.reason, beating.closeInfo?.reason]).toEqual([
      'ERR_SERPY_CLOSED',
      'timeout',
      'timeout',
    ]);
    for (const ms of [first, second]) expect(ms / 15_000).toBeCloseTo(1, 1);
  },
  'a stopped program goes unnoticed': async () => {
    await foreignServer();
    const client = await connected('v1', { heartbeatIntervalMs: 1000 });
    expect(await timed(client.getData())).toEqual([3000, 'ERR_SERPY_CLOSED']);
    expect(client.closeInfo?.reason).toBe('timeout');
  },
  'a busy program is suspected': async () => {
    // Over TCP, because arriving data waits in the operating system. Both ends are busy here.
    const times = { pingIntervalMs: 300, peerTimeoutMs: 1000 } as const;
    const server = await listen({ protocol: 'v2', port: 0, ...times });
    ends.push(() => server.closeServer());
    const client = await connect({ protocol: 'v2', port: server.address.port, session: 'require', ...times });
    const peer = await server.getConnection();
    Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 1200);
    const before = [client, peer].map((end) => end.stats().bytesReceived);
    await vi.waitFor(() => {
      for (const [i, end] of [client, peer].entries())
        expect(end.stats().bytesReceived).toBeGreaterThan(before[i] ?? 0);
    });
    await peer.sendData('still there');
    expect(await client.getData()).toBe('still there');
    await client.close();
    expect([client.closeInfo?.reason, client.stats().reconnects]).toEqual(['local-close', 0]);
  },
  'the server restarts': async () => {
    const before = await serving('v2');
    const client = await connected('v2', { autoRestart: true });
    const without = await connected('v2');
    const [waits, fails] = [client.getData(), timed(without.getData())];
    await before.closeServer();
    expect((await fails)[1]).toBe('ERR_SERPY_CLOSED');
    await client.sendData('queued');
    const after = await serving('v2');
    const peer = await after.getConnection();
    expect(await peer.getData()).toBe('queued');
    await peer.sendData('answer');
    expect(await waits).toBe('answer');
  },
  'sending stops while disconnected': async () => {
    const server = await serving('v2');
    const blocks = await connected('v2', { autoRestart: true });
    const drops = await connected('v2', { autoRestart: true, sendQueue: { whenFull: 'drop-oldest' } });
    const warned: string[] = [];
    drops.on('warning', ({ code }) => warned.push(code));
    await server.closeServer();
    for (let i = 0; i < 1000; i++) await blocks.sendData(i);
    expect(await timed(blocks.sendData(1000, { timeoutMs: 700 }))).toEqual([700, 'ERR_SERPY_QUEUE_FULL']);
    for (let i = 0; i < 1500; i++) expect(await drops.sendData(i)).toBe(true);
    const again = await serving('v2');
    let next = await again.getConnection();
    if ((await next.getData()) !== 500) next = await again.getConnection();
    expect(drops.stats().droppedSending).toBe(500);
    expect(warned).toEqual(['ERR_SERPY_DROPPED']);
  },
  'both ends speak different protocols': async () => {
    const server = await serving('v2');
    const client = await connected('v1');
    const peer = await server.getConnection();
    await client.sendData('hello');
    const error = await peer.getData().catch((reason) => reason);
    expect(error.cause).toMatchObject({
      code: 'ERR_SERPY_PROTOCOL',
      message: expect.stringContaining('it looks like v1'),
    });
    await expect(client.getData()).rejects.toMatchObject({ code: 'ERR_SERPY_CLOSED' });
  },
  "`connect` with `'auto'` takes 0.5 s": async () => {
    await foreignServer();
    expect(await timed(connected('auto'))).toEqual([500, undefined]);
    await serving('v2', { port: port + 2 });
    expect(await timed(connected('auto', { port: port + 2 }))).toEqual([0, undefined]);
    const server = await serving('auto', { port: port + 1 });
    const warned = new Promise((resolve) => {
      server.on('connection', (peer) => {
        peer.on('warning', resolve);
        peer.sendData('welcome');
      });
    });
    await connected('v2', { port: port + 1, session: 'off' }); // a client with a session sends something
    expect(await warned).toMatchObject({ code: 'ERR_SERPY_PROTOCOL' });
  },
  'a large message is refused': async () => {
    const server = await serving('v2', { maxMessageBytes: 100 });
    const client = await connected('v2', { session: 'off' });
    const peer = await server.getConnection();
    await expect(client.sendData(Buffer.alloc(2 ** 26 + 1))).rejects.toMatchObject({
      code: 'ERR_SERPY_TOO_LARGE',
      sizeBytes: 2 ** 26 + 1,
      limitBytes: 2 ** 26,
    });
    await client.sendData(Buffer.alloc(101));
    const error = await peer.getData().catch((reason) => reason);
    expect(error.cause).toMatchObject({ code: 'ERR_SERPY_TOO_LARGE' });
  },
  'one client too many': async () => {
    const server = await serving('v2', { maxConnections: 1 });
    const dropped = new Promise((resolve) => server.on('drop', resolve));
    await connected('v2', { session: 'off' });
    await server.getConnection();
    const over = await connected('v2', { session: 'off' });
    await expect(over.getData()).rejects.toMatchObject({ code: 'ERR_SERPY_CLOSED' });
    for (const options of [{ protocol: 'auto' }, { protocol: 'v2', session: 'prefer' }] as const) {
      const asking = connected(options.protocol, { ...options, waitForServer: false } as Partial<ConnectOptions>);
      await expect(asking).rejects.toMatchObject({ code: 'ERR_SERPY_CONNECT' });
    }
    expect(await dropped).toMatchObject({ reason: 'maxConnections' });
  },
  '`close` takes up to 5 s': async () => {
    await foreignServer();
    const client = await connected('v2');
    for (const link of network.links) link.stall();
    await client.sendData('never arrives');
    expect(await timed(client.close())).toEqual([5000, undefined]);
    const other = await connected('v2');
    other.destroy();
    expect(other.state).toBe('closed');
  },
  'the program does not end': async () => {
    const server = await serving('v2');
    const client = await connected('v2', { autoRestart: true });
    await server.getConnection();
    await client.close();
    await server.closeServer();
    await network.settled();
    expect([network.clock.pending, network.links.length, network.listenerCount]).toEqual([0, 0, 0]);
  },
  'replies are missing after a break': async () => {
    const server = await serving('v2');
    const client = await connected('auto', { autoRestart: true });
    const peer = await server.getConnection();
    for (let i = 0; i < 20; i++) {
      await client.sendData(i);
      if (i === 10) network.links[0]?.reset();
    }
    const received: unknown[] = [];
    while (received.length < 20) received.push(await peer.getData());
    expect(received).toEqual(Array.from({ length: 20 }, (_, i) => i));
  },
};

const rows = page.tables.filter(({ headings }) => headings.includes('symptom')).flatMap((table) => table.rows);

describe('troubleshooting: the symptom', () => {
  test.each(Object.entries(scenarios))('%s', async (_, scenario) => {
    await scenario();
  });

  test('of every row has a program here', () => {
    expect(rows.map(({ symptom }) => symptom).sort()).toEqual(Object.keys(scenarios).sort());
  });

  test('of every row has a fix that names an existing option, method or event', () => {
    const { Connection, Server, ...rest } = { ...serpy, Connection: CoreConnection, Server: undefined };
    const methods = [...Object.getOwnPropertyNames(Connection.prototype), 'closeServer', 'getConnection'];
    const others = [...Object.keys(rest), 'timeoutMs', 'mode', 'drop', 'await using'];
    const known = new Set([...optionRows().map(({ option }) => option), ...methods, ...others]);
    for (const { symptom, fix = '' } of rows) {
      const names = [...fix.matchAll(/`([^`]+)`/g)]
        .map(([, name = '']) => name)
        .filter((name) => !name.startsWith("'"));
      expect([symptom, names.length > 0, names.filter((name) => !known.has(name))]).toEqual([symptom, true, []]);
    }
  });
});
