/** Builds records as docs/protocol-v2.md describes them, independently of the sources. */
import { xxh3 } from '../../src/reliable/xxh3.js';

export const typeOf = { data: 1, ack: 2, ping: 3, pong: 4, close: 5, retract: 0x86 } as const;
export const ackRequested = 0x40;
export const consumedRequested = 0x20;

const table = Array.from({ length: 256 }, (_, byte) => {
  let rest = byte;
  for (let bit = 0; bit < 8; bit++) rest = rest & 1 ? 0xedb88320 ^ (rest >>> 1) : rest >>> 1;
  return rest;
});

export function crc32(bytes: Uint8Array, start = 0): number {
  let register = ~start;
  for (const byte of bytes) register = (table[(register ^ byte) & 0xff] as number) ^ (register >>> 8);
  return ~register >>> 0;
}

export const uint64 = (...values: number[]) => Buffer.from(BigUint64Array.from(values, BigInt).buffer);

/** The digest in parts of 256 KiB. The digest of each part is the seed of the next. */
function digestOf(payload: Uint8Array): number {
  const part = 262_144;
  if (payload.length <= part) return xxh3(payload, 0, payload.length, 0);
  let seed = 0;
  const last = Math.ceil(payload.length / part) - 1;
  for (let n = 0; n < last; n++) seed = xxh3(payload, n * part, (n + 1) * part, seed);
  const rest = payload.subarray(last * part);
  return rest.length < 241 ? crc32(rest, seed) : xxh3(rest, 0, rest.length, seed);
}

/** A record. */
export function record(type: number, payload: Uint8Array = Buffer.alloc(0), offset = 0): Buffer {
  const header = Buffer.alloc(12);
  header.writeUIntLE(payload.length, 0, 3);
  header[3] = type;
  header.writeUInt32LE(offset % 2 ** 32, 4);
  const crc = crc32(header.subarray(0, 8));
  const check = payload.length < 241 ? crc32(payload, crc) : crc ^ digestOf(payload);
  header.writeUInt32LE(check >>> 0, 8);
  return Buffer.concat([header, payload]);
}

/** A message as a v2 frame of a session: a text, or a type and its bytes. */
export function frame(message: string | readonly [type: number, payload: Uint8Array]): Buffer {
  const [type, payload] = typeof message === 'string' ? [0x21, Buffer.from(message)] : message;
  const header = Buffer.from('decafecafe000000000000000000', 'hex');
  header[5] = type;
  header.writeUInt32LE(payload.length, 10);
  return Buffer.concat([header, payload]);
}

/** One record with several messages. */
export function data(offset: number, ...messages: readonly Parameters<typeof frame>[0][]): Buffer {
  return record(typeOf.data, Buffer.concat(messages.map(frame)), offset);
}

export function ack(received: number, consumed: number, limit: number): Buffer {
  return record(typeOf.ack, uint64(received, consumed, limit));
}
