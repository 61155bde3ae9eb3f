/** Sessions between two of our peers, in a network in memory: made, broken, gone on with. */
import { once } from 'node:events';
import { MemoryNetwork } from 'serpy-core/testing';
import { Connection, type ConnectionOptions, Server, type ServerOptions } from 'serpy-v2';
import { afterEach, beforeEach, expect, test } from 'vitest';

let network: MemoryNetwork;
let server: Server;
let client: Connection;
beforeEach(() => {
  network = new MemoryNetwork();
  network.clock.runFreely();
});
afterEach(async () => {
  client?.destroy();
  await server?.close();
  for (const each of server) each.destroy();
  network.clock.stop();
});

async function pair(options: ConnectionOptions = {}, serverOptions: Partial<ServerOptions> = {}) {
  server = await new Server({ port: 5000, ...serverOptions }, network).start();
  client = new Connection({ handshake: 'prefer', autoRestart: true, ...options }, network);
  await client.connect('127.0.0.1', 5000);
  return await server.getConnection();
}

const isSame = (a: unknown, b: unknown) => (Buffer.isBuffer(a) && Buffer.isBuffer(b) ? a.equals(b) : a === b);

test('messages of all kinds go both ways', async () => {
  const accepted = await pair();
  const values = ['text', 42, 1.5, Buffer.from('bytes'), Buffer.alloc(10_000, 1), Buffer.alloc(1_000_000, 2), ''];
  for (const value of values) {
    await client.sendData(value);
    expect(isSame(await accepted.getData(), value)).toBe(true);
    await accepted.sendData(value);
    expect(isSame(await client.getData(), value)).toBe(true);
  }
});

test.each(['received', 'processed'] as const)('sendData waits until the message is %s', async (acknowledge) => {
  const accepted = await pair();
  const sent = client.sendData('text', { acknowledge });
  expect(await accepted.getData()).toBe('text');
  expect(await sent).toBe(true);
});

test('a link that breaks is gone on with, on both sides, by the same connections', async () => {
  const accepted = await pair({ reconnect: { baseDelayMs: 1 } });
  let seen = 0;
  server.on('connection', () => seen++);
  const received: unknown[] = [];
  const reading = (async () => {
    for await (const data of accepted) received.push(data);
  })();
  for (let n = 0; n < 200; n++) {
    await client.sendData(n);
    if (n % 20 === 10) network.links[0]?.reset();
  }
  await client.close();
  await reading;
  expect(received).toEqual(Array.from({ length: 200 }, (_, n) => n));
  expect(seen).toBe(0);
  expect(accepted.closeInfo).toMatchObject({ intended: true });
});

test('a peer that is away keeps no place from others, and one that comes back finds its own', async () => {
  server = await new Server({ port: 5000, maxConnections: 2 }, network).start();
  const reconnect = { baseDelayMs: 1, maxDelayMs: 5 };
  const away = new Connection({ handshake: 'prefer', autoRestart: true }, network);
  await away.connect('127.0.0.1', 5000);
  const first = await server.getConnection();
  away.destroy(); // without a goodbye
  client = new Connection({ handshake: 'prefer', autoRestart: true, reconnect }, network);
  await client.connect('127.0.0.1', 5000);
  const second = await server.getConnection();
  expect(server.size).toBe(2);
  network.links.at(-1)?.reset(); // both are away now, and the server is full
  await client.sendData('back', { acknowledge: 'received' });
  expect(await second.getData()).toBe('back');
  expect(first.state).toBe('reconnecting');
  const third = new Connection({ handshake: 'prefer' }, network);
  await third.connect('127.0.0.1', 5000);
  expect(await server.getConnection()).toBeDefined();
  expect(server.size).toBe(2);
  expect(first.closeInfo).toMatchObject({ error: { message: expect.stringContaining('maxConnections') } });
  third.destroy();
});

test('messages whose fate is not known are no bad frames', async () => {
  const accepted = await pair({ reconnect: { baseDelayMs: 1, minDelayMs: 0 } });
  network.links[0]?.stall();
  await client.sendData('on its way');
  const warned = once(client, 'warning');
  await server.close();
  accepted.destroy();
  server = await new Server({ port: 5000 }, network).start();
  network.links[0]?.reset();
  expect(await warned).toMatchObject([{ code: 'ERR_SERPY_UNKNOWN' }]);
  expect(client.stats().badFrames).toBe(0);
});
