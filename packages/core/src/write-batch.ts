/** What was written since the last flush: small pieces are gathered into blocks, big ones stay as they are. */
import type { Place } from './transport.js';

/** From this size on a piece is passed on as it is: a copy would cost more than a place in a vectored write. */
const bigPieceBytes = 8 * 1024;

/** Blocks begin with this size, so that thousands of quiet connections cost little, and double up to the next. */
const firstBlockBytes = bigPieceBytes;
const blockBytes = 64 * 1024;

const empty = Buffer.alloc(0);

export class WriteBatch {
  readonly #place: { memory: Buffer; start: number } = { memory: empty, start: 0 };
  #pieces: Uint8Array[] = [];
  #bytes = 0;
  /** Kept over flushes, as a fresh one for each costs a third of the rate of small messages. */
  #block = empty;
  #used = 0;
  /** Where in the block the run begins that is being gathered. */
  #runStart = 0;

  /** How many bytes wait for the flush. */
  get bytes(): number {
    return this.#bytes;
  }

  /** Whether it should be flushed before more is added. */
  get full(): boolean {
    return this.#bytes >= blockBytes;
  }

  add(piece: Uint8Array): void {
    if (piece.length < bigPieceBytes) {
      const { memory, start } = this.reserve(piece.length);
      memory.set(piece, start);
      return;
    }
    this.#endRun();
    this.#pieces.push(piece);
    this.#bytes += piece.length;
  }

  /** Room in the block, where a small piece is made instead of being copied there: a tenth more messages of 64 bytes. */
  reserve(bytes: number): Place {
    if (this.#used + bytes > this.#block.length) this.#newBlock();
    const place = this.#place;
    place.memory = this.#block;
    place.start = this.#used;
    this.#used += bytes;
    this.#bytes += bytes;
    return place;
  }

  /** Takes everything out. */
  take(): Uint8Array[] {
    this.#endRun();
    const pieces = this.#pieces;
    this.#pieces = [];
    this.#bytes = 0;
    return pieces;
  }

  /** All that was ever taken has left: its memory may be written again. Until then only the rest of the block is. */
  recycle(): void {
    this.#used = 0;
    this.#runStart = 0;
  }

  #newBlock(): void {
    this.#endRun();
    this.#block = Buffer.allocUnsafeSlow(Math.min(blockBytes, Math.max(firstBlockBytes, 2 * this.#block.length)));
    this.recycle();
  }

  #endRun(): void {
    if (this.#runStart === this.#used) return;
    this.#pieces.push(this.#block.subarray(this.#runStart, this.#used));
    this.#runStart = this.#used;
  }
}
