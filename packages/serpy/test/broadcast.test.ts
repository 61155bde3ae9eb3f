/** What a broadcast costs: its bytes exist once, and a crowd with one client that does not read gets every message. */
import { MemoryNetwork } from 'serpy-core/testing';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { parseConnectOptions, parseListenOptions } from '../src/config/options.js';
import { connect } from '../src/connect.js';
import { Connection } from '../src/connection.js';
import { listen } from '../src/listen.js';
import type { PortableConnection } from '../src/portable-connection.js';
import type { ProtocolName } from '../src/protocols.js';
import { Server } from '../src/server.js';

let network: MemoryNetwork;
const ends: { destroy(): void }[] = [];

beforeEach(() => {
  network = new MemoryNetwork();
  network.clock.runFreely();
});
afterEach(() => {
  for (const end of ends.splice(0)) end.destroy();
  network.clock.stop();
});

const environment = () => ({ clock: network.clock, dial: network.dial, listen: network.listen, random: () => 0.5 });

async function started(protocol: ProtocolName, options: object) {
  const settings = parseListenOptions({ protocol, port: 0, maxConnections: 2000, ...options });
  const server = await new Server(protocol, settings, environment()).start();
  server.on('connection', (each) => each.on('warning', () => {}));
  const join = async (more: object = {}) => {
    const { host, port, ...client } = parseConnectOptions({ protocol, port: server.address.port, ...more });
    const connection = await new Connection(protocol, client, environment()).connect(host, port);
    ends.push(connection);
    return connection;
  };
  ends.push({
    destroy: () => {
      void server.close();
      for (const each of server) each.destroy();
    },
  });
  return { server, join };
}

async function until(condition: () => boolean): Promise<void> {
  for (let turn = 0; !condition(); turn++) {
    if (turn > 100_000) throw new Error('the condition never came true');
    await new Promise((resolve) => setImmediate(resolve));
  }
}

describe.each(['v1', 'v2', 'auto'] as const)('with %s', (protocol) => {
  test('of 300 clients, one that does not read misses messages, and the others get every one', async () => {
    const { server, join } = await started(protocol, { sendQueue: { maxMessages: 2 }, writeTimeoutMs: 0 });
    const readers = await Promise.all(Array.from({ length: 299 }, () => join()));
    await join({ receiveQueue: { maxMessages: 1 } });
    await until(() => server.size === 300);
    const counts = readers.map(() => 0);
    for (const [i, reader] of readers.entries()) {
      void (async () => {
        for await (const data of reader) if (String(data).length === 8192) counts[i] = (counts[i] as number) + 1;
      })();
    }
    let sent = 0;
    for (let dropped = 0; dropped < 20; sent++) {
      const result = await server.broadcast('x'.repeat(8192), { slowPeers: 'drop-newest' });
      expect(result.queued).toBeGreaterThanOrEqual(299);
      dropped += result.dropped;
      await until(() => counts.every((count) => count === sent + 1));
    }
    const dropped = server.getConnectionsList().map((each) => each.stats().droppedSending);
    expect(dropped.filter((count) => count > 0)).toEqual([20]);
  });

  test('messages that wait for clients that do not read share their bytes', async () => {
    const { server, join } = await started(protocol, { sendQueue: { maxMessages: 100 }, writeTimeoutMs: 0 });
    const clients = await Promise.all(Array.from({ length: 50 }, () => join({ receiveQueue: { maxMessages: 1 } })));
    for (const client of clients) await client.sendData('here' as never); // so that auto knows the protocol
    await until(() => server.readableConnections().length === 50);
    const bytes = Buffer.alloc(2 ** 20, 7);
    const queued = () => server.getConnectionsList().every((each) => each.stats().sendQueueMessages > 0);
    while (!queued()) await server.broadcast(bytes);
    const before = process.memoryUsage().arrayBuffers;
    for (let n = 0; n < 5; n++) await server.broadcast(bytes);
    const grown = process.memoryUsage().arrayBuffers - before;
    expect(server.getConnectionsList().every((each) => each.stats().sendQueueMessages > 5)).toBe(true);
    expect(grown).toBeLessThan(5 * 3 * bytes.length); // 250 messages of 1 MiB wait
  });
});

