/** Collects the bytes of a pickle that is being written. It refers to large data until the end, so that it is copied once. */

import { MessageTooLargeError } from 'serpy-core';
import { encodeSurrogatePass, hasLoneSurrogate } from '../format/text.js';

const FIRST_CHUNK_BYTES = 256;
const LAST_CHUNK_BYTES = 64 * 1024;

/** From this size on, a copy costs more than another buffer in the list. */
const BY_REFERENCE_BYTES = 4096;

export class PickleSink {
  readonly #maxBytes: number;
  readonly #buffers: Uint8Array[] = [];
  #chunk = Buffer.allocUnsafe(FIRST_CHUNK_BYTES);
  #used = 0;
  /** The bytes in all buffers and in the used part of the chunk. */
  #length = 0;

  constructor(maxBytes: number) {
    this.#maxBytes = maxBytes;
  }

  uint8(value: number): void {
    this.#used = this.#room(1).writeUInt8(value, this.#used);
  }

  uint16(value: number): void {
    this.#used = this.#room(2).writeUInt16LE(value, this.#used);
  }

  int32(value: number): void {
    this.#used = this.#room(4).writeInt32LE(value, this.#used);
  }

  uint32(value: number): void {
    this.#used = this.#room(4).writeUInt32LE(value, this.#used);
  }

  uint64(value: number): void {
    this.#used = this.#room(8).writeBigUInt64LE(BigInt(value), this.#used);
  }

  /** Big-endian, unlike all other numbers of a pickle. */
  float64(value: number): void {
    this.#used = this.#room(8).writeDoubleBE(value, this.#used);
  }

  /** UTF-8 of exactly `byteLength` bytes, lone surrogates as three bytes each. */
  text(text: string, byteLength: number): void {
    if (hasLoneSurrogate(text)) {
      this.bytes(encodeSurrogatePass(text));
      return;
    }
    const chunk = this.#room(byteLength);
    this.#used += chunk.write(text, this.#used, 'utf8');
  }

  bytes(bytes: Uint8Array): void {
    if (bytes.length < BY_REFERENCE_BYTES) {
      this.#room(bytes.length).set(bytes, this.#used);
      this.#used += bytes.length;
      return;
    }
    this.#account(bytes.length);
    this.#closeChunk(FIRST_CHUNK_BYTES);
    this.#buffers.push(bytes);
  }

  /** The complete pickle, in memory of its own. */
  concat(): Buffer {
    this.#buffers.push(this.#chunk.subarray(0, this.#used));
    return Buffer.concat(this.#buffers, this.#length);
  }

  /** Returns the chunk, which may be a new one, with room for `length` bytes from `#used` on. */
  #room(length: number): Buffer {
    this.#account(length);
    if (this.#used + length > this.#chunk.length) {
      this.#closeChunk(Math.max(length, Math.min(this.#chunk.length * 4, LAST_CHUNK_BYTES)));
    }
    return this.#chunk;
  }

  #account(length: number): void {
    this.#length += length;
    if (this.#length > this.#maxBytes) throw new MessageTooLargeError('the pickle', this.#length, this.#maxBytes);
  }

  #closeChunk(nextLength: number): void {
    this.#buffers.push(this.#chunk.subarray(0, this.#used));
    this.#chunk = Buffer.allocUnsafe(nextLength);
    this.#used = 0;
  }
}
