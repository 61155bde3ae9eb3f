/** The name of a peer, and the list of a server's connections: who is there, since when, and who is away. */
import { inspect } from 'node:util';
import { waitFor } from 'serpy-contract-tests/stage';
import { MemoryNetwork } from 'serpy-core/testing';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import {
  type ConnectOptions,
  connect,
  environmentOptions,
  type ListenOptions,
  listen,
  parseUrl,
} from '../src/index.js';

let network: MemoryNetwork;
const ended: (() => Promise<void>)[] = [];
beforeEach(() => {
  network = new MemoryNetwork();
  network.clock.runFreely();
});
afterEach(async () => {
  for (const end of ended.splice(0).reverse()) await end();
  network.clock.stop();
});

async function serving(options: Partial<ListenOptions> = {}) {
  const server = await listen({ protocol: 'auto', port: 5000, ...options } as ListenOptions, network);
  ended.push(() => server.closeServer());
  return server;
}

async function calling(options: Partial<ConnectOptions> = {}) {
  const client = await connect({ protocol: 'auto', port: 5000, ...options } as ConnectOptions, {}, network);
  ended.push(() => client.close());
  return client;
}

describe('the name of the peer', () => {
  test.each([
    ['auto', 'auto'],
    ['auto', 'v2'],
    ['v2', 'auto'],
    ['v2', 'v2'],
  ] as const)('is reported to both ends of a session: %s with %s', async (asks, answers) => {
    const server = await serving({ protocol: answers, name: 'Labor µ' } as Partial<ListenOptions>);
    const client = await calling({ protocol: asks, session: 'prefer', name: 'camera 2' } as Partial<ConnectOptions>);
    const accepted = await server.getConnection();
    expect([client.peer.name, accepted.peer.name]).toEqual(['Labor µ', 'camera 2']);
    expect(accepted.peer).toEqual({ name: 'camera 2', protocol: 'v2', address: accepted.remote });
    expect(inspect(accepted)).toMatch(/^Connection \(\w+, connected, peer "camera 2" at [\d.]+:\d+\)$/);
  });

  test.each([
    ['without a name', 'v2', { session: 'prefer' }, {}],
    ['without a session', 'v2', { session: 'off', name: 'camera' }, { name: 'lab' }],
    ['over v1', 'v1', { name: 'camera' }, { name: 'lab' }],
    ['over lines', 'lines', { name: 'camera' }, { name: 'lab' }],
  ] as const)('is undefined %s', async (_, protocol, client, server) => {
    const lab = await serving({ protocol, ...server } as Partial<ListenOptions>);
    const camera = await calling({ protocol, ...client } as Partial<ConnectOptions>);
    await camera.sendData('text');
    const accepted = await lab.getConnection();
    await accepted.getData();
    expect([camera.peer.name, accepted.peer.name]).toEqual([undefined, undefined]);
    expect(accepted.peer.address).toEqual(accepted.remote);
  });

  test('stays when the session is resumed, and after the connection is closed', async () => {
    const server = await serving({ name: 'lab' } as Partial<ListenOptions>);
    const reconnect = { baseDelayMs: 1, maxDelayMs: 5 };
    const client = await calling({ name: 'camera', autoRestart: true, reconnect } as Partial<ConnectOptions>);
    const accepted = await server.getConnection();
    network.links[0]?.reset();
    await new Promise((resolve) => client.once('reconnect', resolve));
    await client.sendData('again');
    await accepted.getData();
    expect([client.peer.name, accepted.peer.name]).toEqual(['lab', 'camera']);
    const closed = new Promise((resolve) => accepted.once('close', resolve));
    await client.close();
    await closed;
    expect(accepted.peer.name).toBe('camera');
  });

  test.each(['', ' ', 'x'.repeat(65), 'µ'.repeat(33), 'two\nlines', '\u001b[2J', 'left\u202eright', '\ud83d', 7, null])(
    '%j is refused by connect and listen',
    async (name) => {
      const refusal = {
        code: 'ERR_SERPY_OPTION',
        message: expect.stringContaining('the option name takes a text of 1 to 64 bytes (UTF-8)'),
      };
      await expect(connect({ protocol: 'v2', port: 1, name } as never)).rejects.toMatchObject(refusal);
      await expect(listen({ protocol: 'v2', port: 0, name } as never)).rejects.toMatchObject(refusal);
    },
  );

  test('may look like a number in a URL and in a variable, and may have 64 bytes', async () => {
    expect(parseUrl('serpy://h:1?name=42')).toMatchObject({ name: '42' });
    expect(environmentOptions({ SERPY_NAME: '7' })).toEqual({ name: '7' });
    const server = await serving();
    await calling({ name: 'µ'.repeat(32) });
    expect((await server.getConnection()).peer.name).toBe('µ'.repeat(32));
  });
});

test('server.connections has all that a table shows, also of clients that are away', async () => {
  const server = await serving();
  const reconnect = { baseDelayMs: 1, maxDelayMs: 5 };
  const away = await calling({ name: 'camera', autoRestart: true, reconnect });
  const atCamera = await server.getConnection();
  const here = await calling({ name: 'counter' });
  await here.sendData('unread');
  await server.getConnection();
  await waitFor(() => server.connections.every((each) => each === atCamera || each.isDataAvailable()));
  const lost = new Promise((resolve) => atCamera.once('disconnect', resolve));
  network.refuse(5000);
  network.links[0]?.reset();
  await lost;
  await waitFor(() => atCamera.state === 'reconnecting');
  await atCamera.sendData('for later');
  const rows = server.connections.map((connection) => {
    const { sendQueueMessages, receiveQueueMessages, reconnects, sinceMs } = connection.stats();
    const { name, address } = connection.peer;
    return [name, address?.host, connection.state, sendQueueMessages, receiveQueueMessages, reconnects, sinceMs >= 0];
  });
  expect(rows).toEqual([
    ['camera', '127.0.0.1', 'reconnecting', 1, 0, 0, true],
    ['counter', '127.0.0.1', 'connected', 0, 1, 0, true],
  ]);
  network.restore(5000);
  await waitFor(() => atCamera.state === 'connected');
  expect(atCamera.stats().reconnects).toBe(1);
  await away.close();
});

test('stats().sinceMs is the time since the link began, and then since it ended', async () => {
  const server = await serving();
  const client = await calling({ name: 'camera', autoRestart: true });
  const accepted = await server.getConnection();
  const { clock } = network;
  const startMs = clock.now() - accepted.stats().sinceMs;
  await waitFor(() => clock.now() - startMs > 50);
  expect(accepted.stats().sinceMs).toBe(clock.now() - startMs);
  network.refuse(5000);
  network.links[0]?.reset();
  await waitFor(() => accepted.state === 'reconnecting');
  expect(accepted.stats().sinceMs).toBeLessThan(clock.now() - startMs);
  client.destroy();
});
