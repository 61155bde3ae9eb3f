/**
 * Several small messages in one frame, with one check and one place among what is kept: of 64 bytes each, they cost a third of what
 * frames of their own would. Each is two bytes, its type and its size, and then its own.
 */
import { ownCopy, ProtocolError } from 'serpy-core';
import { batchType, segmentFlag } from './constants.js';

/** A message from this size on has frames of its own. */
export const batchedBelowBytes = 4096;

/** What stands before a message: the upper half of its type, and its size in 12 bits. */
export const recordHeadBytes = 2;
const sizeMask = batchedBelowBytes - 1;

/** The lower half of the type of every plain message. */
const typeEnd = 1;

/** Up to this size a loop is faster than a call of the system's copy. */
const loopBytes = 48;

/** A message as it stands in a batch. */
export interface BatchedMessage {
  readonly type: number;
  /** What goes before the payload. */
  readonly prefix?: Uint8Array | undefined;
  readonly payload: Uint8Array;
}

/** Writes a message. @returns where the next goes */
export function writeRecord(target: Buffer, at: number, type: number, payload: Uint8Array): number {
  const size = payload.length;
  target[at] = size;
  target[at + 1] = (size >>> 8) | (type & 0xf0);
  const start = at + recordHeadBytes;
  if (size > loopBytes) target.set(payload, start);
  else for (let i = 0; i < size; i++) target[start + i] = payload[i] as number;
  return start + size;
}

/** Reads a batch whose check was right. */
export class BatchReader {
  /** The number of the message that is next. */
  number = 0;
  ackNow = false;
  #bytes = nothing;
  #at = 0;
  #lent = false;

  /** Goes on with the bytes of another batch, which are lent. */
  open(number: number, flags: number, bytes: Buffer): void {
    this.number = number;
    this.ackNow = (flags & segmentFlag.ackNow) !== 0;
    this.#bytes = bytes;
    this.#at = 0;
    this.#lent = true;
  }

  /** Whether there is another message. */
  get more(): boolean {
    return this.#at < this.#bytes.length;
  }

  /** The size of the message that is next. */
  get nextBytes(): number {
    const bytes = this.#bytes;
    const at = this.#at;
    const size = ((bytes[at] as number) | ((bytes[at + 1] as number) << 8)) & sizeMask;
    if (!(at + recordHeadBytes + size <= bytes.length))
      throw new ProtocolError('the peer sent messages that end beyond their frame');
    return size;
  }

  /** The type of the message that is next. */
  get nextType(): number {
    return ((this.#bytes[this.#at + 1] as number) & 0xf0) | typeEnd;
  }

  /**
   * Takes the next message.
   * @param isKept whether its bytes are kept: then they get memory of their own
   * @returns its bytes, otherwise as a view
   */
  take(isKept = false): Buffer {
    const size = this.nextBytes;
    const start = this.#at + recordHeadBytes;
    this.#at = start + size;
    this.number++;
    return isKept ? ownCopy(this.#bytes, start, size) : this.#bytes.subarray(start, this.#at);
  }

  skip(): void {
    this.#at += recordHeadBytes + this.nextBytes;
    this.number++;
  }

  /** The bytes go back: what of them was not read is copied. */
  retain(): void {
    if (!this.#lent) return;
    this.#bytes = this.more ? Buffer.from(this.#bytes.subarray(this.#at)) : nothing;
    this.#at = 0;
    this.#lent = false;
  }

  /** Forgets what has not been read. */
  clear(): void {
    this.#bytes = nothing;
    this.#at = 0;
  }
}

const nothing: Buffer = Buffer.alloc(0);

/** The messages of a batch that is kept, from this number on. */
export function* batched(
  piece: { type: number; number: number; bytes(): Uint8Array },
  from: number,
): Iterable<BatchedMessage> {
  if (piece.type !== batchType) return;
  const { buffer, byteOffset, byteLength } = piece.bytes();
  const reader = new BatchReader();
  reader.open(piece.number, 0, Buffer.from(buffer, byteOffset, byteLength));
  while (reader.more) {
    const type = reader.nextType;
    const number = reader.number;
    const payload = reader.take();
    if (number >= from) yield { type, payload };
  }
}
