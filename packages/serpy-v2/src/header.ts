/** The 14 bytes before every v2 payload. */
import { describeStranger, ProtocolError } from 'serpy-core';
import { headerBytes, magic } from './wire.js';

/** What a header says of its payload. */
export interface Header {
  /** A number from 0 to 255; `frameType` has those that exist. */
  readonly type: number;
  readonly checksum: number;
  readonly payloadBytes: number;
}

/** Writes a header into the first 14 bytes of a buffer. */
export function writeHeader(target: Buffer, { type, checksum, payloadBytes }: Header): void {
  magic.copy(target);
  target[5] = type;
  target.writeUInt32LE(checksum, 6);
  target.writeUInt32LE(payloadBytes, 10);
}

/** Reads the header in the first 14 bytes of a buffer, whose magic was checked. */
export function readHeader(bytes: Buffer): Header {
  return { type: bytes[5] as number, checksum: bytes.readUInt32LE(6), payloadBytes: bytes.readUInt32LE(10) };
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
