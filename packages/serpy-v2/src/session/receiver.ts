/**
 * The receiving half of a session: what number is expected, what may be on its way, how large messages are put together,
 * and when the peer is told of it. What is delivered is always a beginning of what was sent, without repeats.
 */
import { exactFromBytes, MessageTooLargeError, ProtocolError, type SessionHost } from 'serpy-core';
import { frameType } from '../wire/constants.js';
import { DroppedRanges } from './dropped-ranges.js';
import type { BatchReader } from './frames/batch.js';
import { batchType, maxSegmentBytes, numberedBit, segmentFlag, unknownTotal } from './frames/constants.js';
import type { OutboundFrame, SegmentHeader, WholeMessage } from './frames/segment.js';
import { streamType } from './frames/stream-frame.js';
import { Reassembly } from './reassembly.js';
import { excessDataError, flowControlError, interleavedError, sequenceGapError } from './session-errors.js';
import type { FlowLimits } from './session-parameters.js';

/** Where a receiving half stands, in messages and bytes. */
export type ReceiverState = Readonly<Record<'started' | 'received' | 'takenMessages' | 'takenBytes', number>>;

/** The receive queue's bounds: so much may be on its way, or wait to be taken. */
export interface Window {
  readonly maxMessages: number;
  readonly maxBytes: number;
  /** Whether the queue makes room by itself, so that nobody need wait. */
  readonly drops: boolean;
}

/** The peer is told when so much has come since it was told last, and otherwise after a while. */
const ackEveryMessages = 64;
const ackEveryBytes = 1024 * 1024;

/** A while. */
export const ackDelayMs = 50;

/** It is told at once when such a part of the window has become free. */
const windowUpdateFraction = 1 / 4;

export class Receiver {
  readonly #output: SessionHost<OutboundFrame & { readonly awaitsAck: boolean }>;
  readonly #maxMessageBytes: number;
  readonly #window: Window;
  /** What is added to the numbers that messages carry, so that one of an earlier session that is taken late counts for nothing here. */
  readonly #earlier: number;
  #next = 0;
  /** Where the session began to count. */
  #begun = 0;
  #startedMessages = 0;
  #receivedBytes = 0;
  #taken = 0;
  #takenMessages = 0;
  #takenBytes = 0;
  #dropped = new DroppedRanges(0);
  /** Up to this number the peer waits to hear what has been taken. */
  #urgentEnd = 0;
  #toldTakenMessages = 0;
  #toldTakenBytes = 0;
  #untoldMessages = 0;
  #untoldBytes = 0;
  /** Whether the peer should be told at once, or at all. */
  #urgent = false;
  #due = false;
  #assembly: Reassembly | undefined;
  /** One whose first piece is not whole yet: with the link it goes. */
  #draft: Reassembly | undefined;

  constructor(
    output: SessionHost<OutboundFrame & { readonly awaitsAck: boolean }>,
    maxMessageBytes: number,
    window: Window,
    numberOffset = 0,
  ) {
    this.#earlier = numberOffset;
    this.#output = output;
    this.#maxMessageBytes = maxMessageBytes;
    this.#window = window;
  }

  /** Begins to count after so many plain messages. */
  begin(messages: number): void {
    this.#next = messages;
    this.#begun = messages;
    this.#taken = messages;
    this.#startedMessages = messages;
    this.#takenMessages = messages;
    this.#toldTakenMessages = messages;
    this.#dropped = new DroppedRanges(messages);
  }

  /** For the session after this one: larger than what any message of this one carries. */
  get numberOffset(): number {
    return this.#earlier + this.#next;
  }

  /** The number of the next piece. */
  get next(): number {
    return this.#next;
  }

  /** How many pieces have come. */
  get receivedSegments(): number {
    return this.#next - this.#begun;
  }

  /** The number after the last message that the application has taken. */
  get consumed(): number {
    return this.#taken;
  }

