/** How far a large message is, as a connection counts it. */
import { once } from 'node:events';
import { type AddressInfo, createServer, type Socket } from 'node:net';
import { connect } from 'serpy';
import { expect, onTestFinished, test, vi } from 'vitest';

const until = (condition: () => boolean) => vi.waitUntil(condition, { timeout: 10_000, interval: 1 });

const bigBytes = 32 * 1024 * 1024;

test('unsentBytes falls while the parts of a large message leave, to 0 when all have', async () => {
  const server = createServer({ pauseOnConnect: true }).listen(0, '127.0.0.1');
  onTestFinished(() => void server.close());
  await once(server, 'listening');
  const accepted = once(server, 'connection') as Promise<[Socket]>;
  const connection = await connect({ protocol: 'v2', port: (server.address() as AddressInfo).port });
  const [socket] = await accepted;
  onTestFinished(() => {
    socket.destroy();
    connection.destroy();
  });
  const unsent = () => connection.stats().unsentBytes;
  expect(unsent()).toBe(0);
  await connection.sendData(Buffer.alloc(bigBytes));
  await until(() => unsent() > 0 && unsent() < bigBytes);
  const stuck = unsent();
  let read = 0;
  socket.on('data', (chunk) => {
    read += chunk.length;
    if (read > bigBytes / 2) socket.pause();
  });
  socket.resume();
  await until(() => unsent() < Math.min(stuck, bigBytes / 2));
  expect(unsent()).toBeGreaterThan(0);
  socket.removeAllListeners('data').resume();
  await until(() => unsent() === 0);
  await connection.sendData('small');
  await until(() => unsent() === 0);
});
