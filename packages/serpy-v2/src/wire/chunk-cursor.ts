/** What came last, and how far it has been read. Its memory is lent, until what is left has been copied. */
import { checksum, maxWithinBytes, sumWithin } from './checksum.js';

const nothing = Buffer.alloc(0);
const viewOfNothing = new DataView(nothing.buffer);

/** What `buffer.subarray` makes. Made without asking the buffer for its memory each time it takes half as long: 20 ns a message. */
const BufferView = (Buffer as unknown as { [Symbol.species]: unknown })[Symbol.species] as {
  new (memory: ArrayBufferLike, start: number, length: number): Buffer;
  new (bytes: Uint8Array): Buffer;
};

export class ChunkCursor {
  bytes: Buffer = nothing;
  /** The next byte to be read. */
  at = 0;
  #borrowed = false;
  /** The memory that the bytes are in, as such and as numbers, and where in it they begin. */
  #memory: ArrayBufferLike = nothing.buffer;
  #numbers: DataView = viewOfNothing;
  #start = 0;

  get remaining(): number {
    return this.bytes.length - this.at;
  }

  /** Goes on with bytes that are lent. */
  borrow(bytes: Buffer): void {
    if (this.remaining === 0) this.#use(bytes, true);
    else this.#use(Buffer.concat([this.rest(), bytes]), false);
  }

  /** Copies what is left. */
  detach(): void {
    if (this.#borrowed) this.#use(this.remaining === 0 ? nothing : Buffer.from(this.rest()), false);
  }

  /** What is left, as it is. */
  rest(): Buffer {
    return this.bytes.subarray(this.at);
  }

  /** The checksum of the next bytes. */
  sum(count: number): number {
    if (count > maxWithinBytes) return checksum(this.bytes.subarray(this.at, this.at + count));
    const start = this.#start + this.at;
    return sumWithin(this.#numbers, start, start + count);
  }

  /** Takes the next bytes, as a view. */
  take(count: number): Buffer {
    const start = this.at;
    this.at += count;
    return new BufferView(this.#memory, this.#start + start, count);
  }

  /** Takes the next bytes, in memory of exactly their size: who keeps them keeps nothing else. */
  takeOwn(count: number): Buffer {
    return new BufferView(this.take(count));
  }

  #use(bytes: Buffer, lent: boolean): void {
    this.bytes = bytes;
    this.at = 0;
    this.#borrowed = lent;
    this.#start = bytes.byteOffset;
    const memory = bytes.buffer;
    if (memory === this.#memory) return;
    this.#memory = memory;
    this.#numbers = new DataView(memory);
  }
}
