/** Bytes in, blocks out: finds where each block ends, however the stream was cut. */
import { ByteQueue } from 'serpy-core';
import { blockEnd } from './wire/constants.js';

export class BlockDecoder {
  /** What has come and was not taken. */
  readonly bytes = new ByteQueue();
  /** How far it was searched for an end in vain: nothing is searched twice. */
  #searched = 0;

  /** How much of a block is there whose end is not; blocks that are whole and wait to be taken do not count. */
  get partialBytes(): number {
    return this.#searched;
  }

  /** Takes bytes in, which must not change until `keep`. */
  push(chunk: Buffer): void {
    this.bytes.pushBorrowed(chunk);
  }

  /** The bytes go back: what of them was not taken is copied. */
  retainUnread(): void {
    this.bytes.retainUnread();
  }

  /** The length of the first block, without its `1F`, or undefined until more bytes come. */
  find(): number | undefined {
    const end = this.bytes.indexOf(blockEnd, this.#searched);
    this.#searched = end < 0 ? this.bytes.length : 0;
    return end < 0 ? undefined : end;
  }

  /** Drops the empty blocks that are first: all at once, as they may be as many as there are bytes. */
  skipEmpty(): void {
    this.bytes.skip(this.bytes.runOf(blockEnd));
  }

  /** Takes the first bytes of a block out, and drops what is left of it and its end. */
  take(count: number, blockBytes: number): Buffer {
    const taken = this.bytes.take(count);
    this.bytes.skip(blockBytes - count + 1);
    return taken;
  }
}
