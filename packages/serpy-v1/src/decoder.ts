/** Splits a stream of bytes into blocks, wherever its chunks begin and end. */
import { ByteQueue } from 'serpy-core';
import { blockEnd } from './wire/constants.js';

export class BlockDecoder {
  /** The received bytes that are not read yet. */
  readonly bytes = new ByteQueue();
  /** The number of bytes that hold no end of a block. No byte is searched twice. */
  #searched = 0;

  /** The bytes of an incomplete block. Complete blocks that are not read yet do not count. */
  get partialBytes(): number {
    return this.#searched;
  }

  /** Adds received bytes. They must not change until `retainUnread`. */
  push(chunk: Buffer): void {
    this.bytes.pushBorrowed(chunk);
  }

  /** Copies the unread bytes of the last chunk. The caller may then reuse its memory. */
  retainUnread(): void {
    this.bytes.retainUnread();
  }

  /** The length of the first block without its `1F`; undefined if its end has not arrived. */
  find(): number | undefined {
    const end = this.bytes.indexOf(blockEnd, this.#searched);
    this.#searched = end < 0 ? this.bytes.length : 0;
    return end < 0 ? undefined : end;
  }

  /** Skips all empty blocks at the start in one step: there may be as many as there are bytes. */
  skipEmpty(): void {
    this.bytes.skip(this.bytes.runOf(blockEnd));
  }

  /**
   * Reads the first `count` bytes of a block, and skips the rest of the block with its end.
   * @param isDecoded whether the caller decodes them at once, so that they need no copy
   */
  take(count: number, blockBytes: number, isDecoded = false): Buffer {
    const bytes = (isDecoded ? this.bytes.takeView(count) : undefined) ?? this.bytes.take(count);
    this.bytes.skip(blockBytes - count + 1);
    return bytes;
  }
}
