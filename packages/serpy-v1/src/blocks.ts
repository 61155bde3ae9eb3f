/** Bytes in, blocks out: finds where each block ends, however the stream was cut. */
import { ByteQueue } from 'serpy-core';
import { blockEnd } from './wire.js';

/** At a time: the further a byte is from the first, the longer it takes to look at it. */
const skippedBytes = 64 * 1024;

export class BlockReader {
  /** What has come and was not taken. */
  readonly bytes = new ByteQueue();
  /** How far it was searched for an end in vain: nothing is searched twice. */
  #searched = 0;

  /** How much of a block is there whose end is not; blocks that are whole and wait to be taken do not count. */
  get unfinishedBytes(): number {
    return this.#searched;
  }

  /** Takes bytes in, as a copy. */
  push(chunk: Buffer): void {
    this.bytes.pushCopy(chunk);
  }

  /** The length of the first block, without its `1F`, or undefined until more bytes come. */
  find(): number | undefined {
    const end = this.bytes.indexOf(blockEnd, this.#searched);
    this.#searched = end < 0 ? this.bytes.length : 0;
    return end < 0 ? undefined : end;
  }

  /** Drops the empty blocks that are first: by themselves, as they may be as many as there are bytes. */
  skipEmpty(): void {
    const most = Math.min(this.bytes.length, skippedBytes);
    let count = 1;
    while (count < most && this.bytes.at(count) === blockEnd) count++;
    this.bytes.skip(count);
  }

  /** Takes the first bytes of a block out, and drops what is left of it and its end. */
  take(count: number, blockBytes: number): Buffer {
    const taken = this.bytes.take(count);
    this.bytes.skip(blockBytes - count + 1);
    return taken;
  }
}
