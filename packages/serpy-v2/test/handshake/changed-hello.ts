/** HELLO frames that differ from those of serpy for Node. */

import { crc32 } from '../../src/reliable/crc32.js';
import { checksum } from '../../src/wire/checksum.js';
import { frameType, headerBytes } from '../../src/wire/constants.js';
import { writeHeader } from '../../src/wire/header.js';

const tagBytes = 12;
const crcBytes = 4;

/** The fields of a HELLO, to be changed in place. */
export function fieldsOf(hello: Buffer): Buffer {
  return hello.subarray(headerBytes + tagBytes, hello.length - crcBytes);
}

/** The offset of the value of a field with the given length. */
export function valueAt(fields: Buffer, type: number, bytes: number): number {
  return fields.indexOf(Buffer.of(type, bytes, 0)) + 3;
}

/** A HELLO with these fields and correct checksums. */
export function helloOf(fields: Buffer): Buffer {
  const payload = Buffer.concat([Buffer.from('serpy HELLO\n'), fields, Buffer.alloc(crcBytes)]);
  const end = payload.length - crcBytes;
  payload.writeUInt32LE(crc32(payload, 0, end), end);
  const hello = Buffer.alloc(headerBytes + payload.length);
  hello.set(payload, headerBytes);
  writeHeader(hello, 0, frameType.bytes, ~checksum(payload) >>> 0, payload.length);
  return hello;
}

/** A HELLO of an unknown version. */
export function helloOfVersion2(hello: Buffer): Buffer {
  const fields = Buffer.from(fieldsOf(hello));
  const at = valueAt(fields, 0x01, 16);
  fields.writeBigUInt64LE(2n, at);
  fields.writeBigUInt64LE(3n, at + 8);
  return helloOf(fields);
}

/** A HELLO with an unknown field that the receiver must know. */
export function helloWithField(hello: Buffer, type: number): Buffer {
  return helloOf(Buffer.concat([fieldsOf(hello), Buffer.of(type, 0, 0)]));
}
