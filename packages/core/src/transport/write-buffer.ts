/** What was written since the last flush: small pieces are gathered into blocks, big ones stay as they are. */
import type { WriteSlot } from './transport.js';

/** From this size on a piece is passed on as it is: a copy would cost more than a place in a vectored write. */
const referenceFromBytes = 8 * 1024;

/** Blocks begin with this size, so that thousands of quiet connections cost little, and double up to the next. */
const initialBlockBytes = referenceFromBytes;
const blockBytes = 64 * 1024;

/** Up to this size a loop is twice as fast as a call of the system's copy: v1's answers are such pieces. */
const byteLoopMaxBytes = 16;

/** With big pieces among them, so much goes out at once. */
const flushFromBytes = 256 * 1024;

const empty = Buffer.alloc(0);

/** The pieces of every batch that has none; never added to. */
const none: Uint8Array[] = [];

export class WriteBuffer {
  /** The block that small pieces are gathered in, and where the last was reserved. Kept over flushes: a fresh one for each costs a third of the rate of small messages. */
  readonly #slot: { buffer: Buffer; offset: number } = { buffer: empty, offset: 0 };
  #pieces = none;
  #bytes = 0;
  #smallBytes = 0;
  #used = 0;
  /** Where in the block the run begins that is being gathered. */
  #runStart = 0;

  /** How many bytes wait for the flush. */
  get bytes(): number {
    return this.#bytes;
  }

  /** Whether it should be flushed before more is added. */
  get full(): boolean {
    return this.#smallBytes >= blockBytes || this.#bytes >= flushFromBytes;
  }

  add(piece: Uint8Array): void {
    if (piece.length < referenceFromBytes) {
      const { buffer, offset } = this.reserve(piece.length);
      if (piece.length > byteLoopMaxBytes) buffer.set(piece, offset);
      else for (let i = 0; i < piece.length; i++) buffer[offset + i] = piece[i] as number;
      return;
    }
    this.#endRun();
    this.#addPiece(piece);
    this.#bytes += piece.length;
  }

  /** Room in the block, where a small piece is made: memory and a view of its own for each took 75 ns. */
  reserve(bytes: number): WriteSlot {
    if (this.#used + bytes > this.#slot.buffer.length) this.#newBlock();
    const place = this.#slot;
    place.offset = this.#used;
    this.#used += bytes;
    this.#smallBytes += bytes;
    this.#bytes += bytes;
    return place;
  }

  /** Takes everything out. */
  take(): Uint8Array[] {
    this.#endRun();
    const pieces = this.#pieces;
    this.#pieces = none;
    this.#bytes = 0;
    this.#smallBytes = 0;
    return pieces;
  }

  /** All that was ever taken has left: its memory may be written again, unless more waits in it. Until then only the rest of the block is. */
  recycle(): void {
    if (this.#bytes === 0) this.#restart();
  }

  #restart(): void {
    this.#used = 0;
    this.#runStart = 0;
  }

  #newBlock(): void {
    this.#endRun();
    const size = Math.max(initialBlockBytes, 2 * this.#slot.buffer.length);
    this.#slot.buffer = Buffer.allocUnsafeSlow(Math.min(blockBytes, size));
    this.#restart();
  }

  #endRun(): void {
    if (this.#runStart === this.#used) return;
    this.#addPiece(this.#slot.buffer.subarray(this.#runStart, this.#used));
    this.#runStart = this.#used;
  }

  #addPiece(piece: Uint8Array): void {
    if (this.#pieces === none) this.#pieces = [piece];
    else this.#pieces.push(piece);
  }
}
