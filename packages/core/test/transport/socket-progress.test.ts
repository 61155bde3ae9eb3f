/** The flushed bytes of a real socket: parts of one write count when they leave, and nothing else counts. */
import { once } from 'node:events';
import { type AddressInfo, createServer, type Socket } from 'node:net';
import { waitFor } from 'serpy-contract-tests/stage';
import { expect, onTestFinished, test } from 'vitest';
import { systemEnvironment } from '../../src/system-environment.js';
import { flushedBytes } from '../../src/transport/socket-progress.js';
import { tcpDial } from '../../src/transport/tcp-network.js';

/** A transport, and the socket of its peer, which does not read yet. */
async function pair() {
  const server = createServer({ pauseOnConnect: true }).listen(0, '127.0.0.1');
  onTestFinished(() => void server.close());
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  const accepted = once(server, 'connection') as Promise<[Socket]>;
  const transport = await tcpDial(
    { host: '127.0.0.1', port, keepAliveMs: 0, signal: new AbortController().signal },
    systemEnvironment.clock,
  );
  const [socket] = await accepted;
  onTestFinished(() => {
    socket.destroy();
    transport.destroy();
  });
  const nothing = () => {};
  transport.start({ received: nothing, drained: nothing, ended: nothing, closed: nothing });
  return { transport, socket };
}

/** Resolves when a number has stayed the same for many turns. */
async function settledAt(number: () => number): Promise<number> {
  for (let turns = 0, last = number(); ; last = number()) {
    await new Promise(setImmediate);
    turns = number() === last ? turns + 1 : 0;
    if (turns > 200) return last;
  }
}

const bigBytes = 64 * 1024 * 1024;

test('the parts of one large write count when they leave', async () => {
  const { transport, socket } = await pair();
  transport.write(Buffer.alloc(bigBytes));
  transport.flush();
  const left = await settledAt(() => transport.flushedBytes);
  expect(left).toBeGreaterThan(0);
  expect(left).toBeLessThan(bigBytes);
  let read = 0;
  socket.on('data', (chunk) => {
    read += chunk.length;
    if (read >= bigBytes / 4) socket.pause();
  });
  socket.resume();
  await waitFor(() => read >= bigBytes / 4);
  expect(await settledAt(() => transport.flushedBytes)).toBeGreaterThan(left);
  socket.removeAllListeners('data').resume();
  await waitFor(() => transport.unsentBytes === 0);
  expect(transport.flushedBytes).toBe(bigBytes);
});

test('bytes that were only written do not count', async () => {
  const { transport } = await pair();
  transport.write(Buffer.alloc(bigBytes));
  transport.flush();
  const left = await settledAt(() => transport.flushedBytes);
  for (let n = 0; n < 10; n++) {
    transport.write(Buffer.alloc(1000));
    transport.flush();
  }
  expect(await settledAt(() => transport.flushedBytes)).toBe(left);
});

test('a closed socket has a number too', async () => {
  const { transport, socket } = await pair();
  transport.write(Buffer.from('hello'));
  transport.flush();
  transport.destroy();
  await once(socket.resume(), 'close');
  expect(transport.flushedBytes).toBe(5);
});

test('without the handle of the runtime, complete writes count', () => {
  for (const inside of [{}, { _handle: null }, { _handle: {} }, { _handle: { bytesWritten: 90 } }]) {
    expect(flushedBytes({ bytesWritten: 100, writableLength: 40, ...inside })).toBe(60);
  }
});
