/**
 * The receiving half of a session: takes the bytes of the stream in order, makes messages of them as far as the receive queue has room,
 * and says how far it has come. What is delivered is always a beginning of what was sent.
 */
import { ByteQueue, ProtocolError, type SessionHost } from 'serpy-core';
import { Decoder, type SessionFrames } from '../decoder.js';
import type { DecodedMessage } from '../values/values.js';
import { headerBytes } from '../wire/constants.js';
import { CorruptRecordError } from './record-reader.js';
import { progressBytes, type Sendable } from './sender.js';

/** The receive queue's bounds. */
export interface Window {
  readonly maxMessages: number;
  readonly maxBytes: number;
  /** Whether the queue makes room by itself, so that the sender need not wait. */
  readonly drops: boolean;
}

/** Where a receiving half stands. */
export interface Ack {
  readonly received: number;
  readonly consumed: number;
  /** The sender may send up to here. */
  readonly limit: number;
}

/** What may arrive beyond the receive queue's bounds: it is not decoded before there is room. */
const readAheadBytes = 64 * 1024;

/** The limit of a receiver that drops what it has no room for. */
export const noLimit = Number.MAX_SAFE_INTEGER;

/** How far a sender may go before it has heard more. */
export function firstLimit({ maxMessages, maxBytes, drops }: Window): number {
  return drops ? noLimit : Math.min(noLimit, maxBytes, maxMessages * firstAverageBytes) + readAheadBytes;
}

/** The sender is told at once when that much has come since it was told last, and otherwise after a while. */
const ackBytes = 4 * 1024 * 1024;

/** A while. */
export const ackDelayMs = 25;

/** It is looked at whether to tell it at once when that much has become free, or that part of the queue. */
const [freedBytes, freedPart] = [64 * 1024, 1 / 4];

/** The queue's bound in messages counts as bytes by their average; before there are any, as if they were of this size. */
const firstAverageBytes = 4096;

/** The average is that of the last messages, about sixteen, in whole numbers. */
const [averagedBits, maxAveragedBytes] = [4, 2 ** 30];

/** A message that was delivered, as far as it counts here. */
export type Delivered = Pick<DecodedMessage, 'sizeBytes'> & { end: number };

export class Receiver {
  readonly #host: SessionHost<Sendable>;
  readonly #window: Window;
  /** What is added to the offsets that messages carry, so that one of an earlier session that is consumed late does not count here. */
  readonly base: number;
  readonly #decoder: Decoder;
  readonly #frames: SessionFrames;
  #received = 0;
  #consumed = 0;
  /** Messages and bytes that were delivered and wait to be consumed. */
  #waitingMessages = 0;
  #waitingBytes = 0;
  #averageBytes = firstAverageBytes;
  /** What has become free since that was last looked at, and how much is worth it. */
  #freedBytes = 0;
  readonly #notedBytes: number;
  /** Verified bytes that wait for room in the queue; a number for the end of a message that was taken back. */
  #backlog: (ByteQueue | number)[] = [];
  /** The message that was delivered last, and the last before it that the queue has kept. */
  #newest: Delivered | undefined;
  #kept: Delivered | undefined;
  /** What the peer was told last, and up to which offset it waits to hear what has been consumed. */
  #toldReceived = 0;
  #toldLimit = 0;
  #urgentEnd = 0;
  #ackNow = false;
  #ackDue = false;
  #failure: unknown;

  constructor(host: SessionHost<Sendable>, maxMessageBytes: number, window: Window, frames: SessionFrames, base = 0) {
    this.#host = host;
    this.#window = window;
    this.base = base;
    this.#frames = frames;
    this.#notedBytes = Math.min(freedBytes, window.maxBytes * freedPart);
    this.#decoder = new Decoder(maxMessageBytes, host, undefined, frames, base);
    this.#toldLimit = this.limit;
  }

  /** For the session after this one: larger than what any message of this one carries. */
  get nextBase(): number {
    return this.base + this.#received;
  }

  /** The offset of the next byte. */
  get received(): number {
    return this.#received;
  }

  /** All messages that end before it were consumed. */
  get consumed(): number {
    return this.#consumed;
  }

  get waitingMessages(): number {
    return this.#waitingMessages;
  }

  get waitingBytes(): number {
    return this.#waitingBytes;
  }

  /** Memory that is held for a message that has come in part. */
  get partialBytes(): number {
    return this.#decoder.partialBytes;
  }

  /** Whether the peer should be told at once where we are. */
  get ackNow(): boolean {
    return this.#ackNow;
  }

