/** Memory for the messages that are copied into the stream: blocks, which are written again when the peer has what is in them. */

/** The first are small: most connections never fill one. */
const [firstBlockBytes, blockBytes] = [8 * 1024, 64 * 1024];

/** That many free blocks are kept. */
const maxSpareBlocks = 4;

export class MessageBlocks {
  /** The block that is being filled. */
  memory: Buffer = Buffer.alloc(0);
  /** Where its free part begins. */
  used = 0;
  /** Blocks that are full, each with the offset of the stream that follows what is in it. */
  readonly #full: { readonly memory: Buffer; readonly end: number }[] = [];
  readonly #spare: Buffer[] = [];

  /** Whether there is room without another block. */
  hasRoom(bytes: number): boolean {
    return this.used + bytes <= this.memory.length;
  }

  /**
   * Sets memory aside.
   * @param offset where the stream ends
   * @returns where in the block it begins
   */
  reserve(bytes: number, offset: number): number {
    if (this.used + bytes > this.memory.length) this.#newBlock(bytes, offset);
    const start = this.used;
    this.used += bytes;
    return start;
  }

  /** The stream is kept from this offset on. To write memory again, while it is in the cache, takes less time than fresh memory. */
  keptFrom(offset: number): void {
    for (let first = this.#full[0]; first !== undefined && first.end <= offset; first = this.#full[0]) {
      if (this.#spare.length < maxSpareBlocks) this.#spare.push(first.memory);
      this.#full.shift();
    }
  }

  /** What is in the blocks is given away. */
  clear(): void {
    this.#full.length = 0;
    this.memory = Buffer.alloc(0);
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
