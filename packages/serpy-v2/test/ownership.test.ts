/** A delivered Buffer belongs to the application: it never changes, and is exactly its memory. */
import { isDeepStrictEqual } from 'node:util';
import { byteByByte, everyCut, MemoryNetwork, RecordingHost, randomPieces, seededRandom } from 'serpy-core/testing';
import { describe, expect, test } from 'vitest';
import { Connection, Server } from '../src/index.js';
import { V2Session } from '../src/v2-session.js';
import { frameOf, receive } from './conversation.js';

function deliveredBytes(chunks: Iterable<Buffer>): Buffer[] {
  return receive(chunks).messages.map(({ value }) => value as Buffer);
}

describe('a delivered Buffer', () => {
  test.each([1, 31, 64, 65, 1000, 4095, 4096, 4097, 10_000, 65_536, 300_000])(
    'of %i bytes has memory of its own, however it came',
    (length) => {
      const sent = Buffer.alloc(length, 0xab);
      const stream = Buffer.concat([frameOf('before'), frameOf(sent), frameOf('after')]);
      for (const { name, chunks } of everyCut(stream)) {
        const bytes = deliveredBytes(chunks)[1] as Buffer;
        expect(bytes.equals(sent), name).toBe(true);
        expect([bytes.byteOffset, bytes.buffer.byteLength], name).toEqual([0, length]);
      }
    },
  );

  test('that came as one chunk of exactly its size has memory of its own', () => {
    const sent = Buffer.alloc(8192, 5);
    const frame = frameOf(sent);
    const [bytes] = deliveredBytes([Buffer.from(frame.subarray(0, 14)), Buffer.from(frame.subarray(14))]);
    expect([bytes?.byteOffset, bytes?.buffer.byteLength, bytes?.equals(sent)]).toEqual([0, 8192, true]);
  });

  test('takes a typed array over it, whatever stood before it on the wire', () => {
    const samples = Float32Array.from({ length: 2048 }, (_, i) => i / 3);
    for (const before of ['', 'a', 'ab', 'abc']) {
      const stream = Buffer.concat([frameOf(before), frameOf(Buffer.from(samples.buffer))]);
      for (const { name, chunks } of everyCut(stream)) {
        const bytes = deliveredBytes(chunks)[1] as Buffer;
        expect(isDeepStrictEqual(new Float32Array(bytes.buffer), samples), name).toBe(true);
      }
    }
  });

  test('never changes while later messages arrive, in pieces of whichever size', () => {
    const random = seededRandom(11);
    const lengths = Array.from({ length: 400 }, (_, i) => Math.floor(random() * (i % 20 === 0 ? 9000 : 200)));
    const sent = lengths.map((length, i) => Buffer.alloc(length, i));
    const stream = Buffer.concat(sent.map((bytes) => frameOf(bytes)));
    const ways = [byteByByte(stream), ...[2, 20, 600, 5000].map((longest) => randomPieces(stream, longest, random))];
    for (const chunks of ways) {
      const received = deliveredBytes(chunks);
      expect(received.length).toBe(sent.length);
      expect(received.every((bytes, i) => bytes.equals(sent[i] as Buffer))).toBe(true);
    }
  });

  test('can be written to without a trace in what arrives after it', () => {
    const session = new V2Session(
      { maxMessageBytes: 10_000 },
      { ...new RecordingHost(), acknowledged() {}, warn() {} },
    );
    session.linkUp();
    const frame = frameOf(Buffer.alloc(50, 7));
    for (let i = 0; i < 50; i++) {
      for (const chunk of randomPieces(Buffer.concat([frame, frame]), 40, seededRandom(i))) session.receive(chunk);
      for (const _ of [0, 1]) {
        const bytes = session.read()?.value as Buffer;
        expect(bytes.equals(Buffer.alloc(50, 7))).toBe(true);
        bytes.fill(0xee);
      }
    }
  });

  test('that is small does not hold much more memory than it has, however many are kept', () => {
    const frame = frameOf(Buffer.alloc(40));
    const kept = deliveredBytes(byteByByte(Buffer.concat(Array<Buffer>(2000).fill(frame))));
    const memory = new Set(kept.map(({ buffer }) => buffer));
    const heldBytes = [...memory].reduce((sum, { byteLength }) => sum + byteLength, 0);
    expect(kept).toHaveLength(2000);
    expect(heldBytes).toBeLessThan(4 * 2000 * frame.length);
  });
});

test('a small message is as it was when sendData was called, even if it had to wait and its bytes have changed', async () => {
  const network = new MemoryNetwork({ pipeBytes: 64 });
  const server = await new Server({ port: 5000, session: 'off' }, network).start();
  const client = await new Connection({}, network).connect('127.0.0.1', 5000);
  const accepted = await server.getConnection();
  network.hold();
  const bytes = Buffer.alloc(4095);
  for (let i = 0; i < 20; i++) await client.sendData(bytes.fill(i));
  bytes.fill(0xee);
  expect(client.stats().sendQueueMessages).toBeGreaterThan(5);
  network.release();
  for (let i = 0; i < 20; i++) {
    const received = (await accepted.getData()) as Buffer;
    expect(received.equals(Buffer.alloc(4095, i)), `message ${i}`).toBe(true);
  }
  await client.close();
  await server.closeServer();
});