  /** Whether it should be told after a while. */
  get ackDue(): boolean {
    return this.#ackDue;
  }

  /** Up to which offset the peer may send. A message that has begun may come whole. */
  get limit(): number {
    const { maxMessages, maxBytes, drops } = this.#window;
    if (drops) return noLimit;
    const { offset, payloadBytes } = this.#decoder;
    const decoded = offset - this.base;
    const roomForMessages = (maxMessages - this.#waitingMessages) * this.#averageBytes;
    const room = decoded + Math.floor(Math.min(maxBytes - this.#waitingBytes, roomForMessages)) + readAheadBytes;
    const whole = payloadBytes === undefined ? 0 : decoded + headerBytes + payloadBytes;
    return Math.max(this.#toldLimit, Math.min(noLimit, Math.max(room, whole)));
  }

  /** What the peer is told now. */
  takeAck(): Ack {
    this.#toldLimit = this.limit;
    this.#toldReceived = this.#received;
    this.#ackNow = false;
    this.#ackDue = false;
    return { received: this.#received, consumed: this.#consumed, limit: this.#toldLimit };
  }

  /** Whether verified bytes wait that there is room for now. */
  get readable(): boolean {
    return this.#hasRoom() && this.#isWaiting;
  }

  /**
   * Takes bytes of the stream, which are lent.
   * @param offset the low 32 bits of their offset
   * @param ackRequested whether the sender waits for the acknowledgement
   * @param isPlaced whether they are where `place` said
   */
  accept(offset: number, bytes: Buffer, ackRequested: boolean, isPlaced = false): void {
    this.#checkOffset(offset);
    const { length } = bytes;
    if (this.#received + length > this.#toldLimit) throw beyondLimit(this.#toldLimit);
    this.#received += length;
    this.#ackDue = true;
    if (ackRequested) {
      this.#urgentEnd = this.#received;
      this.#ackNow = true;
    }
    if (this.#received - this.#toldReceived >= ackBytes) this.#ackNow = true;
    if (isPlaced) this.#decoder.placed(length);
    else if (!this.#isWaiting) this.#decoder.push(bytes);
    else this.#lastQueue().pushCopy(bytes);
  }

  /** Where bytes of the stream may be put before they are checked: in the message that they belong to. */
  place(offset: number, length: number): Buffer | undefined {
    if (offset !== this.#received >>> 0 || this.#isWaiting) return undefined;
    return this.#decoder.place(length);
  }

  /** The sender does not send the rest of a message, which ends at `end`. */
  retract(offset: number, end: number): void {
    this.#checkOffset(offset);
    if (!(end > this.#received)) throw new ProtocolError('the peer takes a message back that it has sent');
    this.#received = end;
    this.#ackDue = true;
    this.#ackNow = true;
    this.#backlog.push(end);
  }

  /**
   * The next message, while there is room for it.
   * @param always also where there is none: the session is over
   * @throws `ERR_SERPY_PROTOCOL`, `ERR_SERPY_TOO_LARGE` for what no correct peer sends: the session is over
   */
  read(always = false): DecodedMessage | undefined {
    if (this.#failure !== undefined) throw this.#failure;
    while (always || this.#hasRoom()) {
      const message = this.#decode();
      if (message !== undefined) {
        const bytes = message.sizeBytes + headerBytes;
        this.#waitingMessages++;
        this.#waitingBytes += bytes;
        this.#averageBytes += (Math.min(bytes, maxAveragedBytes) - this.#averageBytes) >> averagedBits;
        if (message.sizeBytes > progressBytes) this.#reportEnd(message);
        if (message.part === undefined) this.#delivered(message);
        return message;
      }
      if (!this.#feedNext()) break;
    }
    if (this.#decoder.payloadBytes !== undefined) {
      this.#reportProgress();
      this.#lookAtLimit();
    }
    return undefined;
  }

  /** The session is over: all that has arrived whole, whatever room there is. */
  drain(): DecodedMessage[] {
    const messages: DecodedMessage[] = [];
    try {
      for (let message = this.read(true); message; message = this.read(true)) messages.push(message);
    } catch {} // a peer that was wrong has ended the session for it
    return messages;
  }

  /** Another record follows: what is left of the last one must not lie in its memory. */
  retainRest(): void {
    if (this.#decoder.hasRest) this.#decoder.retainUnread();
  }

  /** The peer needs a sign of life. */
  wantAck(): void {
    this.#ackNow = true;
  }

  /** The bytes that were lent go back: what was not read of them is copied. */
  retainUnread(): void {
    this.#decoder.retainUnread();
  }

  /** The program has consumed a message, or the queue has dropped it for a newer one; and so all before it. */
  consumedUpTo({ end, sizeBytes }: Delivered): void {
    const offset = end - this.base;
    if (offset <= 0) return;
    this.#free(sizeBytes);
    if (offset <= this.#consumed) return;
    this.#consumed = offset;
    if (offset <= this.#urgentEnd) this.#ackNow = true;
  }

  /** The queue has dropped the message that was delivered last: it counts as consumed when all before it are. */
  discardedNewest(dropped: Delivered): void {
    const kept = this.#kept;
    this.#newest = undefined;
    if (kept === undefined || kept.end - this.base <= this.#consumed) {
      this.consumedUpTo(dropped);
      return;
    }
    kept.end = dropped.end;
    this.#free(dropped.sizeBytes);
  }

  /** A part of a stream was consumed: there is room for more. Not where it came in an earlier session. */
  streamConsumed({ end, sizeBytes }: Delivered): void {
    if (end > this.base) this.#free(sizeBytes);
  }

  /** Whether what comes must wait behind what has come. */
  get #isWaiting(): boolean {
    return this.#decoder.hasRest || this.#backlog.length > 0;
  }

  #hasRoom(): boolean {
    const { maxMessages, maxBytes, drops } = this.#window;
    return drops || (this.#waitingMessages < maxMessages && this.#waitingBytes < maxBytes);
  }

  #delivered(message: DecodedMessage): void {
    if (this.#newest !== undefined) this.#kept = this.#newest;
    this.#newest = message as Delivered;
  }

  #free(sizeBytes: number): void {
    this.#waitingMessages--;
    this.#waitingBytes -= sizeBytes + headerBytes;
    this.#ackDue = true;
    this.#freedBytes += sizeBytes;
    // Not for each message that a slow program consumes; but a sender must not wait for one that has consumed everything.
    const isMuch = this.#freedBytes >= this.#notedBytes;
    if (!isMuch && this.#waitingMessages > 0) return;
    if (isMuch) this.#freedBytes = 0;
    const gain = this.limit - this.#toldLimit;
    if (gain > 0 && this.#toldLimit - this.#received < (isMuch ? gain : readAheadBytes / 2)) this.#ackNow = true;
  }

  #decode(): DecodedMessage | undefined {
    try {
      return this.#decoder.readSession(this.#frames);
    } catch (error) {
      this.#failure = error;
      throw error;
    }
  }

  /** More has come of a message that is not whole. */
  #reportProgress(): void {
    const { payloadBytes: totalBytes = 0, filledBytes: doneBytes } = this.#decoder;
    if (totalBytes <= progressBytes || doneBytes === 0) return;
    const number = this.#decoder.offset - this.base;
    this.#host.progress({ direction: 'receive', of: 'message', number, doneBytes, totalBytes });
  }

  #reportEnd({ sizeBytes: totalBytes, end }: DecodedMessage): void {
    const number = end - this.base - totalBytes - headerBytes;
    this.#host.progress({ direction: 'receive', of: 'message', number, doneBytes: totalBytes, totalBytes });
  }

  /** Hands the decoder what has waited. @returns whether there was anything */
  #feedNext(): boolean {
    const next = this.#backlog.shift();
    if (next === undefined) return false;
    if (typeof next === 'number') this.#decoder.discard(this.base + next);
    else this.#decoder.push(next.take(next.length));
    return true;
  }

  #lastQueue(): ByteQueue {
    const last = this.#backlog.at(-1);
    if (last instanceof ByteQueue) return last;
    const queue = new ByteQueue();
    this.#backlog.push(queue);
    return queue;
  }

  /** A message that is larger than what the peer may send has to have its limit. */
  #lookAtLimit(): void {
    const { payloadBytes } = this.#decoder;
    if (payloadBytes === undefined || this.#window.drops) return;
    if (this.#decoder.offset - this.base + headerBytes + payloadBytes > this.#toldLimit) this.#ackNow = true;
  }

  #checkOffset(offset: number): void {
    if (offset === this.#received >>> 0) return;
    throw new CorruptRecordError(`a record begins at another byte than ${this.#received}, which is expected`);
  }
}

function beyondLimit(limit: number): ProtocolError {
  return new ProtocolError(`the peer sends more than it was allowed to (up to byte ${limit})`);
}
