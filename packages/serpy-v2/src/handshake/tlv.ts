/** The fields of HELLO and WELCOME: type (1 byte), length (2 bytes), value. A receiver must know a type whose highest bit is set. */
import { ProtocolError } from 'serpy-core';
import { readUint64, writeUint64 } from '../reliable/record.js';

const headBytes = 3;
const criticalBit = 0x80;

/** Encodes fields. */
export class TlvWriter {
  readonly #parts: Buffer[] = [];

  bytes(type: number, value: Uint8Array): this {
    const head = Buffer.alloc(headBytes);
    head.writeUInt8(type);
    head.writeUInt16LE(value.length, 1);
    this.#parts.push(head, Buffer.from(value));
    return this;
  }

  /** Writes 64-bit numbers. */
  numbers(type: number, ...values: readonly number[]): this {
    const bytes = Buffer.alloc(8 * values.length);
    for (const [i, value] of values.entries()) writeUint64(bytes, 8 * i, value);
    return this.bytes(type, bytes);
  }

  finish(): Buffer {
    return Buffer.concat(this.#parts);
  }
}

/** The decoded fields of a HELLO or WELCOME, by type. */
export class TlvReader {
  readonly #fields = new Map<number, Buffer>();

  /**
   * @param known the known types; others are skipped
   * @throws `ERR_SERPY_PROTOCOL` for a truncated, repeated or unknown critical field
   */
  constructor(bytes: Buffer, known: readonly number[]) {
    for (let at = 0; at < bytes.length; ) {
      const type = bytes[at] as number;
      const start = at + headBytes;
      const end = start + (start <= bytes.length ? bytes.readUInt16LE(at + 1) : 0);
      if (start > bytes.length || end > bytes.length)
        throw new ProtocolError('the handshake frame of the peer is truncated');
      if (this.#fields.has(type))
        throw new ProtocolError(`the handshake frame of the peer contains the field ${type} twice`);
      if (known.includes(type)) this.#fields.set(type, bytes.subarray(start, end));
      else if (type & criticalBit) {
        throw new ProtocolError(
          `the peer requires a feature that this version does not know (the field ${type} of its handshake frame). Use the same version of serpy at both ends`,
        );
      }
      at = end;
    }
  }

  has(type: number): boolean {
    return this.#fields.has(type);
  }

  /** The value of a field of fixed length. */
  bytes(type: number, length: number): Buffer {
    const value = this.raw(type);
    if (value.length !== length) {
      throw new ProtocolError(
        `the field ${type} in the handshake frame of the peer has ${value.length} bytes, not ${length}`,
      );
    }
    return Buffer.from(value);
  }

  numbers(type: number, count: number): number[] {
    const bytes = this.bytes(type, 8 * count);
    return Array.from({ length: count }, (_, i) => readUint64(bytes, 8 * i));
  }

  raw(type: number): Buffer {
    const value = this.#fields.get(type);
    if (value === undefined) throw new ProtocolError(`the handshake frame of the peer lacks the field ${type}`);
    return value;
  }
}
