/** A peer that asks and asks and never reads an answer. */
import { MemoryNetwork } from 'serpy-core/testing';
import { Server } from 'serpy-v1';
import { expect, test } from 'vitest';

const MiB = 1024 * 1024;

test('a peer that floods with SETMODE and reads no answer is read no more once a MiB of answers waits', async () => {
  const network = new MemoryNetwork();
  const server = await new Server({ port: 5000 }, network).start();
  const dial = { host: '127.0.0.1', port: 5000, keepAliveMs: 0, signal: new AbortController().signal };
  const peer = await network.dial(dial);
  peer.start({ received: () => {}, drained: () => {}, ended: () => {}, closed: () => {} });
  peer.pause();
  const connection = await server.getConnection();
  const flood = Buffer.from('\x01SETMODE0\x1f'.repeat(10_000), 'latin1');
  for (let sent = 0; sent < 2 * MiB; sent += flood.length) peer.write(flood);
  await network.settled();
  const { bytesReceived, bytesSent } = connection.stats();
  expect(bytesReceived).toBeLessThan(1.5 * MiB);
  expect(bytesSent).toBeLessThan(1.5 * MiB);

  peer.resume();
  await network.settled();
  expect(connection.stats().bytesSent).toBeGreaterThanOrEqual(2 * MiB);
  peer.destroy();
  await server.closeServer();
});