  /** What has come and what was taken of it, since the session began: to be looked at. */
  get state(): ReceiverState {
    const [takenMessages, takenBytes] = [this.#takenMessages, this.#takenBytes];
    return { started: this.#startedMessages, received: this.#receivedBytes, takenMessages, takenBytes };
  }

  /** Memory that is held for a message that comes in pieces. */
  get partialBytes(): number {
    return (this.#assembly?.heldBytes ?? 0) + (this.#draft?.heldBytes ?? 0);
  }

  /** Whether the peer should be told at once where we are. */
  get ackNow(): boolean {
    return this.#urgent;
  }

  /** Whether it should be told after a while. */
  get ackDue(): boolean {
    return this.#due;
  }

  /** What the peer may send. */
  get limits(): FlowLimits {
    const { maxMessages, maxBytes, drops } = this.#window;
    if (drops) return { messages: unknownTotal, bytes: unknownTotal };
    return { messages: this.#takenMessages + maxMessages, bytes: this.#takenBytes + maxBytes };
  }

  /** The peer has been told. */
  announced(): void {
    this.#urgent = false;
    this.#due = false;
    this.#untoldMessages = 0;
    this.#untoldBytes = 0;
    this.#toldTakenMessages = this.#takenMessages;
    this.#toldTakenBytes = this.#takenBytes;
  }

  /** The link is gone: what had begun to come and is not whole comes again. */
  linkDown(): void {
    this.#draft = undefined;
    this.#urgent = false;
    this.#due = false;
  }

  /**
   * Where the bytes of a piece may be put as they come, before it is known whether it is unharmed; undefined where it must be gathered first.
   * @param believedBytes so much memory may be set aside
   */
  allocate(head: SegmentHeader, believedBytes: number): Buffer | undefined {
    if (head.type === batchType || head.number !== this.#next || (head.flags & segmentFlag.retracted) !== 0)
      return undefined;
    if (head.flags & segmentFlag.first) {
      if (this.#assembly || head.total > Math.max(this.#maxMessageBytes, maxSegmentBytes)) return undefined;
      if (head.flags & segmentFlag.last) return this.#placeWhole(head, believedBytes);
      this.#draft = new Reassembly(head.type, head.total, this.#output);
      return this.#draft.place(head.dataBytes, believedBytes);
    }
    return this.#assembly?.place(head.dataBytes, believedBytes);
  }

  /** A message of one piece that comes in several chunks goes into its own memory at once. */
  #placeWhole({ type, dataBytes }: SegmentHeader, believedBytes: number): Buffer | undefined {
    const isLarge = dataBytes >= exactFromBytes && dataBytes <= believedBytes;
    return isLarge && isDeliveredAsBytes(type & ~numberedBit) ? this.#output.allocate(dataBytes) : undefined;
  }

  /**
   * Takes a piece whose CRC was right.
   * @param data its bytes: lent, or where `place` said
   * @returns the message that it completes
   * @throws `GapError`; `ERR_SERPY_PROTOCOL`, `ERR_SERPY_TOO_LARGE` for what no honest peer sends: the session is over
   */
  accept(head: SegmentHeader, data: Buffer, placed: boolean): WholeMessage | undefined {
    const { number, flags } = head;
    if (number !== this.#next) {
      if (number > this.#next) throw sequenceGapError(number, this.#next);
      this.#urgent = true; // it did not hear that we have it
      return undefined;
    }
    this.#checkRules(head);
    this.#next++;
    this.#receivedBytes += head.dataBytes;
    this.#count(head);
    if (flags & segmentFlag.retracted) {
      this.#breakOff(head);
      return undefined;
    }
    if (flags & segmentFlag.first && flags & segmentFlag.last) {
      const type = head.type & ~numberedBit;
      return { type, payload: this.#deliverable(head.type, data, placed), ackNumber: this.#endOf(type, number) };
    }
    return this.#assemble(head, data, placed);
  }

  /**
   * Takes the next message of a batch.
   * @returns undefined where it has come before
   * @throws as `accept` does
   */
  acceptBatched(batch: BatchReader): WholeMessage | undefined {
    const { number } = batch;
    if (number !== this.#next) {
      if (number > this.#next) throw sequenceGapError(number, this.#next);
      this.#urgent = true; // it did not hear that we have it
      batch.skip();
      return undefined;
    }
    const size = batch.nextBytes;
    const type = batch.nextType;
    this.#checkSize(type, size);
    if (this.#isBeyondLimits()) throw flowControlError(this.limits);
    if (this.#assembly) throw interleavedError();
    const payload = batch.take(type === frameType.bytes);
    this.#next++;
    this.#startedMessages++;
    this.#receivedBytes += size;
    this.#due = true;
    this.#untoldMessages++;
    this.#untoldBytes += size;
    if (batch.ackNow && !batch.more) this.#urgentEnd = this.#next;
    if ((batch.ackNow && !batch.more) || this.#untoldMessages >= ackEveryMessages) this.#urgent = true;
    return { type, payload, ackNumber: this.#endOf(type, number) };
  }

  /** The application has taken a message, or the queue has dropped it for a newer one; and so all before it. */
  consumedUpTo(stated: number, sizeBytes: number): void {
    const end = stated - this.#earlier;
    if (end <= this.#taken) return;
    this.#taken = this.#dropped.takenWith(end);
    if (end <= this.#urgentEnd) this.#urgent = true;
    this.#freed(sizeBytes);
  }

  /** The queue has dropped the message that was delivered last: it is taken as soon as all before it are. */
  discardedLast(stated: number, sizeBytes: number): void {
    this.#dropped.add(stated - this.#earlier);
    this.#taken = this.#dropped.takenWith(this.#taken);
    this.#freed(sizeBytes);
  }

  /** A part of a stream was taken: there is room for so much more. Not where it came in an earlier session. */
  streamConsumed(stated: number, sizeBytes: number): void {
    if (stated > this.#earlier) this.#freed(sizeBytes);
  }

  #freed(sizeBytes: number): void {
    this.#takenMessages++;
    this.#takenBytes += sizeBytes;
    this.#due = true;
    const { maxMessages, maxBytes } = this.#window;
    const freedMessages = this.#takenMessages - this.#toldTakenMessages;
    const freedBytes = this.#takenBytes - this.#toldTakenBytes;
    if (freedMessages >= maxMessages * windowUpdateFraction || freedBytes >= maxBytes * windowUpdateFraction)
      this.#urgent = true;
  }

  /** The number after a message that is whole now, as it is stated. Parts of streams are taken in an order of their own. */
  #endOf(type: number, number: number): number {
    if (type !== streamType) this.#dropped.delivered(number + 1);
    return number + 1 + this.#earlier;
  }

  #checkRules({ type, flags, total, dataBytes }: SegmentHeader): void {
    if (flags & segmentFlag.first) {
      this.#checkSize(type & ~numberedBit, total);
      if (this.#isBeyondLimits()) throw flowControlError(this.limits);
      if (this.#assembly) throw interleavedError();
      if (dataBytes > total) throw excessDataError();
      return;
    }
    if (flags & segmentFlag.retracted) return;
    if (!this.#assembly) throw new ProtocolError('the peer went on with a message that it had not begun');
    if (dataBytes > this.#assembly.missing) throw excessDataError();
  }

  /** Parts of streams are no larger than a piece, whatever a message may be. */
  #checkSize(type: number, bytes: number): void {
    const most = type === streamType ? maxSegmentBytes : this.#maxMessageBytes;
    if (bytes > most) throw new MessageTooLargeError('the message that the peer sends', bytes, most);
  }

  /** As `limits` says, without making an object of it for every piece. */
  #isBeyondLimits(): boolean {
    const { maxMessages, maxBytes, drops } = this.#window;
    if (drops) return false;
    const isFull = this.#startedMessages - this.#takenMessages >= maxMessages;
    return isFull || this.#receivedBytes - this.#takenBytes >= maxBytes;
  }

  #count({ flags, number, dataBytes }: SegmentHeader): void {
    if (flags & segmentFlag.first) this.#startedMessages++;
    this.#due = true;
    this.#untoldMessages++;
    this.#untoldBytes += dataBytes;
    if (flags & segmentFlag.ackNow) {
      this.#urgentEnd = number + 1;
      this.#urgent = true;
    }
    if (this.#untoldMessages >= ackEveryMessages || this.#untoldBytes >= ackEveryBytes) this.#urgent = true;
  }

  /** The peer has taken a message back: what had come of it is forgotten, and its place is free. */
  #breakOff({ flags }: SegmentHeader): void {
    if ((flags & segmentFlag.first) === 0 && this.#assembly === undefined) return;
    this.#takenMessages++;
    this.#takenBytes += this.#assembly?.filled ?? 0;
    this.#assembly = undefined;
  }

  #assemble({ type, flags, number, total }: SegmentHeader, data: Buffer, placed: boolean): WholeMessage | undefined {
    if (flags & segmentFlag.first) {
      this.#assembly = placed ? this.#draft : new Reassembly(type, total, this.#output);
      this.#draft = undefined;
    }
    const assembly = this.#assembly as Reassembly;
    if (flags & segmentFlag.first) assembly.number = number;
    if (placed) assembly.placed(data.length);
    else assembly.add(data, this.#receivedBytes);
    this.#output.progress({
      direction: 'receive',
      of: 'message',
      number: assembly.number,
      doneBytes: assembly.filled,
      totalBytes: assembly.totalBytes,
    });
    if ((flags & segmentFlag.last) === 0) return undefined;
    if (assembly.missing > 0) throw new ProtocolError('the peer ended a message before it was whole');
    this.#assembly = undefined;
    const whole = assembly.type & ~numberedBit;
    return { type: whole, payload: assembly.finish(), ackNumber: this.#endOf(whole, number) };
  }

  /** Bytes are the application's to keep; other values are made from them at once. */
  #deliverable(type: number, data: Buffer, placed: boolean): Buffer {
    if (placed || !isDeliveredAsBytes(type & ~numberedBit)) return data;
    const copy = this.#output.allocate(data.length);
    copy.set(data);
    return copy;
  }
}

/** Whether the application keeps the bytes of such a message, or of a large part of a stream; values are made of others at once. */
function isDeliveredAsBytes(type: number): boolean {
  return type === frameType.bytes || type === streamType;
}
