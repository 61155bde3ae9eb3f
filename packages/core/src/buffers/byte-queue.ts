/**
 * Received bytes that have not been read: a list of the chunks as they arrived. Taking a message costs at most one copy, however the
 * message was cut.
 */

import { allocateMessage, exactFromBytes, ownCopy } from './message-buffer.js';

/** Chunks below 512 bytes are copied into blocks: each Buffer needs hundreds of bytes in addition to its content. */
const smallChunkBytes = 512;
const blockBytes = 4096;

/** A large chunk is copied in pieces of 64 KiB. */
const copyPieceBytes = 64 * 1024;

const empty = Buffer.alloc(0);

export class ByteQueue {
  #chunks: Buffer[] = [];
  /** Bytes of the first chunk that have been taken. */
  #offset = 0;
  #length = 0;
  /** The block for small chunks. It is filled even if larger chunks arrive in between, or the queue becomes empty. */
  #block: Buffer | undefined;
  #blockUsed = 0;
  /** Whether the last chunk, if there is one, is a view of the block that ends where its used part ends. */
  #tailInBlock = false;
  /** Whether the last chunk, if there is one, is borrowed. */
  #tailBorrowed = false;

  /** The number of bytes in the queue. */
  get length(): number {
    return this.#length;
  }

  /** Appends a copy of a borrowed chunk. */
  pushCopy(chunk: Buffer): void {
    if (chunk.length < smallChunkBytes && this.#chunks.length > 0) {
      this.push(chunk); // copies it into a block
      return;
    }
    // In pieces, so that the last unread bytes do not keep all of its memory.
    for (let at = 0; at < chunk.length; at += copyPieceBytes) {
      this.push(Buffer.from(chunk.subarray(at, at + copyPieceBytes)));
    }
  }

