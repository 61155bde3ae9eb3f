/** The bytes that were written since the last flush. Small pieces are copied into blocks; large ones are referenced. */
import type { WriteSlot } from './transport.js';

/** 8 KiB: from this size on, a piece is referenced. A copy would cost more than an entry of a vectored write. */
const referenceFromBytes = 8 * 1024;

/** The first block has 512 bytes, which a handshake fits into, so that thousands of idle connections need little memory. Each next block has four times the size, up to 64 KiB. */
const initialBlockBytes = 512;
const blockBytes = 64 * 1024;

/** Up to 16 bytes, a loop is twice as fast as `set`. The answers of v1 have such sizes. */
const byteLoopMaxBytes = 16;

/** With large pieces in the buffer, 256 KiB are flushed at once. */
const flushFromBytes = 256 * 1024;

const empty = Buffer.alloc(0);

/** The pieces of every buffer that has none. Shared, and never changed. */
const none: Uint8Array[] = [];

export class WriteBuffer {
  /** The block for small pieces, and the offset of the last reservation. It is kept over flushes: a new block for each flush costs a third of the rate of small messages. */
  readonly #slot: { buffer: Buffer; offset: number } = { buffer: empty, offset: 0 };
  #pieces = none;
  /** The number of bytes that wait for the flush. A field, because each message reads it several times. Nothing else changes it. */
  bytes = 0;
  #smallBytes = 0;
  #used = 0;
  /** The start of the current run of small pieces in the block. */
  #runStart = 0;

  /** Whether the buffer must be flushed before more is added. */
  get full(): boolean {
    return this.#smallBytes >= blockBytes || this.bytes >= flushFromBytes;
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
    this.bytes += piece.length;
  }

  /** Room in the block for a small piece, which the caller fills. A separate buffer for each piece took 75 ns. */
  reserve(bytes: number): WriteSlot {
    if (this.#used + bytes > this.#slot.buffer.length) this.#newBlock(bytes);
    const slot = this.#slot;
    slot.offset = this.#used;
    this.#used += bytes;
    this.#smallBytes += bytes;
    this.bytes += bytes;
    return slot;
  }

  /** Removes and returns all pieces. */
  take(): Uint8Array[] {
    this.#endRun();
    const pieces = this.#pieces;
    this.#pieces = none;
    this.bytes = 0;
    this.#smallBytes = 0;
    return pieces;
  }

  /** All pieces that were taken have left this process. If no piece waits, the block is written from its start again. */
  recycle(): void {
    if (this.bytes === 0) this.#restart();
  }

  #restart(): void {
    this.#used = 0;
    this.#runStart = 0;
  }

  #newBlock(bytes: number): void {
    this.#endRun();
    let size = 4 * this.#slot.buffer.length || initialBlockBytes;
    while (size < bytes) size *= 4;
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
