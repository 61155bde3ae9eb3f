/** The 14 bytes before every v2 payload. */
import { type ByteQueue, describeStranger, ProtocolError } from 'serpy-core';
import { checksumOffset, headerBytes, lengthOffset, magic, typeOffset } from './wire.js';

/** What a header says of its payload. */
export interface Header {
  /** A number from 0 to 255; `frameType` has those that exist. */
  readonly type: number;
  readonly checksum: number;
  readonly payloadBytes: number;
}

/** The first four bytes of the magic, read as a little-endian number. */
const magicStart = 0xcafecade;
const magicEnd = 0xfe;

/** Writes a header into the first 14 bytes of a buffer. Byte by byte: for so few, calls of the system's copy cost more. */
export function writeHeader(target: Uint8Array, { type, checksum, payloadBytes }: Header): void {
  writeUint32(target, 0, magicStart);
  target[4] = magicEnd;
  target[typeOffset] = type;
  writeUint32(target, checksumOffset, checksum);
  writeUint32(target, lengthOffset, payloadBytes);
}

function writeUint32(target: Uint8Array, offset: number, value: number): void {
  target[offset] = value;
  target[offset + 1] = value >>> 8;
  target[offset + 2] = value >>> 16;
  target[offset + 3] = value >>> 24;
}

/** Whether the next bytes, at least 14, are those of a header. */
export function startsWithMagic(bytes: ByteQueue): boolean {
  return bytes.uint32LE(0) === magicStart && bytes.at(4) === magicEnd;
}

/**
 * Checks as much of the magic as is there, so that a stranger is noticed at his first wrong byte.
 * Throws a `ProtocolError` that says, where it can be seen, who is talking.
 */
export function checkMagic(start: Buffer): void {
  const there = Math.min(start.length, magic.length);
  if (start.compare(magic, 0, there, 0, there) === 0) return;
  const who = describeStranger(start) ?? (looksLikeV1.test(start.toString('latin1')) ? v1Hint : undefined);
  throw new ProtocolError(
    `the peer does not speak v2: a message starts with ${start.toString('hex', 0, headerBytes)}, ` +
      `not with ${magic.toString('hex')}${who ? `; ${who}` : ''}`,
  );
}

const looksLikeV1 = /^\x01|^[\x20-\x7e]*\x1f/;
const v1Hint = "it looks like v1: use serpy-v1, or protocol: 'v1'";
