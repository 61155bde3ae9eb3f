/**
 * The sending half of a session: writes messages as v2 frames into a stream of bytes, sends the stream in records, and keeps the bytes that
 * the peer has not acknowledged. Over the next link it resumes from the byte that the peer expects.
 */
import { ProtocolError, type SessionHost, type ValueError, wideZero } from 'serpy-core';
import { headerBytes } from '../wire/constants.js';
import { readUint32, writeHeader } from '../wire/header.js';
import { LineRate } from './line-rate.js';
import { MessageBlocks } from './message-blocks.js';
import { type Awaited, PendingAcks } from './pending-acks.js';
import {
  ackRequestedBit,
  consumedRequestedBit,
  payloadDigest,
  recordCheck,
  recordHeaderBytes,
  recordType,
  writeCheck,
  writeRecordHeader,
  writeUint64,
} from './record.js';
import { RetransmissionBuffer, Segment } from './retransmission-buffer.js';
import { changedBytesError, detachedBufferError } from './sender-errors.js';

/** A message to be sent. */
export interface Sendable extends Awaited {
  /** A value of `frameType`, or `streamType`. */
  readonly type: number;
  /** Size with the header. */
  readonly sizeBytes: number;
  readonly awaitsAck: boolean;
  /** Bytes before the payload. */
  readonly prefix: Uint8Array | undefined;
  readonly payload: Uint8Array;
  /** Whether the program does not change the payload. */
  readonly owned: boolean;
}

/** Limits of the retransmission buffer: unacknowledged messages and bytes. */
export interface ReplayLimits {
  readonly maxMessages: number;
  readonly maxBytes: number;
}

/** A message whose delivery is unknown, for the report. */
export interface UnknownMessage {
  readonly type: number;
  readonly prefix?: Uint8Array | undefined;
  readonly payload: Uint8Array;
}

/** Payloads that are copied into a block: those below 64 KiB if the program may change them, otherwise those below 4096 bytes. */
const [copiedBytes, copiedOwnedBytes] = [64 * 1024, 4096];

/** Small messages are trimmed in segments of at most this part of the retransmission buffer. */
const segmentsKept = 8;

/** Up to this size a loop is faster than a call of `TypedArray.set`. */
const loopBytes = 48;

/** Below this size the payload of a record is copied behind its header. */
const joinedBytes = 4096;

/** Progress is reported for messages from this size on. */
export const progressBytes = 256 * 1024;

export class Sender<Out extends Sendable> {
  readonly #host: SessionHost<Out>;
  readonly #replay: ReplayLimits;
  readonly #buffer = new RetransmissionBuffer<Out>();
  readonly #pending: PendingAcks<Out>;
  #rate = new LineRate();
  #isChecked = true;
  /** Offsets: how far the stream was written to this link, received by the peer, and may be sent. It ends where the buffer ends. */
  #sent = wideZero;
  #acked = wideZero;
  #limit = wideZero;
  /** The segment that contains `#sent`. */
  #current: Segment<Out> | undefined;
  /** The end of the bytes that may be written: small messages behind it are gathered until `flush`. */
  #flushed = wideZero;
  readonly #blocks = new MessageBlocks();
  /** Offset up to which an acknowledgement was requested, and end of the last message that awaits one, of each level. */
  #requested = wideZero;
  #awaited = wideZero;
  #awaitedConsumed = wideZero;

  constructor(host: SessionHost<Out>, replay: ReplayLimits) {
    this.#host = host;
    this.#replay = replay;
    this.#pending = new PendingAcks(host);
  }

  /** End of the stream. */
  get end(): number {
    return this.#buffer.end;
  }

  /** Offset up to which the stream was written to this link. */
  get sent(): number {
    return this.#sent;
  }

  get acked(): number {
    return this.#acked;
  }

  get limit(): number {
    return this.#limit;
  }

  get keptBytes(): number {
    return this.#buffer.end - this.#buffer.start;
  }

  get keptMessages(): number {
    return this.#buffer.messages;
  }