test.each(['v1', 'v2', 'auto'] as const)(
  'bytes that the program changes afterwards arrive as they were (%s)',
  async (protocol) => {
    const { server, join } = await started(protocol, {});
    const clients = await Promise.all([join(), join()]);
    for (const client of clients) await client.sendData('here' as never);
    await until(() => server.readableConnections().length === 2);
    for (const sizeBytes of [10, 100_000]) {
      const bytes = Buffer.alloc(sizeBytes, 1);
      const sending = server.broadcast(bytes);
      bytes.fill(2);
      await sending;
      for (const client of clients)
        expect(Buffer.alloc(sizeBytes, 1).equals((await client.getData()) as Buffer)).toBe(true);
    }
  },
);

test('one broadcast reaches clients of both protocols, arrays too', async () => {
  const server = await listen({ protocol: 'auto', port: 0 });
  const clients = await Promise.all(
    (['v1', 'v2', 'auto'] as const).map(
      (protocol) => connect({ protocol, port: server.address.port } as never) as Promise<PortableConnection>,
    ),
  );
  ends.push(...clients);
  await Promise.all(clients.map((client) => (client as PortableConnection).sendData('here')));
  await until(() => server.readableConnections().length === 3);
  expect(await server.broadcast({ data: new Float32Array([1, 2]), shape: [2] })).toEqual({ queued: 3, dropped: 0 });
  for (const client of clients)
    expect((await (client as PortableConnection).getArray()).data).toEqual(new Float32Array([1, 2]));
  await server.closeServer();
});

test('over v1, a broadcast sends arrays and, in mode 4, plain data; acknowledged modes are refused', async () => {
  const { server, join } = await started('v1', {});
  const client = await join();
  await until(() => server.size === 1);
  await server.broadcast({ data: new Int8Array([5]), shape: [1] } as never);
  expect((await client.getArray()).data).toEqual(new Int8Array([5]));
  await server.broadcast({ a: [1] } as never, { send: { mode: 4 } as never });
  expect(await client.getData()).toEqual(new Map([['a', [1]]]));
  await expect(server.broadcast('x', { send: { mode: 1 } as never })).rejects.toMatchObject({
    code: 'ERR_SERPY_OPTION',
  });
});

test('a client in a session that accepts smaller messages misses those that are too large for it', async () => {
  const { server, join } = await started('v2', {});
  const small = await join({ session: 'require', maxMessageBytes: 1000 });
  const large = await join({ session: 'require' });
  await until(() => server.size === 2);
  const warnings: unknown[] = [];
  for (const each of server) each.on('warning', (error) => warnings.push(error));
  for (let n = 0; n < 3; n++) expect(await server.broadcast('x'.repeat(2000))).toEqual({ queued: 1, dropped: 1 });
  expect(await server.broadcast('end')).toEqual({ queued: 2, dropped: 0 });
  for (let n = 0; n < 3; n++) expect(await large.getData()).toHaveLength(2000);
  expect(await small.getData()).toBe('end');
  expect(warnings).toMatchObject([{ code: 'ERR_SERPY_DROPPED', message: expect.stringContaining('does not accept') }]);
  await expect(server.broadcast('x'.repeat(2 ** 26 + 1))).rejects.toMatchObject({ code: 'ERR_SERPY_TOO_LARGE' });
});

test('a client of a session that is away gets what its queue holds, the newest of them', async () => {
  const { server, join } = await started('v2', { sendQueue: { maxMessages: 3 } });
  const client = await join({
    session: 'require',
    autoRestart: true,
    reconnect: { baseDelayMs: 1000, minDelayMs: 1000 },
  });
  await until(() => server.size === 1);
  const [accepted] = server.getConnectionsList();
  accepted?.on('warning', () => {});
  await client.sendData('hello');
  await until(() => accepted?.isDataAvailable() === true);
  network.clock.stop();
  for (const link of network.links) link.reset();
  await until(() => server.size === 0);
  for (let n = 1; n <= 10; n++) expect(await server.broadcast(n)).toEqual({ queued: 1, dropped: 0 });
  network.clock.runFreely();
  for (const n of [8, 9, 10]) expect(await client.getData()).toBe(n);
});
