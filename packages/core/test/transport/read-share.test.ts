/** No socket uses a whole turn of the event loop: neither with many bytes, nor with bytes that take long to process. */
import { once } from 'node:events';
import { connect } from 'node:net';
import { waitFor } from 'serpy-contract-tests/stage';
import { afterEach, describe, expect, test } from 'vitest';
import { ReadShare, shareBytes, shareMs } from '../../src/transport/read-share.js';
import { TcpIntake } from '../../src/transport/tcp-intake.js';
import { tcpListen } from '../../src/transport/tcp-network.js';
import type { Listener, Transport } from '../../src/transport/transport.js';

const MiB = 1024 * 1024;
const opened: { destroy(): void }[] = [];
const listeners: Listener[] = [];

afterEach(() => {
  for (const each of opened.splice(0)) each.destroy();
  for (const each of listeners.splice(0)) each.close();
});

/** A transport whose peer has sent bytes before the start. */
async function behind(bytes: Buffer): Promise<Transport> {
  const accepted: Transport[] = [];
  const accept = (transport: Transport) => accepted.push(transport);
  const listener = await tcpListen({ host: '127.0.0.1', port: 0, keepAliveMs: 0, accept, failed: () => {} });
  listeners.push(listener);
  const socket = connect(listener.address);
  opened.push(socket);
  socket.on('error', () => {});
  await once(socket, 'connect');
  socket.end(bytes);
  await waitFor(() => accepted.length === 1);
  opened.push(accepted[0] as Transport);
  for (let turn = 0; turn < 50; turn++) await new Promise(setImmediate); // the buffers of the system fill
  return accepted[0] as Transport;
}

/** The bytes that a transport delivers in each turn, with `work` for each chunk. */
async function turnsOf(
  transport: Transport,
  work: (chunk: Buffer) => void,
): Promise<{ chunks: Buffer[]; most: number }> {
  const chunks: Buffer[] = [];
  let inTurn = 0;
  let most = 0;
  let over = false;
  transport.start({
    received: (chunk) => {
      work(chunk);
      inTurn += chunk.length;
      most = Math.max(most, inTurn);
      chunks.push(Buffer.from(chunk));
    },
    drained: () => {},
    ended: () => {
      over = true;
    },
    closed: () => {},
  });
  while (!over) {
    await new Promise(setImmediate);
    inTurn = 0;
  }
  return { chunks, most };
}

function busy(forMs: number): void {
  for (const endMs = performance.now() + forMs; performance.now() < endMs; );
}

const bytes = Buffer.alloc(9 * MiB);
for (let i = 0; i < bytes.length; i += 4) bytes.writeUInt32LE(i, i);

test('many bytes of a peer are read in several turns, completely and in order', async () => {
  const { chunks, most } = await turnsOf(await behind(bytes), () => {});
  expect(Buffer.concat(chunks).equals(bytes)).toBe(true);
  expect(most).toBeLessThanOrEqual(shareBytes + 256 * 1024);
});

test('bytes that take long are read in small parts, one in each turn', async () => {
  const perByte = shareMs / (16 * 1024);
  const { chunks, most } = await turnsOf(await behind(bytes.subarray(0, MiB)), ({ length }) => busy(length * perByte));
  expect(Buffer.concat(chunks).equals(bytes.subarray(0, MiB))).toBe(true);
  expect(most).toBeLessThanOrEqual(64 * 1024);
});

test('bytes that were read are delivered before the end of a link that breaks', () => {
  const intake = new TcpIntake({ pause() {}, resume() {} }, true);
  let receivedBytes = 0;
  intake.handler = {
    received: ({ length }) => {
      receivedBytes += length;
      busy(shareMs);
    },
    drained: () => {},
    ended: () => {},
    closed: () => {},
  };
  intake.received(Buffer.alloc(200_000));
  expect(receivedBytes).toBeLessThan(200_000);
  intake.stop();
  expect(receivedBytes).toBe(200_000);
});

describe('a share of a turn', () => {
  test('ends after a number of bytes or a time, and is full again in the next turn', () => {
    const share = new ReadShare();
    share.record(shareBytes - 1, 0);
    expect(share.exhausted).toBe(false);
    share.record(1, 0);
    expect(share.exhausted).toBe(true);
    share.reset();
    share.record(1, shareMs / 2);
    expect(share.exhausted).toBe(false);
    share.record(1, shareMs / 2);
    expect(share.exhausted).toBe(true);
  });

  test('has parts that take half of it, of at least 4 KiB; bytes that take no time are one part', () => {
    const share = new ReadShare();
    for (let i = 0; i < 10; i++) share.record(64 * 1024, shareMs);
    expect(share.partBytes).toBe(32 * 1024);
    for (let i = 0; i < 10; i++) share.record(share.partBytes, shareMs * 100);
    expect(share.partBytes).toBe(4 * 1024);
    share.record(4 * 1024, 0);
    expect(share.partBytes).toBeGreaterThan(256 * 1024);
  });

  test('shrinks its parts slowly after one part that took long', () => {
    const share = new ReadShare();
    for (let i = 0; i < 10; i++) share.record(256 * 1024, shareMs / 8);
    share.record(256 * 1024, 100 * shareMs);
    expect(share.partBytes).toBeGreaterThanOrEqual(256 * 1024);
  });
});
