/** Bridges to an embedded broker, which speaks MQTT 3.1.1 alone. Its settings keep one frozen subscriber from stopping all. */
import { once } from 'node:events';
import { createServer, type Socket } from 'node:net';
import { Aedes, type AedesOptions } from 'aedes';
import { encodeNpy } from 'serpy-arrays';
import { afterEach, expect, test, vi } from 'vitest';
import { aboutOf, bridge, clearAway, collect, connected, instrument, onEnd, until } from './stage.js';

vi.setConfig({ testTimeout: 60_000 });

afterEach(clearAway, 30_000);

async function embedded(options: AedesOptions = {}) {
  const aedes = await Aedes.createBroker({ concurrency: 1000, drainTimeout: 500, ...options });
  const sockets = new Set<Socket>();
  const server = createServer((socket) => {
    sockets.add(socket);
    socket.on('close', () => sockets.delete(socket));
    aedes.handle(socket);
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  onEnd(async () => {
    await new Promise<void>((resolve) => aedes.close(() => resolve()));
    for (const socket of sockets) socket.destroy();
    server.close();
  });
  return `mqtt://127.0.0.1:${(server.address() as { port: number }).port}`;
}

test('falls back to MQTT 3.1.1', async () => {
  const url = await embedded();
  const all = await collect(url, 'lab/#', { protocolVersion: 4 });
  const cam = await instrument();
  const { bridge: made } = await bridge({ source: cam.url, broker: url, commands: true });
  await connected(made);
  expect(made.stats().broker.protocol).toBe('MQTT 3.1.1');
  await cam.send(7);
  await until(() => expect(all.texts('lab/cam/number')).toEqual(['7']));
  await until(() => expect(aboutOf(all)).toMatchObject({ online: true }));
  await all.client.publishAsync('lab/cam/set', 'go', { qos: 1 });
  await until(() => expect(cam.received).toEqual(['go']));
});

test('says that the broker does not let it subscribe to commands', async () => {
  const url = await embedded({ authorizeSubscribe: (_client, _subscription, callback) => callback(null, null) });
  const cam = await instrument();
  const { bridge: made } = await bridge({ source: cam.url, broker: url, commands: true });
  await until(() =>
    expect(made.stats().broker.problem).toMatch(/does not let this user subscribe to lab\/cam\/set: check its access/),
  );
});

test('with concurrency and drainTimeout, a frozen subscriber delays no other and not the bridge', async () => {
  const url = await embedded();
  const healthy = await collect(url, 'lab/#', { protocolVersion: 4 });
  const frozen = await collect(url, 'lab/#', { protocolVersion: 4, reconnectPeriod: 0 });
  (frozen.client.stream as unknown as Socket).pause();
  const cam = await instrument();
  const { bridge: made } = await bridge({ source: cam.url, broker: url, maxFps: 0 });
  await connected(made);
  const image = encodeNpy({ data: new Uint16Array(400_000), shape: [500, 800] }) as Buffer;
  for (let at = 0; at < 40; at++) await cam.send(image);
  await until(() => expect(made.stats()).toMatchObject({ received: 40, published: 40, dropped: 0 }));
  await until(() => expect(healthy.on('lab/cam/image')).toHaveLength(40));
});

test('a server that is not a broker is reported', async () => {
  const server = createServer((socket) => {
    socket.on('error', () => {}).resume();
    socket.end('HTTP/1.1 400 Bad Request\r\n\r\n');
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  onEnd(() => server.close());
  const { port } = server.address() as { port: number };
  const cam = await instrument();
  const { bridge: made } = await bridge({ source: cam.url, broker: `mqtt://127.0.0.1:${port}` });
  await until(() => expect(made.stats().broker.problem).toMatch(/no connection|closed the connection/));
});
