/** The bytes of the stream that the peer has not acknowledged: an ordered list of the buffers that contain them. */
import { wideZero } from 'serpy-core';
import { payloadDigest } from './record.js';

/** Consecutive bytes of the stream: complete small messages, or a part of a large one. */
export class Segment<Out> {
  /** The buffer with its bytes, from `start` to `end`. `end` grows while messages are added. */
  memory: Uint8Array;
  readonly start: number;
  end: number;
  /** Offset of its first byte in the stream. */
  readonly offset: number;
  /** Number of messages that begin in it. */
  messages = 0;
  /** The large message that it is a part of; undefined for small messages. */
  readonly message: Out | undefined;
  /** The end of that message in the stream. */
  readonly messageEnd: number;
  /** Whether the program may change its bytes. */
  readonly isShared: boolean;
  /** The rest of its message is not sent. */
  retracted = false;
  next: Segment<Out> | undefined;
  /** For shared bytes: the parts that were sent, with their digests. */
  #digests: { readonly start: number; readonly end: number; readonly digest: number }[] | undefined;

  constructor(
    memory: Uint8Array,
    start: number,
    end: number,
    offset: number,
    message?: Out,
    messageEnd = offset,
    isShared = false,
  ) {
    this.memory = memory;
    this.start = start;
    this.end = end;
    this.offset = offset;
    this.message = message;
    this.messageEnd = messageEnd;
    this.isShared = isShared;
  }

  /** The offset after it. */
  get endOffset(): number {
    return this.offset + this.end - this.start;
  }

  /** Whether the memory still has all bytes: the program may have transferred or shrunk it. Optimized code of Node 20 reads the old `length` of a detached array. */
  get isThere(): boolean {
    const { memory } = this;
    return memory.length >= this.end && (!this.isShared || memory.buffer.byteLength >= memory.byteOffset + this.end);
  }

  /** A part was sent. */
  sent(start: number, end: number, digest: number): void {
    this.#digests ??= [];
    this.#digests.push({ start, end, digest });
  }

  /** Whether the sent parts from an offset on are unchanged. Forgets which parts were sent. */
  takeUnchanged(fromOffset: number): boolean {
    const digests = this.#digests;
    this.#digests = undefined;
    if (digests === undefined) return true;
    const from = this.start + fromOffset - this.offset;
    for (const { start, end, digest } of digests) {
      if (end > from && (!this.isThere || payloadDigest(this.memory, start, end) !== digest)) return false;
    }
    return true;
  }

  /** Its message is retracted. */
  retract(): void {
    this.retracted = true;
    this.memory = nothing;
  }
}

const nothing = new Uint8Array(0);

export class RetransmissionBuffer<Out> {
  #first: Segment<Out> | undefined;
  #last: Segment<Out> | undefined;
  /** Number of messages that begin in it. */
  messages = 0;
  /** Offsets of its first byte, and after its last. */
  start = wideZero;
  end = wideZero;

  get last(): Segment<Out> | undefined {
    return this.#last;
  }

  add(segment: Segment<Out>): void {
    if (this.#last === undefined) this.#first = segment;
    else this.#last.next = segment;
    this.#last = segment;
    this.end = segment.endOffset;
  }

  /** A message, or the part of it with its start, was written to the end of the last segment. */
  addMessage(segment: Segment<Out>, bytes: number): void {
    segment.end += bytes;
    segment.messages++;
    this.messages++;
    this.end += bytes;
  }

  /** The peer has received all bytes before `offset`: drops the segments whose messages are complete at the peer. */
  trim(offset: number): void {
    let first = this.#first;
    while (first !== undefined && first.messageEnd <= offset && first.endOffset <= offset) {
      this.messages -= first.messages;
      first = first.next;
    }
    this.#first = first;
    this.start = first === undefined ? this.end : first.offset;
    if (first === undefined) this.#last = undefined;
  }

  /** The segment that contains an offset; undefined for the end of the stream. */
  find(offset: number): Segment<Out> | undefined {
    let segment = this.#first;
    while (segment !== undefined && segment.endOffset <= offset) segment = segment.next;
    return segment;
  }

  *[Symbol.iterator](): IterableIterator<Segment<Out>> {
    for (let segment = this.#first; segment !== undefined; segment = segment.next) yield segment;
  }

  clear(): void {
    this.#first = undefined;
    this.#last = undefined;
    this.messages = 0;
    this.start = this.end;
  }
}
