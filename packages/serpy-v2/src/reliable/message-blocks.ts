/** Memory for the messages that are copied into the stream. A block is reused when the peer has acknowledged all bytes in it. */

/** The first block is small: most connections never fill it. */
const [firstBlockBytes, blockBytes] = [8 * 1024, 64 * 1024];

/** At most this number of free blocks is kept. */
const maxSpareBlocks = 4;

const nothing = Buffer.alloc(0);

export class MessageBlocks {
  /** The block that is being filled. */
  memory: Buffer = nothing;
  /** Start of its free part. */
  used = 0;
  /** Full blocks. `end` is the stream offset after the last byte in the block. */
  readonly #full: { readonly memory: Buffer; readonly end: number }[] = [];
  readonly #spare: Buffer[] = [];

  /** Whether the current block has room. */
  hasRoom(bytes: number): boolean {
    return this.used + bytes <= this.memory.length;
  }

  /**
   * Reserves memory in a block.
   * @param offset the end of the stream
   * @returns its start in the block
   */
  reserve(bytes: number, offset: number): number {
    if (this.used + bytes > this.memory.length) this.#newBlock(bytes, offset);
    const start = this.used;
    this.used += bytes;
    return start;
  }

  /** Frees the blocks whose bytes all lie before `offset`. Memory that is still in the cache is faster to write than fresh memory. */
  keptFrom(offset: number): void {
    for (let first = this.#full[0]; first !== undefined && first.end <= offset; first = this.#full[0]) {
      if (this.#spare.length < maxSpareBlocks) this.#spare.push(first.memory);
      this.#full.shift();
    }
  }

  /** Drops the blocks: the caller has passed on views of them. */
  clear(): void {
    this.#full.length = 0;
    this.memory = nothing;
    this.used = 0;
  }

  #newBlock(bytes: number, offset: number): void {
    if (this.memory.length === blockBytes) this.#full.push({ memory: this.memory, end: offset });
    const size = Math.min(blockBytes, Math.max(firstBlockBytes, 2 * this.memory.length));
    const spare = size === blockBytes && bytes <= blockBytes ? this.#spare.pop() : undefined;
    this.memory = spare ?? Buffer.allocUnsafeSlow(Math.max(size, bytes));
    this.used = 0;
  }
}
