/**
 * The receiving half of a session: accepts the bytes of the stream in order, decodes messages while the receive queue has room, and
 * acknowledges them. The delivered messages are always a prefix of the sent ones.
 */
import { ByteQueue, ProtocolError, type SessionHost, wideZero } from 'serpy-core';
import { Decoder, type SessionFrames } from '../decoder.js';
import type { DecodedMessage } from '../values/values.js';
import { headerBytes } from '../wire/constants.js';
import { CorruptRecordError, type RecordReader } from './record-reader.js';
import { progressBytes, type Sendable } from './sender.js';

/** Limits of the receive queue. */
export interface Window {
  readonly maxMessages: number;
  readonly maxBytes: number;
  /** Whether a full queue drops messages, so that the sender never waits. */
  readonly drops: boolean;
}

/** What an acknowledgement states, as offsets of the stream. */
export interface Ack {
  readonly received: number;
  readonly consumed: number;
  /** The sender may send the bytes before this offset. */
  readonly limit: number;
}

/** Bytes that may arrive beyond the limits of the receive queue. They are decoded when the queue has room. */
const readAheadBytes = 64 * 1024;

/** The limit of a receiver whose full queue drops messages. */
export const noLimit = Number.MAX_SAFE_INTEGER;

/** The limit of a sender until the first acknowledgement. */
export function firstLimit({ maxMessages, maxBytes, drops }: Window): number {
  return drops ? noLimit : Math.min(noLimit, maxBytes, maxMessages * firstAverageBytes) + readAheadBytes;
}

/** Bytes since the last acknowledgement after which the next is sent at once. For fewer bytes it is sent after `ackDelayMs`. */
const ackBytes = 4 * 1024 * 1024;

/** Delay of an acknowledgement that is not urgent, in milliseconds. */
export const ackDelayMs = 25;

/** Freed bytes, or freed share of the queue, after which the receiver checks whether to state a new limit at once. */
const [freedBytes, freedPart] = [64 * 1024, 1 / 4];

/** The limit in messages is converted to bytes by the average size of a message. This is the average before the first message. */
const firstAverageBytes = 4096;

/**
 * Smaller messages count as this size: with 4,096 of them in flight, which take 3 ms, the sender would wait for each acknowledgement. With
 * this, messages of 64 B take a quarter less CPU time. What is too much for the queue waits undecoded.
 */
const minAverageBytes = 256;

/** The average covers about the last sixteen messages (2 ** 4), in integers. */
const [averagedBits, maxAveragedBytes] = [4, 2 ** 30];

/** What the receiver needs of a record. */
export type DataRecord = Pick<
  RecordReader,
  'offset' | 'bytes' | 'start' | 'end' | 'ackRequested' | 'consumedRequested' | 'isPlaced'
>;

/** What the receiver needs of a delivered message. */
export type Delivered = Pick<DecodedMessage, 'sizeBytes'> & { end: number };

export class Receiver {
  readonly #host: SessionHost<Sendable>;
  readonly #window: Window;
  /** Added to the offsets that messages carry: a message of an earlier session that is consumed late then does not count in this session. */
  readonly base: number;
  /** Whether an acknowledgement is to be sent at once, and whether one is to be sent after `ackDelayMs`. */
  ackNow = false;
  ackDue = false;
  /** Whether bytes were accepted that `read` has not seen, or that the queue had no room for. */
  hasUnread = false;
  readonly #decoder: Decoder;
  #received = wideZero;
  #consumed = wideZero;
  /** Messages and bytes that were delivered and are not consumed yet. */
  #waitingMessages = 0;
  #waitingBytes = 0;
  #averageBytes = firstAverageBytes;
  /** Bytes freed since the last check of the limit, and the number of freed bytes that triggers the next one. */
  #freedBytes = 0;
  readonly #notedBytes: number;
  /** Verified bytes that wait for room in the queue. A number is the end of a retracted message. */
  #backlog: (ByteQueue | number)[] = [];
  /** What the last acknowledgement stated, and the offset up to which the sender waits for consumption. */
  #statedReceived = wideZero;
  #statedLimit = wideZero;
  #urgentEnd = wideZero;
  #failure: unknown;

