/** Encodes parts of requests as payloads of frames: a head, and the value of a request or response or the text of a failure. */
import { ProtocolError, type RequestPart } from 'serpy-core';
import { type DecodedMessage, decodeValue } from '../values/values.js';
import { frameType } from '../wire/constants.js';
import { readUint64, truncateUtf8, writeUint64 } from './record.js';

const kinds = ['request', 'response', 'failure', 'cancel'] as const;

/** Kind (1), type of the value (1), zeros (6), number of the request (8). A multiple of 8, so that elements of an array are aligned. */
export const requestHeadBytes = 16;

/** A failure has the length of its code (1), the code, and the message. Both texts are cut. */
const maxCodeBytes = 255;
const maxFailureBytes = 1024;

const nothing = Buffer.alloc(0);

/** The head. @param type the type of the value; 0 without one */
export function encodeRequestHead({ kind, id }: RequestPart, type: number): Buffer {
  const head = Buffer.alloc(requestHeadBytes);
  head[0] = kinds.indexOf(kind);
  head[1] = type;
  writeUint64(head, 8, id);
  return head;
}

/** What follows the head of a part without a value. */
export function encodeRequestText(part: RequestPart): Buffer {
  if (part.kind !== 'failure') return nothing;
  const code = truncateUtf8(Buffer.from(part.code), maxCodeBytes);
  const message = truncateUtf8(Buffer.from(part.message), maxFailureBytes);
  return Buffer.concat([Buffer.of(code.length), code, message]);
}

/**
 * Decodes a part of a request. A request or response is its value, too. The bytes of a value are not copied.
 * @returns undefined for a kind that only later versions know: it is skipped
 * @throws `ERR_SERPY_PROTOCOL` for a part that is too short, and for a value that is not valid for its type
 */
export function decodeRequestFrame(bytes: Buffer, end: number): DecodedMessage | undefined {
  if (bytes.length < requestHeadBytes)
    throw new ProtocolError('the peer sent a part of a request that is too short for its header');
  const kind = kinds[bytes[0] as number];
  const id = readUint64(bytes, 8);
  const sizeBytes = bytes.length;
  const rest = bytes.subarray(requestHeadBytes);
  switch (kind) {
    case 'request':
    case 'response':
      return decodePart(bytes[1] as number, rest, end, sizeBytes, { kind, id });
    case 'cancel':
      return { type: 'bytes', value: nothing, sizeBytes, end, part: { kind, id } };
    case 'failure':
      return { type: 'bytes', value: nothing, sizeBytes, end, part: { kind, id, ...failureOf(rest) } };
    default:
      return undefined;
  }
}

/** The literal saves the copy of a message, as nearly all requests are bytes. */
function decodePart(type: number, bytes: Buffer, end: number, sizeBytes: number, part: RequestPart): DecodedMessage {
  if (type === frameType.bytes) return { type: 'bytes', value: bytes, sizeBytes, end, part };
  return { ...decodeValue(type, bytes, end), sizeBytes, part };
}

function failureOf(bytes: Buffer): { readonly code: string; readonly message: string } {
  const codeEnd = 1 + (bytes[0] ?? 0);
  if (codeEnd > bytes.length) throw new ProtocolError('the peer sent a failure that is too short for its code');
  return {
    code: bytes.toString('utf8', 1, codeEnd),
    message: bytes.toString('utf8', codeEnd, codeEnd + maxFailureBytes),
  };
}
