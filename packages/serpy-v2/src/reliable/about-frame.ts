/** Frames of messages that say what they are: a head with the metadata, then the payload of the value. */
import { type About, aboutOf, aboutTextFrom, maxAxes, ProtocolError } from 'serpy-core';
import { type DecodedMessage, decodeValue } from '../values/values.js';
import { frameType } from '../wire/constants.js';

/** Type of the value (1), zero (1), length of the head (2). */
const fixedBytes = 4;
/** Number (1), length (2). */
const fieldHeadBytes = 3;
const field = { end: 0x00, name: 0x01, unit: 0x02, axis: 0x03 } as const;

/** The largest head. */
export const maxAboutHeadBytes = 4096;

/** The length of a head is a multiple of this, so that the elements of an array are aligned. */
const alignedBytes = 16;

/** The head of a message. @param type the type of the value */
export function encodeAboutHead({ name, unit, axes = [] }: About, type: number): Buffer {
  const fields: readonly (readonly [number, Buffer])[] = [
    ...(name === undefined ? [] : [[field.name, Buffer.from(name)] as const]),
    ...(unit === undefined ? [] : [[field.unit, Buffer.from(unit)] as const]),
    ...axes.map((axis) => [field.axis, Buffer.from(axis)] as const),
  ];
  const bytes = fields.reduce((sum, [, value]) => sum + fieldHeadBytes + value.length, fixedBytes);
  const head = Buffer.alloc(Math.ceil(bytes / alignedBytes) * alignedBytes);
  head[0] = type;
  head.writeUInt16LE(head.length, 2);
  let at = fixedBytes;
  for (const [number, value] of fields) {
    head[at] = number;
    head.writeUInt16LE(value.length, at + 1);
    head.set(value, at + fieldHeadBytes);
    at += fieldHeadBytes + value.length;
  }
  return head;
}

/**
 * Decodes a message with a head. The bytes of the value are not copied. Metadata that are not legal are dropped, and the message is not.
 * @throws `ERR_SERPY_PROTOCOL` for a payload that is shorter than its head, and for a value that is not valid for its type
 */
export function decodeAboutFrame(bytes: Buffer, end: number): DecodedMessage {
  const headBytes = bytes.length < fixedBytes ? fixedBytes : bytes.readUInt16LE(2);
  if (headBytes < fixedBytes || headBytes > maxAboutHeadBytes || headBytes > bytes.length)
    throw new ProtocolError('the peer sent a message whose metadata have a wrong length');
  const about = aboutIn(bytes.subarray(fixedBytes, headBytes));
  const value = bytes.subarray(headBytes);
  const type = bytes[0] as number;
  const sizeBytes = bytes.length;
  if (type === frameType.bytes) return { type: 'bytes', value, sizeBytes, end, about };
  return { ...decodeValue(type, value, end), sizeBytes, about };
}

/** The metadata in the fields; undefined without any, and if one of them is not legal. */
function aboutIn(fields: Buffer): About | undefined {
  let name: string | undefined;
  let unit: string | undefined;
  const axes: string[] = [];
  for (let at = 0; at < fields.length; ) {
    const number = fields[at] as number;
    if (number === field.end) break;
    const start = at + fieldHeadBytes;
    if (start > fields.length) return undefined;
    at = start + fields.readUInt16LE(at + 1);
    if (at > fields.length) return undefined;
    if (number > field.axis) continue; // of a later version
    const text = aboutTextFrom(fields.subarray(start, at));
    if (text === undefined) return undefined;
    if (number === field.axis) axes.push(text);
    else if (number === field.name) name = text;
    else unit = text;
  }
  if (axes.length > maxAxes) return undefined;
  if (name === undefined && unit === undefined && axes.length === 0) return undefined;
  return aboutOf(name, unit, axes.length === 0 ? undefined : axes);
}
