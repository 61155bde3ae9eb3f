/** The records of a session: a header of 12 bytes, then the payload. Each record can be read without the ones before it. */
import { readUint32, writeUint32 } from '../wire/header.js';
import { crc32 } from './crc32.js';
import { xxh3 } from './xxh3.js';

/** Length of the payload (3), type (1), low 32 bits of the offset (4), check (4). */
export const recordHeaderBytes = 12;

/** The check covers the header before it, and the payload. */
const checkedHeaderBytes = 8;

/** The largest payload. */
export const maxRecordBytes = 1024 * 1024;

/** The largest payload of a control record. */
export const maxControlBytes = 2048;

export const recordType = {
  /** Bytes of the stream. */
  data: 0x01,
  /** Offsets up to which the stream was received and consumed, and up to which it may be sent. */
  ack: 0x02,
  ping: 0x03,
  pong: 0x04,
  close: 0x05,
  /** The rest of a message is not sent. A critical type. */
  retract: 0x86,
} as const;

/** A receiver that does not know a critical type ends the session. It skips other unknown types. */
export const criticalBit = 0x80;

/** The sender waits until this record has arrived. */
export const ackRequestedBit = 0x40;

/** The sender waits until the messages in this record were consumed. */
export const consumedRequestedBit = 0x20;

/** The bits of a type that only state what the sender waits for. */
export const requestBits = ackRequestedBit | consumedRequestedBit;

/** From this size on XXH3 is faster than CRC-32 and is used instead. */
const digestFromBytes = 241;

/** A longer payload is digested in parts of this size. */
export const digestPartBytes = 256 * 1024;

/** The digest of bytes that the program may change. It does not depend on the record that carries them. */
export function payloadDigest(memory: Uint8Array, start: number, end: number): number {
  return end - start < digestFromBytes ? crc32(memory, start, end) : digest(memory, start, end);
}

/** XXH3 of a large payload, part by part: the digest of each is the seed of the next. */
function digest(memory: Uint8Array, start: number, end: number, before = 0): number {
  let seed = before;
  let at = start;
  for (; end - at > digestPartBytes; at += digestPartBytes) seed = xxh3(memory, at, at + digestPartBytes, seed);
  // The last part may be too short for XXH3.
  return end - at < digestFromBytes ? crc32(memory, at, end, seed) : xxh3(memory, at, end, seed);
}

/** The digest of the next part of a large payload. */
export function digestPart(memory: Uint8Array, start: number, before: number): number {
  return xxh3(memory, start, start + digestPartBytes, before);
}

/**
 * The check of a record. Its header is at `at`; its payload may be in another buffer.
 * @param from start of the part that was not digested before; `end` if the digest is known
 * @param before the digest of the parts before `from`
 */
export function recordCheck(
  header: Uint8Array,
  at: number,
  memory: Uint8Array,
  start: number,
  end: number,
  from = start,
  before = 0,
): number {
  const crc = crc32(header, at, at + checkedHeaderBytes);
  if (end - start < digestFromBytes) return crc32(memory, start, end, crc);
  return (crc ^ digest(memory, from, end, before)) >>> 0;
}

/** Writes the header of a record without its check. */
export function writeRecordHeader(target: Uint8Array, at: number, type: number, length: number, offset: number): void {
  target[at] = length;
  target[at + 1] = length >>> 8;
  target[at + 2] = length >>> 16;
  target[at + 3] = type;
  writeUint32(target, at + 4, offset); // the low 32 bits: a typed array drops the others
  writeUint32(target, at + 8, 0);
}

export function writeCheck(target: Uint8Array, at: number, check: number): void {
  writeUint32(target, at + checkedHeaderBytes, check);
}

export function readCheck(bytes: Uint8Array, at: number): number {
  return readUint32(bytes, at + checkedHeaderBytes);
}

const twoTo32 = 2 ** 32;

/** Writes an unsigned number of 64 bits; only safe integers are written. */
export function writeUint64(target: Uint8Array, start: number, value: number): void {
  writeUint32(target, start, value);
  writeUint32(target, start + 4, value / twoTo32);
}

/** Reads an unsigned number of 64 bits. Above 2^53 the result is not exact: no correct peer sends such a number. */
export function readUint64(bytes: Uint8Array, start: number): number {
  return readUint32(bytes, start) + readUint32(bytes, start + 4) * twoTo32;
}

/** Truncates UTF-8 to at most `maxBytes`, between characters. */
export function truncateUtf8(text: Buffer, maxBytes: number): Buffer {
  let end = Math.min(text.length, maxBytes);
  while (end < text.length && ((text[end] as number) & 0xc0) === 0x80) end--;
  return text.subarray(0, end);
}
