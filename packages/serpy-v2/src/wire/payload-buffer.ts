/** A payload that arrives in several chunks. Each chunk is copied once into its own memory, and its checksum is computed while it is in the cache. */
import { checksum } from './checksum.js';

export class PayloadBuffer {
  readonly bytes: Buffer;
  filled = 0;
  sum = 0;

  readonly #isSummed: boolean;

  /**
   * @param bytes the memory of the payload
   * @param isSummed whether the checksum is computed
   */
  constructor(bytes: Buffer, isSummed = true) {
    this.bytes = bytes;
    this.#isSummed = isSummed;
  }

  get complete(): boolean {
    return this.filled === this.bytes.length;
  }

  /** The destination of the next `count` bytes; undefined if fewer are missing. */
  place(count: number): Buffer | undefined {
    const { bytes, filled } = this;
    return count <= bytes.length - filled ? bytes.subarray(filled, filled + count) : undefined;
  }

  /** The missing part; undefined if it is smaller than `leastBytes`. */
  target(leastBytes: number): Buffer | undefined {
    return this.bytes.length - this.filled >= leastBytes ? this.bytes.subarray(this.filled) : undefined;
  }

  /** `count` bytes were written to the buffer of `place` or `target`. */
  placed(count: number): void {
    const { bytes, filled } = this;
    if (this.#isSummed) this.sum = checksum(bytes.subarray(filled, filled + count), this.sum);
    this.filled += count;
  }

  /** Copies the part of a chunk that belongs to the payload. @returns the size of this part */
  add(chunk: Buffer): number {
    const missing = this.bytes.length - this.filled;
    const part = chunk.length <= missing ? chunk : chunk.subarray(0, missing);
    if (this.#isSummed) this.sum = checksum(part, this.sum);
    this.bytes.set(part, this.filled);
    this.filled += part.length;
    return part.length;
  }
}

/** Memory that may be allocated for the length in a header, as a multiple of all bytes received on the link. */
export const maxAllocationRatio = 4;