  /** Appends a chunk that must not change until `retainUnread`. */
  pushBorrowed(chunk: Buffer): void {
    if (this.#tailBorrowed) this.retainUnread();
    const copied = chunk.length < smallChunkBytes && this.#chunks.length > 0;
    this.push(chunk);
    this.#tailBorrowed = !copied && chunk.length > 0;
  }

  /** Ends the use of the borrowed chunk: its unread bytes are copied. */
  retainUnread(): void {
    if (!this.#tailBorrowed) return;
    this.#tailBorrowed = false;
    const borrowed = this.#chunks.pop();
    if (borrowed === undefined) return;
    const isFirst = this.#chunks.length === 0;
    const rest = isFirst ? borrowed.subarray(this.#offset) : borrowed;
    if (isFirst) this.#offset = 0;
    this.#length -= rest.length;
    this.pushCopy(rest);
  }

  /** Appends a chunk, which must not change from now on. */
  push(chunk: Buffer): void {
    if (this.#tailBorrowed) this.retainUnread();
    if (chunk.length === 0) return;
    this.#length += chunk.length;
    if (chunk.length < smallChunkBytes && this.#chunks.length > 0) {
      this.#gather(chunk);
      return;
    }
    this.#tailInBlock = false;
    this.#chunks.push(chunk);
  }

  /** The byte at a position, which must be less than `length`. */
  at(position: number): number {
    let at = position + this.#offset;
    const first = this.#chunks[0] as Buffer;
    if (at < first.length) return first[at] as number;
    // From the nearer end: a decoder that compares what is new reads near the end of many chunks.
    if (position > this.#length / 2) {
      at = position - this.#length;
      for (let i = this.#chunks.length - 1; i >= 0 && at < 0; i--) {
        const chunk = this.#chunks[i] as Buffer;
        if (at + chunk.length >= 0) return chunk[at + chunk.length] as number;
        at += chunk.length;
      }
      return Number.NaN;
    }
    for (const chunk of this.#chunks) {
      if (at < chunk.length) return chunk[at] as number;
      at -= chunk.length;
    }
    return Number.NaN;
  }

  /** Whether the next bytes are these. */
  startsWith(bytes: Uint8Array): boolean {
    if (this.#length < bytes.length) return false;
    for (let i = 0; i < bytes.length; i++) if (this.at(i) !== bytes[i]) return false;
    return true;
  }

  /** The number of equal bytes at the start, within the first chunk. */
  runOf(byte: number): number {
    const first = this.#chunks[0];
    let end = this.#offset;
    while (first !== undefined && end < first.length && first[end] === byte) end++;
    return end - this.#offset;
  }

  /** The position of the first such byte from a position on, or -1. */
  indexOf(byte: number, from = 0): number {
    // Searches the chunk of `from` from the end: a caller that searches only new bytes starts near the end.
    let index = this.#chunks.length;
    let start = this.#length;
    while (start > from && index > 0) start -= (this.#chunks[--index] as Buffer).length;
    for (; index < this.#chunks.length; index++) {
      const chunk = this.#chunks[index] as Buffer;
      const found = chunk.indexOf(byte, Math.max(from - start, 0));
      if (found >= 0) return start + found;
      start += chunk.length;
    }
    return -1;
  }

  /** A copy of at most `count` bytes from the start. */
  peek(count: number): Buffer {
    const start = Buffer.allocUnsafe(Math.min(count, this.#length));
    this.#copyInto(start);
    return start;
  }

  /** Removes bytes and returns them in memory of exactly their size; `count` must not exceed `length`. */
  take(count: number): Buffer {
    if (count === 0) return empty;
    const first = this.#chunks[0] as Buffer;
    const end = this.#offset + count;
    let taken: Buffer;
    if (end <= first.length && count < exactFromBytes) {
      taken = ownCopy(first, this.#offset, count);
      this.skip(count);
    } else if (
      !this.#tailBorrowed &&
      this.#offset === 0 &&
      end === first.length &&
      first.byteOffset === 0 &&
      first.buffer.byteLength === count
    ) {
      taken = first;
      this.skip(count);
    } else {
      taken = allocateMessage(count);
      this.#copyInto(taken);
      this.skip(count);
    }
    return taken;
  }

  /** As `take`, without a copy: the bytes are valid until more are pushed. @returns undefined if they lie in several chunks */
  takeView(count: number): Buffer | undefined {
    const first = this.#chunks[0];
    const start = this.#offset;
    if (first === undefined || start + count > first.length) return undefined;
    const view = first.subarray(start, start + count);
    this.skip(count);
    return view;
  }

  /** Removes and returns all chunks. */
  takeChunks(): Buffer[] {
    const chunks = this.#chunks;
    if (chunks[0] !== undefined && this.#offset > 0) chunks[0] = chunks[0].subarray(this.#offset);
    this.#chunks = [];
    this.#offset = 0;
    this.#length = 0;
    this.#tailBorrowed = false;
    return chunks;
  }

  /** Discards bytes; `count` must not exceed `length`. */
  skip(count: number): void {
    this.#length -= count;
    let left = count + this.#offset;
    const first = this.#chunks[0];
    if (first !== undefined && left < first.length) {
      this.#offset = left;
      return;
    }
    let whole = 0;
    for (;;) {
      const chunk = this.#chunks[whole];
      if (chunk === undefined || left < chunk.length) break;
      left -= chunk.length;
      whole++;
    }
    if (whole > 0) this.#chunks.splice(0, whole);
    this.#offset = left;
  }

  clear(): void {
    this.#chunks = [];
    this.#offset = 0;
    this.#length = 0;
    this.#tailBorrowed = false;
    this.#block = undefined;
  }

  #copyInto(target: Buffer): void {
    let filled = 0;
    let start = this.#offset;
    for (const chunk of this.#chunks) {
      filled += chunk.copy(target, filled, start, start + target.length - filled);
      start = 0;
      if (filled === target.length) return;
    }
  }

  #gather(chunk: Buffer): void {
    if (this.#block === undefined || this.#blockUsed + chunk.length > blockBytes) {
      this.#block = Buffer.allocUnsafeSlow(blockBytes);
      this.#blockUsed = 0;
      this.#tailInBlock = false;
    }
    if (!this.#tailInBlock) {
      this.#chunks.push(empty);
      this.#tailInBlock = true;
    }
    // Writes only behind the views that were returned.
    const last = this.#chunks[this.#chunks.length - 1] as Buffer;
    const start = this.#blockUsed - last.length;
    chunk.copy(this.#block, this.#blockUsed);
    this.#blockUsed += chunk.length;
    this.#chunks[this.#chunks.length - 1] = this.#block.subarray(start, this.#blockUsed);
  }
}
