/** The 14 bytes before every v2 payload. */
import { describeForeignProtocol, linesHint, ProtocolError } from 'serpy-core';
import { checksumOffset, headerBytes, lengthOffset, magic, typeOffset } from './constants.js';

/** The first four bytes of the magic, read as a little-endian number. */
const magicStart = 0xcafecade;
const magicEnd = 0xfe;

/** Writes the 14 bytes of a header. For so few bytes, assignments are faster than calls of `Buffer` methods. */
export function writeHeader(target: Uint8Array, start: number, type: number, sum: number, payloadBytes: number): void {
  writeUint32(target, start, magicStart);
  target[start + 4] = magicEnd;
  target[start + typeOffset] = type;
  writeUint32(target, start + checksumOffset, sum);
  writeUint32(target, start + lengthOffset, payloadBytes);
}

/** Writes an unsigned little-endian number of 32 bits. */
export function writeUint32(target: Uint8Array, offset: number, value: number): void {
  target[offset] = value;
  target[offset + 1] = value >>> 8;
  target[offset + 2] = value >>> 16;
  target[offset + 3] = value >>> 24;
}

/** An unsigned little-endian number of 32 bits. */
export function readUint32(bytes: Uint8Array, start: number): number {
  return (
    ((bytes[start] as number) |
      ((bytes[start + 1] as number) << 8) |
      ((bytes[start + 2] as number) << 16) |
      ((bytes[start + 3] as number) << 24)) >>>
    0
  );
}

/** Whether the bytes at `start` (at least five) begin with the magic. */
export function startsWithMagic(bytes: Uint8Array, start: number): boolean {
  return readUint32(bytes, start) === magicStart && bytes[start + 4] === magicEnd;
}

/**
 * Checks the received part of the magic, so that another protocol is detected at its first wrong byte.
 * Throws a `ProtocolError` that names the other protocol, if it is recognized.
 */
export function checkMagic(start: Buffer): void {
  const length = Math.min(start.length, magic.length);
  if (start.compare(magic, 0, length, 0, length) === 0) return;
  const hint = describeForeignProtocol(start) ?? protocolHint(start);
  throw new ProtocolError(
    `the peer does not speak v2: a message starts with ${start.toString('hex', 0, headerBytes)}, ` +
      `not with ${magic.toString('hex')}${hint ? `; ${hint}` : ''}`,
  );
}

function protocolHint(start: Buffer): string | undefined {
  const text = start.toString('latin1');
  if (looksLikeV1.test(text)) return v1Hint;
  return looksLikeLines.test(text) ? linesHint(start) : undefined;
}

const looksLikeLines = /^[\t\x20-\x7e]*\r?\n/;
const looksLikeV1 = /^\x01|^[\x20-\x7e]*\x1f/;
const v1Hint = "it looks like v1: use serpy-v1, or protocol: 'v1'";
