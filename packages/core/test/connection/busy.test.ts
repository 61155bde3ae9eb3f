/** A program that is too busy to process its sockets for longer than a timeout does not disconnect a live peer. */
import { once } from 'node:events';
import { Worker } from 'node:worker_threads';
import { waitFor } from 'serpy-contract-tests/stage';
import { Connection, connectionOptions, parseOptions } from 'serpy-core';
import { expect, onTestFinished, test } from 'vitest';
import { type Lines, lineProtocol } from '../line-protocol.js';

const writeTimeoutMs = 1000;

/** Runs in another thread, as this one is busy. It reads on request, and signals by shared memory that it has read. */
const peer = `
  const { parentPort, workerData } = require('node:worker_threads');
  const { createServer } = require('node:net');
  const hasRead = new Int32Array(workerData);
  let bytes = 0;
  const server = createServer({ pauseOnConnect: true }, (socket) => {
    parentPort.once('message', () => socket.resume());
    socket.on('data', (chunk) => {
      bytes += chunk.length;
      Atomics.store(hasRead, 0, 1);
      Atomics.notify(hasRead, 0);
      if (chunk.at(-1) === 10) parentPort.postMessage(bytes);
    });
    socket.on('close', () => server.close());
  }).listen(0, '127.0.0.1', () => parentPort.postMessage(server.address().port));
`;

test('bytes that left while the program was busy are noticed before the write timeout closes the link', async () => {
  const hasRead = new Int32Array(new SharedArrayBuffer(8));
  const worker = new Worker(peer, { eval: true, workerData: hasRead.buffer });
  onTestFinished(async () => void (await worker.terminate()));
  const [port] = (await once(worker, 'message')) as [number];
  const settings = parseOptions(connectionOptions, { writeTimeoutMs });
  const connection = await new Connection<Lines>(lineProtocol(), settings).connect('127.0.0.1', port);
  onTestFinished(() => connection.destroy());
  const ends: string[] = [];
  connection.on('disconnect', ({ reason }) => ends.push(reason));

  const text = 'x'.repeat(40 * 1024 * 1024);
  const all = once(worker, 'message') as Promise<[number]>;
  await connection.sendData(text);
  worker.postMessage('read');
  // Busy: this program runs nothing, and the peer reads what the system has buffered.
  Atomics.wait(hasRead, 0, 0);
  Atomics.wait(hasRead, 1, 0, 1.2 * writeTimeoutMs);
  expect(await all).toEqual([text.length + 1]);
  expect([connection.state, ends]).toEqual(['connected', []]);
  await waitFor(() => connection.stats().sendQueueMessages === 0);
});
