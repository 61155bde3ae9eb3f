/** A v1 program that is too busy to look at its sockets for longer than its heart-beats take: it does not take a live peer for dead. */
import { once } from 'node:events';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { Worker } from 'node:worker_threads';
import { waitFor } from 'serpy-contract-tests/stage';
import { Connection } from 'serpy-v1';
import { expect, onTestFinished, test } from 'vitest';

const heartbeatIntervalMs = 300;

/** In a thread of its own, as ours is to be busy: answers a sign of life when it is told to, and says by shared memory that it has. */
const peer = `
  const { parentPort, workerData } = require('node:worker_threads');
  const { createServer } = require('node:net');
  const answered = new Int32Array(workerData);
  const server = createServer((socket) => {
    socket.resume();
    parentPort.once('message', () => socket.write('\\x01ACKMODCG\\x1f', () => {
      Atomics.store(answered, 0, 1);
      Atomics.notify(answered, 0);
    }));
    socket.on('close', () => server.close());
  }).listen(0, '127.0.0.1', () => parentPort.postMessage(server.address().port));
`;

test('an answer that came while the program was busy is read before the peer is given up', async () => {
  const answered = new Int32Array(new SharedArrayBuffer(8));
  const worker = new Worker(peer, { eval: true, workerData: answered.buffer });
  onTestFinished(async () => void (await worker.terminate()));
  const [port] = (await once(worker, 'message')) as [number];
  const connection = await new Connection({ heartbeatIntervalMs }).connect('127.0.0.1', port);
  onTestFinished(() => connection.destroy());
  await waitFor(() => connection.stats().bytesSent > 0);
  worker.postMessage('answer');
  // Busy: nothing of the program runs, and the answer waits in the system.
  Atomics.wait(answered, 0, 0);
  Atomics.wait(answered, 1, 0, 3 * heartbeatIntervalMs);
  for (let turns = 0; turns < 10; turns++) await nextTurn();
  expect([connection.state, connection.stats().bytesReceived]).toEqual(['connected', 10]);
});
