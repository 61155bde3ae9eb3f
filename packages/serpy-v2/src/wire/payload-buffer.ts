/** A payload that comes in several chunks: summed up while each is warm in the cache, and copied once, into its own memory. */
import { checksum } from './checksum.js';

export class PayloadBuffer {
  readonly bytes: Buffer;
  filled = 0;
  sum = 0;

  readonly #isSummed: boolean;

  /**
   * @param bytes where the payload goes
   * @param isSummed whether its checksum is wanted
   */
  constructor(bytes: Buffer, isSummed = true) {
    this.bytes = bytes;
    this.#isSummed = isSummed;
  }

  get complete(): boolean {
    return this.filled === this.bytes.length;
  }

  /** Where the next bytes may be put, where so many are missing. */
  place(count: number): Buffer | undefined {
    const { bytes, filled } = this;
    return count <= bytes.length - filled ? bytes.subarray(filled, filled + count) : undefined;
  }

  /** What is missing, if that is so much. */
  target(leastBytes: number): Buffer | undefined {
    return this.bytes.length - this.filled >= leastBytes ? this.bytes.subarray(this.filled) : undefined;
  }

  /** So many bytes were put where `place` or `target` said. */
  placed(count: number): void {
    const { bytes, filled } = this;
    if (this.#isSummed) this.sum = checksum(bytes.subarray(filled, filled + count), this.sum);
    this.filled += count;
  }

  /** Takes as much of a chunk as belongs to it, and tells how much that was. */
  add(chunk: Buffer): number {
    const missing = this.bytes.length - this.filled;
    const part = chunk.length <= missing ? chunk : chunk.subarray(0, missing);
    if (this.#isSummed) this.sum = checksum(part, this.sum);
    this.bytes.set(part, this.filled);
    this.filled += part.length;
    return part.length;
  }
}

/** So many times what has come in all may be set aside for what a header says is coming. */
export const maxAllocationRatio = 4;
