/** A payload that comes in several chunks: summed up while each is warm in the cache, and copied once, into its own memory. */
import { checksum } from './checksum.js';

export class PayloadBuffer {
  readonly bytes: Buffer;
  filled = 0;
  sum = 0;

  /** @param bytes where the payload goes */
  constructor(bytes: Buffer) {
    this.bytes = bytes;
  }

  get complete(): boolean {
    return this.filled === this.bytes.length;
  }

  /** Takes as much of a chunk as belongs to it, and tells how much that was. */
  add(chunk: Buffer): number {
    const missing = this.bytes.length - this.filled;
    const part = chunk.length <= missing ? chunk : chunk.subarray(0, missing);
    this.sum = checksum(part, this.sum);
    this.bytes.set(part, this.filled);
    this.filled += part.length;
    return part.length;
  }
}

/** So many times what has come in all may be set aside for what a header says is coming. */
export const maxAllocationRatio = 4;
