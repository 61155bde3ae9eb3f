/** docs/protocol-v2.md, records of a session: each vector of the page is built from its words, written and read. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { RecordingHost } from 'serpy-core/testing';
import { describe, expect, test } from 'vitest';
import { RecordReader } from '../packages/serpy-v2/src/reliable/record-reader.js';
import { ReliableSession } from '../packages/serpy-v2/src/reliable/reliable-session.js';
import type { Sendable } from '../packages/serpy-v2/src/reliable/sender.js';
import { StreamFrames } from '../packages/serpy-v2/src/reliable/session-frames.js';
import { crc32, frame, record, typeOf, uint64 } from '../packages/serpy-v2/test/reliable/wire.js';
import { messageOf } from './docs/protocol-end.js';
import { hexOf, type Vector, vectorsOf } from './docs/vectors.js';
import { root } from './workspace.js';

const vectors = vectorsOf('docs/protocol-v2.md').filter(({ kind }) => kind === 'record');
const rows = vectors.map((vector) => [vector.name, vector] as const);

const frameTypes: Record<string, number> = { int: 0x01, float: 0x11, str: 0x21, bytes: 0x81 };

/** A message of the page as a frame of the stream. */
function frameOf(line: string): Buffer {
  const { type, value } = messageOf(line);
  const payload = type === 'int' ? uint64(value as number) : Buffer.from(value as string);
  return frame([frameTypes[type] as number, payload]);
}

/** The record of a vector, from its words. */
function built(vector: Vector): Buffer {
  const offset = vector.number('offset');
  switch (vector.text('type')) {
    case 'data': {
      const flags = (vector.name.includes('waits') ? 0x40 : 0) | (vector.name.includes('consumption') ? 0x20 : 0);
      return record(typeOf.data | flags, Buffer.concat(vector.all('gives').map(frameOf)), offset);
    }
    case 'ack': {
      const absence = vector.optional('absence');
      const numbers = [vector.number('received'), vector.number('consumed'), vector.number('limit')];
      return record(typeOf.ack, uint64(...numbers, ...(absence === undefined ? [] : [Number(absence)])));
    }
    case 'ping':
      return record(typeOf.ping, vector.bytes('payload'));
    case 'pong':
      return record(typeOf.pong, vector.bytes('payload'));
    case 'close':
      return record(typeOf.close, Buffer.concat([uint64(vector.number('final')), Buffer.from(vector.text('reason'))]));
    case 'retract':
      return record(typeOf.retract, uint64(vector.number('end')), offset);
    default:
      return record(0x33, Buffer.of(1, 2, 3));
  }
}

test('the CRC-32 is the one that the page describes', () => {
  const page = readFileSync(join(root, 'docs/protocol-v2.md'), 'utf8');
  expect(page).toContain('`123456789` has `CBF43926`');
  expect(crc32(Buffer.from('123456789'))).toBe(0xcbf43926);
});

