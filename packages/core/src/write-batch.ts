/** What was written since the last flush: small pieces are gathered into blocks, big ones stay as they are. */

/** From this size on a piece is passed on as it is: a copy would cost more than a place in a vectored write. */
const bigPieceBytes = 4096;

/** Small pieces of one flush share blocks of this size. */
const blockBytes = 64 * 1024;

export class WriteBatch {
  #pieces: Uint8Array[] = [];
  #bytes = 0;
  /** Kept over flushes, as a fresh one for each costs a third of the rate of small messages. */
  #block: Buffer | undefined;
  #used = 0;
  /** Where in the block the run begins that is being gathered, or -1. */
  #runStart = -1;

  /** How many bytes wait for the flush. */
  get bytes(): number {
    return this.#bytes;
  }

  /** Whether it should be flushed before more is added. */
  get full(): boolean {
    return this.#bytes >= blockBytes;
  }

  add(piece: Uint8Array): void {
    this.#bytes += piece.length;
    if (piece.length >= bigPieceBytes) {
      this.#endRun();
      this.#pieces.push(piece);
      return;
    }
    if (this.#runStart >= 0 && this.#append(piece)) return;
    this.#endRun();
    const last = this.#pieces[this.#pieces.length - 1];
    // A small piece that stays alone is never copied: a message a turn needs no block.
    if (last === undefined || last.length >= bigPieceBytes) {
      this.#pieces.push(piece);
      return;
    }
    this.#startRun(last.length + piece.length);
    this.#pieces.pop();
    this.#append(last);
    this.#append(piece);
  }

  /** Takes everything out. */
  take(): Uint8Array[] {
    this.#endRun();
    const pieces = this.#pieces;
    this.#pieces = [];
    this.#bytes = 0;
    return pieces;
  }

  /** What was taken has left: its memory may be written again. */
  recycle(): void {
    this.#used = 0;
  }

  /** What was taken is still needed. */
  abandon(): void {
    this.#block = undefined;
    this.#used = 0;
  }

  #startRun(firstBytes: number): void {
    if (this.#block === undefined || this.#used + firstBytes > blockBytes) {
      this.#block = Buffer.allocUnsafeSlow(blockBytes);
      this.#used = 0;
    }
    this.#runStart = this.#used;
  }

  #append(piece: Uint8Array): boolean {
    const end = this.#used + piece.length;
    if (end > blockBytes) return false;
    this.#block?.set(piece, this.#used);
    this.#used = end;
    return true;
  }

  #endRun(): void {
    if (this.#runStart < 0) return;
    this.#pieces.push((this.#block as Buffer).subarray(this.#runStart, this.#used));
    this.#runStart = -1;
  }
}
