/** Frames of a session as docs/protocol-v2.md has them: built from its words alone, in another way than ours are. */
import { readFileSync } from 'node:fs';
import { fc, test } from '@fast-check/vitest';
import { describe, expect } from 'vitest';
import { segmentFlag } from '../../../src/session/frames/constants.js';
import { controlFrame } from '../../../src/session/frames/control-frame.js';
import { type Frame, FrameReader } from '../../../src/session/frames/frame-reader.js';
import { type OutboundFrame, Segment } from '../../../src/session/frames/segment.js';
import { xxh3Reference } from '../../../src/session/frames/xxh3.js';

const page = readFileSync(new URL('../../../../../docs/protocol-v2.md', import.meta.url), 'utf8');

/** The bytes of a row of the page's table. */
function vector(frame: string): Buffer {
  const row = page.split('\n').find((line) => line.startsWith(`| ${frame} |`) && line.includes('DE CA FE CA FE'));
  const hex = /`((?:[\dA-F]{2} ?)+)` \|$/.exec(row ?? '')?.[1];
  if (hex === undefined) throw new Error(`the page has no frame ${frame}`);
  return Buffer.from(hex.replaceAll(' ', ''), 'hex');
}

const table = Array.from({ length: 256 }, (_, byte) => {
  let rest = byte;
  for (let bit = 0; bit < 8; bit++) rest = rest & 1 ? 0xedb88320 ^ (rest >>> 1) : rest >>> 1;
  return rest;
});

function crc32(bytes: Uint8Array, start = 0): number {
  let register = ~start;
  for (const byte of bytes) register = (table[(register ^ byte) & 0xff] as number) ^ (register >>> 8);
  return ~register >>> 0;
}

const uint32 = (value: number) => Buffer.from(Uint32Array.of(value).buffer);
const uint64 = (...values: number[]) => Buffer.from(BigUint64Array.from(values, BigInt).buffer);

/** A frame whose payload is a head, with nothing or a message behind it. */
function frame(type: number, head: Uint8Array, bytes: Uint8Array = Buffer.alloc(0)): Buffer {
  const length = uint32(head.length + bytes.length);
  const check =
    bytes.length < 4096
      ? crc32(Buffer.concat([length, head, bytes]), type)
      : xxh3Reference(bytes, 0, bytes.length, crc32(Buffer.concat([length, head]), type));
  return Buffer.concat([Buffer.from('decafecafe', 'hex'), Buffer.of(type), uint32(check), length, head, bytes]);
}

/** With the size of the whole message where a piece begins one and does not end it. */
function pieceHead(flags: number, number: number, total = 0): Buffer {
  return Buffer.concat([Buffer.of(flags), uint64(number, ...((flags & 3) === 1 ? [total] : []))]);
}
const counting = Buffer.from(Array.from({ length: 4096 }, (_, i) => i % 251));

function ours(type: number, flags: number, number: number, bytes: Buffer, total = bytes.length): Buffer {
  const message: OutboundFrame = { type: type & ~2, sizeBytes: bytes.length, awaitsAck: false };
  const piece = new Segment(type === 0x33 ? undefined : message, number, flags, total, bytes, 0, bytes.length);
  const written = Buffer.alloc(piece.headBytes + bytes.length);
  const joined = bytes.length < 4096;
  piece.write(written, 0, joined);
  if (!joined) bytes.copy(written, piece.headBytes);
  return written;
}

function read(bytes: Buffer): Frame | undefined {
  const reader = new FrameReader({ allocate: () => undefined });
  reader.push(bytes);
  return reader.read();
}

test('the CRC-32 is the one that the page describes', () => {
  expect(page).toContain('`123456789` has `CBF43926`');
  expect(crc32(Buffer.from('123456789'))).toBe(0xcbf43926);
  expect(crc32(Buffer.from('6789'), crc32(Buffer.from('12345')))).toBe(0xcbf43926);
});

describe('a frame built from the words of the page is that of its table, is what we write, and is read:', () => {
  test.each([
    ['STATE', 0x42, uint64(6, 5, 4101, 16_777_226)],
    ['PING', 0x52, uint64(1)],
    ['CLOSE', 0x72, Buffer.concat([uint64(6), Buffer.from('done')])],
  ])('%s', (name, type, payload) => {
    const built = frame(type, payload);
    expect(built).toEqual(vector(name));
    expect(controlFrame(type, payload)).toEqual(built);
    expect(read(built)).toEqual({ kind: 'control', type, payload });
  });

  test.each([
    ['a piece', 0x23, 7, 5, Buffer.from('hello')],
    ['several messages', 0x33, 3, 6, Buffer.from('0220686908002a00000000000000', 'hex')],
    ['a piece, without its bytes', 0x83, 3, 8, counting],
  ])('%s', (name, type, flags, number, bytes) => {
    const built = frame(type, pieceHead(flags, number), bytes);
    const shown = vector(name);
    expect(built.subarray(0, shown.length)).toEqual(shown);
    expect(ours(type, flags, number, bytes)).toEqual(built);
    expect(read(built)).toMatchObject({ kind: 'piece', head: { type, flags, number }, data: bytes });
  });
});

test('the page has seed and XXH3 of the large piece', () => {
  const seed = crc32(Buffer.concat([uint32(9 + 4096), pieceHead(3, 8)]), 0x83);
  const [, stated, hash] = /seed is `(\w{8})`, the XXH3 `\w{8}(\w{8})`/.exec(page) ?? [];
  expect(seed).toBe(Number.parseInt(stated ?? '', 16));
  expect(xxh3Reference(counting, 0, 4096, seed)).toBe(Number.parseInt(hash ?? '', 16));
});

test.prop([
  fc.constantFrom(0x03, 0x13, 0x23, 0x83, 0x43, 0x33),
  fc.nat(2 ** 40),
  fc.oneof(fc.nat(100), fc.integer({ min: 4000, max: 5000 })),
  fc.constantFrom(segmentFlag.first | segmentFlag.last, segmentFlag.first, segmentFlag.last, 0),
])('any piece is, byte for byte, what the page says', (type, number, size, place) => {
  const bytes = Buffer.alloc(size, type + number);
  const flags = type === 0x33 ? segmentFlag.first | segmentFlag.last : place;
  const built = frame(type, pieceHead(flags, number, 300_000), bytes);
  expect(ours(type, flags, number, bytes, 300_000).equals(built)).toBe(true);
  expect(read(built)).toMatchObject({ kind: 'piece', head: { type, flags, number } });
});

test('a CRC that runs over the type as a byte is not the check', () => {
  const built = frame(0x52, uint64(1));
  built.writeUInt32LE(crc32(Buffer.concat([Buffer.of(0x52), built.subarray(10)])), 6);
  expect(() => read(built)).toThrow(/arrived damaged/);
});
