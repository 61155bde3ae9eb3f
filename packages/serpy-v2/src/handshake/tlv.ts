/** Fields of a greeting, one after the other: type (1), length (2), value. A type with the highest bit set must be understood. */
import { ProtocolError } from 'serpy-core';
import { readUint64, writeUint64 } from '../reliable/record.js';

const headBytes = 3;
const criticalBit = 0x80;

/** Puts fields together. */
export class TlvWriter {
  readonly #parts: Buffer[] = [];

  bytes(type: number, value: Uint8Array): this {
    const head = Buffer.alloc(headBytes);
    head.writeUInt8(type);
    head.writeUInt16LE(value.length, 1);
    this.#parts.push(head, Buffer.from(value));
    return this;
  }

  /** Numbers of 64 bits. */
  numbers(type: number, ...values: readonly number[]): this {
    const bytes = Buffer.alloc(8 * values.length);
    for (const [i, value] of values.entries()) writeUint64(bytes, 8 * i, value);
    return this.bytes(type, bytes);
  }

  finish(): Buffer {
    return Buffer.concat(this.#parts);
  }
}

/** The fields of a greeting by their types. */
export class TlvReader {
  readonly #fields = new Map<number, Buffer>();

  /**
   * @param known the types that are understood; others are skipped
   * @throws `ERR_SERPY_PROTOCOL` for fields that are cut off or stated twice, and for one that is not known and must be
   */
  constructor(bytes: Buffer, known: readonly number[]) {
    for (let at = 0; at < bytes.length; ) {
      const type = bytes[at] as number;
      const start = at + headBytes;
      const end = start + (start <= bytes.length ? bytes.readUInt16LE(at + 1) : 0);
      if (start > bytes.length || end > bytes.length) throw new ProtocolError("the peer's greeting is cut off");
      if (this.#fields.has(type)) throw new ProtocolError(`the peer's greeting states the field ${type} twice`);
      if (known.includes(type)) this.#fields.set(type, bytes.subarray(start, end));
      else if (type & criticalBit) {
        throw new ProtocolError(
          `the peer asks for something that this version does not know (the field ${type} of its greeting): use the same version of serpy at both ends`,
        );
      }
      at = end;
    }
  }

  has(type: number): boolean {
    return this.#fields.has(type);
  }

  /** A value of a length that is known. */
  bytes(type: number, length: number): Buffer {
    const value = this.raw(type);
    if (value.length !== length) {
      throw new ProtocolError(`the field ${type} of the peer's greeting has ${value.length} bytes, not ${length}`);
    }
    return Buffer.from(value);
  }

  numbers(type: number, count: number): number[] {
    const bytes = this.bytes(type, 8 * count);
    return Array.from({ length: count }, (_, i) => readUint64(bytes, 8 * i));
  }

  raw(type: number): Buffer {
    const value = this.#fields.get(type);
    if (value === undefined) throw new ProtocolError(`the peer's greeting lacks the field ${type}`);
    return value;
  }
}
