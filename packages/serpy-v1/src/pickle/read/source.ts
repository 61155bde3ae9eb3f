/** Reads the bytes of a pickle in order. It allocates nothing for a length that the pickle merely states. */

import { malformed, type UnreadablePickle } from '../format/unreadable-pickle.js';

/** A cursor. Each method throws `UnreadablePickle` if the bytes end too early. */
export class PickleSource {
  readonly #bytes: Buffer;
  #position = 0;

  constructor(bytes: Uint8Array) {
    this.#bytes = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  }

  /** The length of the pickle. */
  get length(): number {
    return this.#bytes.length;
  }

  /** The offset of the next byte. */
  get position(): number {
    return this.#position;
  }

  uint8(): number {
    const value = this.#bytes[this.#position];
    if (value === undefined) throw this.#tooShort(1);
    this.#position += 1;
    return value;
  }

  uint16(): number {
    return this.#bytes.readUInt16LE(this.#advance(2));
  }

  int32(): number {
    return this.#bytes.readInt32LE(this.#advance(4));
  }

  uint32(): number {
    return this.#bytes.readUInt32LE(this.#advance(4));
  }

  /** A length of eight bytes. Above 2^53 it is inexact, but still longer than any pickle. */
  uint64(): number {
    const low = this.uint32();
    return this.uint32() * 0x1_0000_0000 + low;
  }

  /** Big-endian, unlike all other numbers of a pickle. */
  float64(): number {
    return this.#bytes.readDoubleBE(this.#advance(8));
  }

  /** The next `length` bytes as a view. */
  take(length: number): Buffer {
    const start = this.#advance(length);
    return this.#bytes.subarray(start, start + length);
  }

  /** The bytes up to the next line feed, which is skipped, as a view. */
  line(): Buffer {
    const end = this.#bytes.indexOf(0x0a, this.#position);
    if (end === -1) throw malformed(`the line at byte ${this.#position} has no end`);
    const line = this.#bytes.subarray(this.#position, end);
    this.#position = end + 1;
    return line;
  }

  /** Requires that at least `length` bytes are left. */
  expect(length: number): void {
    if (length > this.#bytes.length - this.#position) throw this.#tooShort(length);
  }

  #advance(length: number): number {
    this.expect(length);
    const start = this.#position;
    this.#position += length;
    return start;
  }

  #tooShort(length: number): UnreadablePickle {
    const left = this.#bytes.length - this.#position;
    return malformed(`at byte ${this.#position} it needs ${length} more bytes, and ${left} are left`);
  }
}
