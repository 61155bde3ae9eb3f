/** A numbered piece of a message on the wire, or several small messages: the header of v2 with a check, then flags, number, and the bytes. */

import { headerBytes, magic } from '../../wire/constants.js';
import { writeUint32 } from '../../wire/header.js';
import { batchType, numberedBit, segmentFlag, segmentHeaderBytes, totalBytes, writeNumber } from './constants.js';
import { crcAt, frameStart, lengthAt, typeAt } from './control-frame.js';
import { crc32 } from './crc32.js';
import { frameChecksum } from './frame-checksum.js';

magic.copy(frameStart);

/** A message in the hands of who sends it. */
export interface OutboundFrame {
  /** A number of `frameType`. */
  readonly type: number;
  readonly sizeBytes: number;
  readonly awaitsAck: boolean;
}

export class Segment<Out extends OutboundFrame> {
  /** Undefined for several small ones, which are in the bytes. */
  readonly message: Out | undefined;
  /** Its own, or that of the first of several messages. */
  readonly number: number;
  /** How many numbers it takes. */
  count = 1;
  flags: number;
  /** How large the message is, where this begins one of several pieces. */
  readonly total: number;
  /** Where its bytes are. */
  memory: Uint8Array;
  start: number;
  end: number;
  /** Of its bytes and what goes before them, once it was sent: if they are another when it is sent again, the program has changed the bytes. */
  check = -1;

  constructor(
    message: Out | undefined,
    number: number,
    flags: number,
    total: number,
    memory: Uint8Array,
    start: number,
    end: number,
  ) {
    this.message = message;
    this.number = number;
    this.flags = flags;
    this.total = total;
    this.memory = memory;
    this.start = start;
    this.end = end;
  }

  /** The number after it. */
  get next(): number {
    return this.number + this.count;
  }

  /** The type of its frame. */
  get type(): number {
    return this.message === undefined ? batchType : this.message.type | numberedBit;
  }

  get dataBytes(): number {
    return this.end - this.start;
  }

  /** Whether it is a message by itself, which was not taken back. */
  get isWhole(): boolean {
    return (
      (this.flags & (segmentFlag.first | segmentFlag.last | segmentFlag.retracted)) ===
      (segmentFlag.first | segmentFlag.last)
    );
  }

  get last(): boolean {
    return (this.flags & segmentFlag.last) !== 0;
  }

  get headBytes(): number {
    return headerBytes + segmentHeaderBytes + (this.hasTotal ? totalBytes : 0);
  }

  get hasTotal(): boolean {
    return (this.flags & (segmentFlag.first | segmentFlag.last)) === segmentFlag.first;
  }

  /**
   * Writes what goes before the bytes, and its check.
   * @param joined whether the bytes follow: then they are written as well
   */
  write(target: Uint8Array, at: number, joined: boolean): void {
    this.#writeHead(target, at);
    const dataAt = at + this.headBytes;
    if (joined) this.#copyTo(target, dataAt);
    this.check = this.#checkOf(target, at, joined);
    writeUint32(target, at + crcAt, this.check);
  }

  #checkOf(target: Uint8Array, at: number, joined: boolean): number {
    const { type } = this;
    const dataAt = at + this.headBytes;
    // One pass over all of it, where that is the same.
    if (joined) return crc32(target, at + lengthAt, dataAt + this.dataBytes, type);
    return frameChecksum(crc32(target, at + lengthAt, dataAt, type), this.memory, this.start, this.end);
  }

  #writeHead(target: Uint8Array, at: number): void {
    const { headBytes, flags } = this;
    for (let i = 0; i < typeAt; i++) target[at + i] = frameStart[i] as number;
    target[at + typeAt] = this.type;
    writeUint32(target, at + lengthAt, headBytes - headerBytes + this.dataBytes);
    target[at + headerBytes] = flags;
    writeNumber(target, at + headerBytes + 1, this.number);
    if (this.hasTotal) writeNumber(target, at + headerBytes + segmentHeaderBytes, this.total);
  }

  /** Whether the program has left its memory as large as it was. */
  get isThere(): boolean {
    return this.memory.length >= this.end;
  }

  /** Whether its bytes are other ones than when it was first sent. */
  get changed(): boolean {
    if (this.check < 0) return false;
    if (!this.isThere) return true;
    this.#writeHead(scratch, 0);
    return this.#checkOf(scratch, 0, false) !== this.check;
  }

  bytes(): Uint8Array {
    return this.memory.subarray(this.start, this.end);
  }

  #copyTo(target: Uint8Array, at: number): void {
    const { memory, start, end } = this;
    if (end - start > loopBytes) target.set(this.bytes(), at);
    else for (let i = start; i < end; i++) target[at + i - start] = memory[i] as number;
  }

  /** The piece without its bytes and its message: it takes the place of one that cannot be sent again. */
  breakOff(): void {
    this.flags |= segmentFlag.retracted | segmentFlag.last;
    this.memory = nothing;
    this.start = 0;
    this.end = 0;
    this.check = -1;
  }
}

const nothing = new Uint8Array(0);

/** Up to this size a loop is faster than a view and the system's copy. */
const loopBytes = 32;

const scratch = Buffer.alloc(64);

/** What the reader hands to the receiving half of a session, and that to the application. Types only. */
/** What stands before the bytes of a piece. */
export interface SegmentHeader {
  readonly type: number;
  readonly flags: number;
  readonly number: number;
  readonly total: number;
  readonly dataBytes: number;
}

/** A message that is whole, with the number after its last piece. */
export interface WholeMessage {
  /** As in plain v2. */
  readonly type: number;
  readonly payload: Buffer;
  readonly ackNumber: number;
}
