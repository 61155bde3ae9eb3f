/** A v1 program that blocks its event loop for longer than the heartbeat timeout: there is no false timeout. */
import { once } from 'node:events';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { Worker } from 'node:worker_threads';
import { waitFor } from 'serpy-contract-tests/stage';
import { Connection } from 'serpy-v1';
import { expect, onTestFinished, test } from 'vitest';

const heartbeatIntervalMs = 300;

/** Runs in a worker thread, since the main thread is blocked: answers a heartbeat on request, and confirms that by shared memory. */
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

test('an answer that arrived while the program was busy is read before the timeout is checked', async () => {
  const answered = new Int32Array(new SharedArrayBuffer(8));
  const worker = new Worker(peer, { eval: true, workerData: answered.buffer });
  onTestFinished(async () => void (await worker.terminate()));
  const [port] = (await once(worker, 'message')) as [number];
  const connection = await new Connection({ heartbeatIntervalMs }).connect('127.0.0.1', port);
  onTestFinished(() => connection.destroy());
  await waitFor(() => connection.stats().bytesSent > 0);
  worker.postMessage('answer');
  // Busy: the event loop is blocked, and the answer waits in the socket.
  Atomics.wait(answered, 0, 0);
  Atomics.wait(answered, 1, 0, 3 * heartbeatIntervalMs);
  for (let turns = 0; turns < 10; turns++) await nextTurn();
  expect([connection.state, connection.stats().bytesReceived]).toEqual(['connected', 10]);
});
