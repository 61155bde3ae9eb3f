/** Encodes parts of streams as payloads of frames: the kind, the stream, and the fields of the kind. */
import { exactFromBytes, ownCopy, ProtocolError, type StreamPart } from 'serpy-core';
import { readUint64, writeUint64 } from './record.js';

/** Total of a stream whose size is unknown. */
const unknownTotal = Number.MAX_SAFE_INTEGER;

const kinds = ['begin', 'data', 'end', 'abort', 'stop'] as const;

/** Kind (1), stream (8), and its total size or the offset of the part (8). */
const headBytes = 17;

/** A reason is truncated to this size, so that the message of an error does not exceed the size of a part. */
const maxReasonBytes = 1024;

export function encodeStreamFrame(part: StreamPart): Buffer {
  const rest = restOf(part);
  const bytes = Buffer.allocUnsafe(headBytes + rest.length);
  bytes[0] = kinds.indexOf(part.kind);
  writeUint64(bytes, 1, part.id);
  writeUint64(bytes, 9, numberOf(part));
  bytes.set(rest, headBytes);
  return bytes;
}

function restOf(part: StreamPart): Uint8Array {
  if (part.kind === 'data') return part.data;
  return Buffer.from('reason' in part ? part.reason : '').subarray(0, maxReasonBytes);
}

function numberOf(part: StreamPart): number {
  switch (part.kind) {
    case 'begin':
      return part.totalBytes ?? unknownTotal;
    case 'abort':
    case 'stop':
      return 0;
    default:
      return part.offset;
  }
}

/**
 * Decodes a part. The data of a small part is copied, because its bytes may be borrowed.
 * @returns undefined for a kind that only later versions know: it is skipped
 * @throws `ERR_SERPY_PROTOCOL` for a part that is too short
 */
export function decodeStreamFrame(bytes: Buffer): StreamPart | undefined {
  if (bytes.length < headBytes)
    throw new ProtocolError('the peer sent a part of a stream that is too short for its header');
  const kind = kinds[bytes[0] as number];
  const id = readUint64(bytes, 1);
  const number = readUint64(bytes, 9);
  switch (kind) {
    case 'begin':
      return { kind, id, totalBytes: number === unknownTotal ? undefined : number };
    case 'data':
      return { kind, id, offset: number, data: dataOf(bytes) };
    case 'end':
      return { kind, id, offset: number };
    case 'abort':
    case 'stop':
      return { kind, id, reason: bytes.toString('utf8', headBytes, headBytes + maxReasonBytes) };
    default:
      return undefined;
  }
}

function dataOf(bytes: Buffer): Buffer {
  if (bytes.length >= exactFromBytes) return bytes.subarray(headBytes);
  return ownCopy(bytes, headBytes, bytes.length - headBytes);
}