  /** Start and end of each segment that is kept. */
  *keptRanges(): IterableIterator<readonly [start: number, end: number]> {
    for (const { offset, endOffset } of this.#buffer) yield [offset, endOffset];
  }

  /** Whether another message may begin. */
  get canStart(): boolean {
    const { start, end, messages } = this.#buffer;
    if (end >= this.#limit || this.#sent !== this.#flushed) return false;
    return messages < this.#replay.maxMessages && end - start < this.#replay.maxBytes;
  }

  /** Whether the rest of a message, or bytes that are sent again, may be written now. */
  get hasPending(): boolean {
    return this.#sent < this.#limit && this.#sent < this.#flushed;
  }

  /** Whether gathered small messages wait for `flush`. */
  get hasBatched(): boolean {
    return this.#flushed !== this.#buffer.end;
  }

  /** Whether the whole stream was written to the link. */
  get isAllSent(): boolean {
    return this.#sent === this.#buffer.end;
  }

  /** Whether the peer has received the whole stream, and no sender waits for an acknowledgement. */
  get allAcknowledged(): boolean {
    return this.#acked === this.#buffer.end && this.#pending.length === 0;
  }

  /** Begins a message. Small messages are gathered until `flush`; `writeNext` continues a large one. */
  send(message: Out): void {
    if (message.payload.length < (message.owned ? copiedOwnedBytes : copiedBytes)) this.#gather(message);
    else this.#addLarge(message);
    if (message.level === undefined) return;
    const { end } = this.#buffer;
    message.endOffset = end;
    this.#pending.add(message);
    this.#awaited = end;
    if (message.level === 'consumed') this.#awaitedConsumed = end;
  }

  /** Writes the gathered small messages. */
  flush(): void {
    if (!this.hasBatched) return;
    this.#flushed = this.#buffer.end;
    const until = Math.min(this.#flushed, this.#limit);
    while (this.#sent < until) this.#writeRecord();
  }

  /** Writes the next record. */
  writeNext(): void {
    if (this.hasPending) this.#writeRecord();
  }

  /** The sender of a message has stopped waiting for its acknowledgement. */
  cancelAck(message: Out): void {
    this.#pending.remove(message);
  }

  /** The link is down. */
  linkDown(): void {
    this.#flushed = this.#buffer.end;
  }

  /** Whether these offsets of a peer are possible. */
  canResume(received: number, consumed: number): boolean {
    return this.#acked <= received && received <= this.#sent && consumed <= received;
  }

  /** A link is up. */
  linkUp(isChecked: boolean): void {
    this.#isChecked = isChecked;
    this.#rate = new LineRate();
  }

  /** The stream resumes over another link from the byte that the peer expects. */
  resume(received: number, consumed: number): void {
    this.#acknowledge(received, consumed);
    this.#sent = received;
    this.#requested = received;
    this.#current = this.#buffer.find(received);
    for (let segment = this.#current; segment !== undefined; segment = segment.next) {
      if (segment.isShared && !segment.retracted && !segment.takeUnchanged(received))
        this.#retract(segment, changedBytesError);
    }
  }

  /**
   * The peer has received all bytes before `received`, and its program has consumed all bytes before `consumed`.
   * @throws `ERR_SERPY_PROTOCOL` if these bytes were never sent
   */
  acknowledged(received: number, consumed: number, limit: number, nowMs: number): void {
    if (received > this.#sent || consumed > this.#sent) {
      const stated = Math.max(received, consumed);
      throw new ProtocolError(
        `the peer acknowledged bytes that were never sent (up to byte ${stated}; the next byte to send is ${this.#sent})`,
      );
    }
    const before = this.#acked;
    this.#acknowledge(received, consumed);
    this.#rate.arrived(this.#acked - before, nowMs, this.#acked === this.#sent);
    this.raiseLimit(limit);
  }

  /** The peer accepts more bytes. A limit never decreases: an older one changes nothing. */
  raiseLimit(limit: number): void {
    this.#limit = Math.max(limit, this.#limit);
  }

  /**
   * The session is over.
   * @returns `unknown`: messages that the peer may not have received, in order; `unarrived`: those of them whose sender waits; `unconsumed`: received
   * messages whose sender waits for consumption
   */
  abort(): { readonly unknown: UnknownMessage[]; readonly unarrived: Out[]; readonly unconsumed: Out[] } {
    const unknown: UnknownMessage[] = [];
    for (const segment of this.#buffer) {
      if (segment.message === undefined) unknown.push(...framesIn(segment, this.#acked));
      else if (segment.messages === 0 || segment.messageEnd <= this.#acked) continue;
      else if (segment.next?.retracted !== true) unknown.push(reported(segment.message));
    }
    const pending = this.#pending.abandon(this.#acked);
    this.#buffer.clear();
    this.#blocks.clear(); // the reported messages are views of them
    this.#current = undefined;
    this.#flushed = this.#buffer.end;
    this.#sent = this.#buffer.end;
    this.#acked = this.#buffer.end;
    return { unknown, ...pending };
  }

  #acknowledge(received: number, consumed: number): void {
    if (received > this.#acked) {
      this.#acked = received;
      this.#buffer.trim(received);
      this.#blocks.keptFrom(this.#buffer.start);
    }
    this.#pending.reached(received, consumed);
  }

  /** Copies a small message into a block. */
  #gather({ type, prefix, payload, sizeBytes }: Out): void {
    if (!this.#blocks.hasRoom(sizeBytes)) this.flush();
    const start = this.#blocks.reserve(sizeBytes, this.#buffer.end);
    const block = this.#blocks.memory;
    writeHeader(block, start, type, 0, sizeBytes - headerBytes);
    let at = start + headerBytes;
    if (prefix) {
      block.set(prefix, at);
      at += prefix.length;
    }
    const { length } = payload;
    if (length > loopBytes) block.set(payload, at);
    else for (let i = 0; i < length; i++) block[at + i] = payload[i] as number;
    this.#buffer.addMessage(this.#segmentAt(block, start), sizeBytes);
  }

  /** The segment that continues at a position of a block. One for each flush would be an object for each round trip. */
  #segmentAt(block: Uint8Array, start: number): Segment<Out> {
    const { last } = this.#buffer;
    const { maxMessages, maxBytes } = this.#replay;
    const continues =
      last?.memory === block &&
      last.end === start &&
      last.message === undefined &&
      last.messages * segmentsKept < maxMessages &&
      (last.end - last.start) * segmentsKept < maxBytes;
    const segment = continues ? last : new Segment<Out>(block, start, start, this.#buffer.end);
    if (!continues) this.#buffer.add(segment);
    this.#current ??= segment;
    return segment;
  }

  /** Adds a large message: its header in a block, and its payload in the memory of the program. */
  #addLarge(message: Out): void {
    this.flush();
    const { type, prefix, payload, sizeBytes, owned } = message;
    const headBytes = sizeBytes - payload.length;
    const start = this.#blocks.reserve(headBytes, this.#buffer.end);
    const { memory } = this.#blocks;
    writeHeader(memory, start, type, 0, sizeBytes - headerBytes);
    if (prefix) memory.set(prefix, start + headerBytes);
    const end = this.#buffer.end + sizeBytes;
    const head = new Segment(memory, start, start, this.#buffer.end, message, end);
    this.#buffer.add(head);
    this.#buffer.addMessage(head, headBytes);
    this.#buffer.add(new Segment(payload, 0, payload.length, head.endOffset, message, end, !owned));
    this.#current ??= head;
    this.#flushed = end;
  }

  #writeRecord(): void {
    const segment = this.#current as Segment<Out>;
    if (segment.message !== undefined && (segment.retracted || !segment.isThere)) {
      this.#writeRetraction(segment);
      return;
    }
    const start = segment.start + this.#sent - segment.offset;
    const bytes = Math.min(segment.end - start, this.#rate.recordBytes, this.#limit - this.#sent);
    const end = start + bytes;
    const { memory } = segment;
    const isJoined = bytes < joinedBytes;
    // Before anything is written: nothing of a record is sent if the memory cannot be read.
    const digest = segment.isShared ? payloadDigest(memory, start, end) : undefined;
    const { buffer: target, offset: at } = this.#host.reserve(recordHeaderBytes + (isJoined ? bytes : 0));
    writeRecordHeader(target, at, this.#dataType(this.#sent + bytes), bytes, this.#sent);
    if (digest !== undefined) segment.sent(start, end, digest);
    const from = digest === undefined ? start : end;
    if (this.#isChecked) writeCheck(target, at, recordCheck(target, at, memory, start, end, from, digest));
    if (isJoined) copy(memory, start, end, target, at + recordHeaderBytes);
    else this.#host.write(memory.subarray(start, end));
    this.#sent += bytes;
    this.#rate.sent(bytes);
    if (end === segment.end) this.#current = segment.next;
    if (segment.message) this.#reportProgress(segment.message, segment.messageEnd);
  }

  /** Requests an acknowledgement if a sender waits, if half of the retransmission buffer is used, and after eight records of the largest size. */
  #dataType(end: number): number {
    const { maxBytes, maxMessages } = this.#replay;
    const isAwaited = this.#awaited > this.#sent && this.#awaited <= end;
    const consumed = this.#awaitedConsumed > this.#sent && this.#awaitedConsumed <= end ? consumedRequestedBit : 0;
    const every = Math.min(maxBytes / 2, this.#rate.recordBytes * recordsPerAck);
    const isDue = end - this.#requested >= every || this.#buffer.messages * 2 > maxMessages;
    if (!isAwaited && !isDue) return recordType.data | consumed;
    this.#requested = end;
    return recordType.data | ackRequestedBit | consumed;
  }

  /** The bytes of a message are gone or changed: the peer drops the part that it has received. */
  #writeRetraction(segment: Segment<Out>): void {
    if (!segment.retracted) this.#retract(segment, detachedBufferError);
    const { buffer: memory, offset: start } = this.#host.reserve(recordHeaderBytes + 8);
    writeRecordHeader(memory, start, recordType.retract, 8, this.#sent);
    const payloadAt = start + recordHeaderBytes;
    writeUint64(memory, payloadAt, segment.messageEnd);
    if (this.#isChecked) writeCheck(memory, start, recordCheck(memory, start, memory, payloadAt, payloadAt + 8));
    this.#sent = segment.messageEnd;
    this.#current = segment.next;
  }

  #retract(segment: Segment<Out>, errorOf: (sizeBytes: number) => ValueError): void {
    const message = segment.message as Out;
    segment.retract();
    if (message.level !== undefined) this.#pending.remove(message);
    const error = errorOf(message.sizeBytes - headerBytes);
    this.#host.rejected(message, error);
    this.#host.warn(error);
  }

  #reportProgress({ sizeBytes }: Out, messageEnd: number): void {
    const totalBytes = sizeBytes - headerBytes;
    if (totalBytes <= progressBytes) return;
    const number = messageEnd - sizeBytes;
    const doneBytes = Math.max(0, this.#sent - number - headerBytes);
    this.#host.progress({ direction: 'send', of: 'message', number, doneBytes, totalBytes });
  }
}

/** An acknowledgement is requested at the latest after this number of records of the largest size. */
const recordsPerAck = 8;

function copy(from: Uint8Array, start: number, end: number, target: Uint8Array, at: number): void {
  if (end - start > loopBytes) target.set(new Uint8Array(from.buffer, from.byteOffset + start, end - start), at);
  else for (let i = start; i < end; i++) target[at + i - start] = from[i] as number;
}

/** The messages in a segment of small messages that end after an offset. */
function* framesIn(segment: Segment<unknown>, offset: number): Iterable<UnknownMessage> {
  const { memory } = segment;
  for (let at = segment.start; at < segment.end; ) {
    const payloadAt = at + headerBytes;
    const end = payloadAt + readUint32(memory, at + 10);
    if (segment.offset + end - segment.start > offset)
      yield { type: memory[at + 5] as number, payload: memory.subarray(payloadAt, end) };
    at = end;
  }
}

/** A large message for the report, without its bytes if its memory is gone. */
function reported({ type, prefix, payload, sizeBytes }: Sendable): UnknownMessage {
  const isThere = (prefix?.length ?? 0) + payload.length === sizeBytes - headerBytes;
  return isThere ? { type, prefix, payload } : { type, payload: new Uint8Array(0) };
}