  constructor(host: SessionHost<Sendable>, maxMessageBytes: number, window: Window, frames: SessionFrames, base = 0) {
    this.#host = host;
    this.#window = window;
    this.base = base;
    this.#notedBytes = Math.min(freedBytes, window.maxBytes * freedPart);
    this.#decoder = new Decoder(maxMessageBytes, host, undefined, frames, base);
    this.#statedLimit = this.limit;
  }

  /** `base` of the next session: at least as large as every offset that a message of this session carries. */
  get nextBase(): number {
    return this.base + this.#received;
  }

  /** The offset of the next byte. */
  get received(): number {
    return this.#received;
  }

  /** All messages that end at or before this offset were consumed. */
  get consumed(): number {
    return this.#consumed;
  }

  get waitingMessages(): number {
    return this.#waitingMessages;
  }

  get waitingBytes(): number {
    return this.#waitingBytes;
  }

  /** Memory of the message that was received in part. */
  get partialBytes(): number {
    return this.#decoder.partialBytes;
  }

  /** The offset up to which the peer may send. It always includes the rest of a message that has begun. */
  get limit(): number {
    const { maxMessages, maxBytes, drops } = this.#window;
    if (drops) return noLimit;
    const { offset, payloadBytes } = this.#decoder;
    const decoded = offset - this.base;
    const roomForMessages = (maxMessages - this.#waitingMessages) * Math.max(this.#averageBytes, minAverageBytes);
    const room = decoded + Math.floor(Math.min(maxBytes - this.#waitingBytes, roomForMessages)) + readAheadBytes;
    const whole = payloadBytes === undefined ? 0 : decoded + headerBytes + payloadBytes;
    return Math.max(this.#statedLimit, Math.min(noLimit, Math.max(room, whole)));
  }

  /** @returns the acknowledgement that the caller sends now */
  takeAck(): Ack {
    this.#statedLimit = this.limit;
    this.#statedReceived = this.#received;
    this.ackNow = false;
    this.ackDue = false;
    return { received: this.#received, consumed: this.#consumed, limit: this.#statedLimit };
  }

  /** Whether verified bytes wait and the queue has room for them. */
  get readable(): boolean {
    return this.hasUnread && this.#hasRoom();
  }

  /**
   * Accepts bytes of the stream, which are borrowed.
   * @param record a DATA record. Its payload is already in the buffer that `place` returned if `isPlaced` is set
   */
  accept({ offset, bytes, start, end, ackRequested, consumedRequested, isPlaced }: DataRecord): void {
    this.#checkOffset(offset);
    const length = end - start;
    if (this.#received + length > this.#statedLimit) throw beyondLimit(this.#statedLimit);
    this.#received += length;
    this.hasUnread = true;
    this.ackDue = true;
    if (consumedRequested) this.#urgentEnd = this.#received;
    if (ackRequested || this.#received - this.#statedReceived >= ackBytes) this.ackNow = true;
    if (isPlaced) this.#decoder.placed(length);
    else if (!this.#isWaiting()) this.#decoder.push(bytes, start, end);
    else this.#lastQueue().pushCopy(bytes.subarray(start, end));
  }

  /** @returns the part of the message's buffer that unverified bytes may be written to; undefined if they must be buffered elsewhere */
  place(offset: number, length: number): Buffer | undefined {
    if (offset !== this.#received >>> 0 || this.#isWaiting()) return undefined;
    return this.#decoder.place(length);
  }

  /** The sender does not send the rest of a message, which ends at `end`. */
  retract(offset: number, end: number): void {
    this.#checkOffset(offset);
    if (!(end > this.#received)) throw new ProtocolError('the peer retracted a message that it had sent completely');
    this.#received = end;
    this.hasUnread = true;
    this.ackDue = true;
    this.ackNow = true;
    this.#backlog.push(end);
  }

  /**
   * The next message, while there is room for it.
   * @param always ignores the limits of the queue: the session is over
   * @throws `ERR_SERPY_PROTOCOL`, `ERR_SERPY_TOO_LARGE` if the peer violates the protocol: the session is over
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
        this.hasUnread = this.#isWaiting();
        return message;
      }
      if (this.#feedNext()) continue;
      this.hasUnread = false;
      break;
    }
    if (this.#decoder.payloadBytes !== undefined) {
      this.#reportProgress();
      this.#checkLimit();
    }
    return undefined;
  }

  /** The session is over. @returns all messages that arrived completely, beyond the limits of the queue too */
  drain(): DecodedMessage[] {
    const messages: DecodedMessage[] = [];
    try {
      for (let message = this.read(true); message; message = this.read(true)) messages.push(message);
    } catch {} // the session is over already: a protocol error changes nothing
    return messages;
  }

  /** Copies the unread bytes: the borrowed memory is reused by its owner. */
  retainUnread(): void {
    this.#decoder.retainUnread();
  }

  /** The program has consumed this message, or the queue has dropped it for a newer one. All messages before it count as consumed too. */
  consumedUpTo({ end, sizeBytes }: Delivered): void {
    const offset = end - this.base;
    if (offset <= 0) return;
    this.#free(sizeBytes);
    if (offset <= this.#consumed) return;
    this.#consumed = offset;
    if (offset <= this.#urgentEnd) this.ackNow = true;
  }

  /**
   * The queue has dropped the message that was delivered last: it counts as consumed when all before it are.
   * @param kept the last message in the queue. To remember it here took a twentieth of the time of a message of 64 B
   */
  discardedNewest(dropped: Delivered, kept: Delivered | undefined): void {
    if (kept === undefined || kept.end <= this.base) {
      this.consumedUpTo(dropped);
      return;
    }
    kept.end = dropped.end;
    this.#free(dropped.sizeBytes);
  }

  /** A part of a stream, or a message out of order, was consumed, which frees its bytes. One of an earlier session frees nothing here. */
  streamConsumed({ end, sizeBytes }: Delivered): void {
    if (end > this.base) this.#free(sizeBytes);
  }

  /** Whether earlier bytes still wait, so that new bytes must wait too. */
  #isWaiting(): boolean {
    return this.#decoder.hasRest || this.#backlog.length > 0;
  }

  #hasRoom(): boolean {
    const { maxMessages, maxBytes, drops } = this.#window;
    return drops || (this.#waitingMessages < maxMessages && this.#waitingBytes < maxBytes);
  }

  #free(sizeBytes: number): void {
    this.#waitingMessages--;
    this.#waitingBytes -= sizeBytes + headerBytes;
    this.ackDue = true;
    this.#freedBytes += sizeBytes;
    // A slow program does not cause a check for each message. An empty queue always does, so that the sender does not wait for it.
    const isMuch = this.#freedBytes >= this.#notedBytes;
    const spareBytes = this.#statedLimit - this.#received;
    if (!isMuch && (this.#waitingMessages > 0 || spareBytes >= readAheadBytes / 2)) return;
    if (isMuch) this.#freedBytes = 0;
    const gain = this.limit - this.#statedLimit;
    if (gain > 0 && spareBytes < (isMuch ? gain : readAheadBytes / 2)) this.ackNow = true;
  }

  #decode(): DecodedMessage | undefined {
    try {
      return this.#decoder.readSession();
    } catch (error) {
      this.#failure = error;
      throw error;
    }
  }

  /** More bytes of an incomplete message were received. */
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

  /** Passes the next waiting bytes to the decoder. @returns whether any waited */
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

  /** A message that exceeds the stated limit needs a higher limit at once. */
  #checkLimit(): void {
    const { payloadBytes } = this.#decoder;
    if (payloadBytes === undefined || this.#window.drops) return;
    if (this.#decoder.offset - this.base + headerBytes + payloadBytes > this.#statedLimit) this.ackNow = true;
  }

  #checkOffset(offset: number): void {
    if (offset === this.#received >>> 0) return;
    throw new CorruptRecordError(`a record of the peer does not begin at the expected byte ${this.#received}`);
  }
}

function beyondLimit(limit: number): ProtocolError {
  return new ProtocolError(`the peer sent more bytes than the receiver allowed (limit: byte ${limit})`);
}