describe('a record of docs/protocol-v2.md', () => {
  test.each(rows)('is what its words say: %s', (_, vector) => {
    expect(hexOf(built(vector))).toBe(hexOf(vector.bytes('bytes')));
    if (vector.has('xxh3 of payload')) {
      const check =
        Number.parseInt(vector.text('crc of header'), 16) ^ Number.parseInt(vector.text('xxh3 of payload'), 16);
      expect(vector.bytes('bytes').readUInt32LE(8)).toBe(check >>> 0);
    }
  });

  test.each(rows)('is read, in whatever pieces it comes: %s', (_, vector) => {
    const bytes = vector.bytes('bytes');
    for (const cut of [1, 11, 12, 13, 1000]) {
      const reader = new RecordReader(true);
      let read = 0;
      for (let at = 0; at < bytes.length; at += cut) {
        reader.push(Buffer.from(bytes.subarray(at, at + cut)));
        if (reader.read()) read++;
        reader.keep();
      }
      expect(read).toBe(1);
      expect(reader.type).toBe((bytes[3] as number) & ~0x60);
      expect([reader.ackRequested, reader.consumedRequested]).toEqual(
        [0x40, 0x20].map((bit) => ((bytes[3] as number) & bit) > 0),
      );
      expect(reader.bytes.subarray(reader.start, reader.end)).toEqual(bytes.subarray(12));
    }
  });

  test.each(rows.filter(([, vector]) => vector.has('gives')))('gives its messages: %s', (_, vector) => {
    const session = ended();
    const { receiver } = session;
    // What goes before it.
    for (let missing = vector.number('offset'); missing > 0; ) {
      const size = Math.min(missing, 2 ** 31);
      receiver.retract(receiver.received % 2 ** 32, receiver.received + size);
      missing -= size;
      session.read();
      receiver.takeAck();
    }
    session.push(vector.bytes('bytes'), 0);
    for (const line of vector.all('gives')) {
      const { type, value } = messageOf(line);
      expect(session.read()).toMatchObject({ type, value });
    }
    expect(session.read()).toBeUndefined();
    expect(receiver.ackDue).toBe(true);
    if (vector.name.includes('waits')) expect(receiver.ackNow).toBe(true);
  });
});

test('a session writes the records of the page', () => {
  const host = new RecordingHost();
  const session = ended(host);
  const hello = Buffer.from('hello');
  const message = { type: 0x21, sizeBytes: 19, awaitsAck: false, prefix: undefined, payload: hello, owned: true };
  session.sender.send({ ...message, level: undefined, endOffset: 0 });
  session.flush();
  const data = vectors.find(({ name }) => name === 'DATA: the text hello') as Vector;
  expect(hexOf(Buffer.concat(host.take()))).toBe(hexOf(data.bytes('bytes')));
  session.writeClose('done');
  const close = vectors.find(({ name }) => name.startsWith('CLOSE')) as Vector;
  expect(hexOf(Buffer.concat(host.take()))).toBe(hexOf(close.bytes('bytes')));
  session.push(data.bytes('bytes'), 0);
  const received = session.read();
  session.consumed(received as never, false);
  session.writeAck();
  const ack = vectors.find(({ name }) => name === 'ACK') as Vector;
  expect(hexOf(Buffer.concat(host.take()))).toBe(hexOf(ack.bytes('bytes')));
});

test.each([241, 300, 262_144, 262_145, 262_384, 262_385, 524_288, 1_048_576])(
  'a record of %i bytes has the check that the page describes',
  (size) => {
    const payload = Buffer.alloc(size, size % 251);
    const bytes = record(typeOf.data, payload);
    const reader = new RecordReader(true);
    reader.push(bytes);
    expect(reader.read()).toBe(true);
    bytes[12 + size - 1] = (bytes[12 + size - 1] as number) ^ 1;
    const damaged = new RecordReader(true);
    damaged.push(bytes);
    expect(() => damaged.read()).toThrow('its check does not match');
  },
);

test('every vector of a record is used, with all of its lines', () => {
  expect(vectors.length).toBeGreaterThan(10);
  expect(vectors.filter(({ unused }) => unused.length > 0).map(({ place, unused }) => [place, unused])).toEqual([]);
});

/** A session on a link, with the settings that the page states for its vectors. */
function ended(host = new RecordingHost()): ReliableSession<Sendable> {
  const settings = {
    maxMessageBytes: 64 * 1024 * 1024,
    window: { maxMessages: 4096, maxBytes: 16 * 1024 * 1024, drops: false },
    replay: { maxMessages: 4096, maxBytes: 64 * 1024 * 1024 },
    pingIntervalMs: 0,
    peerTimeoutMs: 0,
  };
  const session = new ReliableSession<Sendable>(settings, host as never, new StreamFrames(settings.maxMessageBytes));
  session.linkUp({ maxMessageBytes: 1e9, pingIntervalMs: 0, limit: 1e9 }, true, 0);
  return session;
}
