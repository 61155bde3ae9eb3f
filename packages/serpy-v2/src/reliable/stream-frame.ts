/** Parts of streams as the payloads of numbered messages: a kind, the stream, and what belongs to the kind. */
import { exactFromBytes, ownCopy, ProtocolError, type StreamPart } from 'serpy-core';
import { readUint64, writeUint64 } from './record.js';

/** The total of a stream whose size was not said. */
const unknownTotal = Number.MAX_SAFE_INTEGER;

const kinds = ['begin', 'data', 'end', 'abort', 'stop'] as const;

/** Kind (1), stream (8), and how large it is or where in it the part stands (8). */
const headBytes = 17;

/** A reason is cut to this: a part is no larger than a piece, whatever an error has to say. */
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
 * A part; undefined for a kind that later versions may have, and that this one passes over. Of a small one the data is copied: its bytes may be lent.
 * @throws `ERR_SERPY_PROTOCOL` for what is none
 */
export function decodeStreamFrame(bytes: Buffer): StreamPart | undefined {
  if (bytes.length < headBytes) throw new ProtocolError('the peer sent a part of a stream that is none');
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
