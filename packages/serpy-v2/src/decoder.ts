/**
 * Bytes in, messages out. One stream, one decoder: after `read` has thrown, framing is lost and the decoder is done with.
 */
import {
  BadFrames,
  ByteQueue,
  ChecksumError,
  exactFromBytes,
  MessageTooLargeError,
  type OutboundMessage,
  type SerpyError,
  type SessionHost,
  sniffBytes,
  TruncatedError,
} from 'serpy-core';
import { type DecodedMessage, decodeValue } from './values/values.js';
import { checksum } from './wire/checksum.js';
import { ChunkCursor } from './wire/chunk-cursor.js';
import {
  checksumOffset,
  frameType,
  headerBytes,
  lengthOffset,
  probe,
  streamType,
  typeOffset,
} from './wire/constants.js';
import { checkMagic, readUint32, startsWithMagic } from './wire/header.js';
import { maxAllocationRatio, PayloadBuffer } from './wire/payload-buffer.js';

/** Who is warned, and who has memory. */
type DecoderOutput = Pick<SessionHost<OutboundMessage>, 'warn' | 'allocate'>;

/** Frames of bytes with a wrong checksum that are no messages. */
export interface GreetingDetector {
  /** So many bytes the next may have, whatever a message may. */
  readonly maxBytes: number;
  /** Whether one is. Reading stops there, so that what follows can be read by somebody else. */
  detect(statedSum: number, sum: number, payload: Buffer): boolean;
}

/** When there are too many of them. */
const damagedMessages =
  'damaged messages than whole ones on this link, which is given up: does its program change bytes before they have left, or does what is in between?';

/** What the frames of a session are: their records are checked, so they have no checksums of their own. */
export interface SessionFrames {
  /** The largest payload of a type. */
  maxBytes(type: number): number;
  /** The message of a payload; undefined for what is passed over. */
  decode(type: number, payload: Buffer, endOffset: number): DecodedMessage | undefined;
}

const noGreetingDetector: GreetingDetector = { maxBytes: 0, detect: () => false };

export class Decoder {
  readonly #maxMessageBytes: number;
  readonly #output: DecoderOutput;
  readonly #detector: GreetingDetector;
  readonly #bad: BadFrames;
  readonly #chunk = new ChunkCursor();
  /** How many bytes have come in all. */
  #received = 0;
  /** A header that did not come in one chunk, and how much of it is there. */
  #header: Buffer | undefined;
  #headerFilled = 0;
  /** Whether a header was read whose payload was not; the next three are what it said. */
  #inPayload = false;
  #type = 0;
  #checksum = 0;
  #payloadBytes = 0;
  /** The payload, if it does not come in one chunk: put together in its own memory, or kept as it comes until that is believed. */
  #body: PayloadBuffer | undefined;
  #staged: ByteQueue | undefined;
  /** Whether no frame has come yet: only then a client's probe may. */
  #atStart: boolean;
  readonly #session: SessionFrames | undefined;
  /** Where the frame begins that is next, or has begun. */
  #offset = 0;

  /**
   * @param maxMessageBytes the largest payload; a header that states more is refused before anything is kept for it
   * @param output is warned of each message that was dropped because its checksum was wrong
   * @param session for the frames of a session, which begin at `offset`
   */
  constructor(
    maxMessageBytes: number,
    output: DecoderOutput,
    greetings: GreetingDetector = noGreetingDetector,
    session?: SessionFrames,
    offset = 0,
  ) {
    this.#maxMessageBytes = maxMessageBytes;
    this.#session = session;
    this.#offset = offset;
    this.#atStart = session === undefined;
    this.#output = output;
    this.#detector = greetings;
    this.#bad = new BadFrames(output, damagedMessages);
  }

  /** Takes bytes in, which must not change until `keep`. */
  push(bytes: Buffer): void {
    this.#received += bytes.length;
    this.#chunk.borrow(bytes);
  }

  /** The bytes go back: what of them was not read is copied. */
  retainUnread(): void {
    this.#chunk.detach();
  }

  /**
   * The next message, or undefined until more bytes come.
   * @throws `ERR_SERPY_PROTOCOL` wrong magic, unknown type, bytes that are none of their type, too many damaged messages; `ERR_SERPY_TOO_LARGE`
   */
  read(): DecodedMessage | undefined {
    try {
      const message = this.#next();
      if (message !== undefined) this.#bad.countGood();
      return message;
    } finally {
      this.#bad.report();
    }
  }

  /** The next message of a session. Throws as `read` does. */
  readSession({ decode }: SessionFrames): DecodedMessage | undefined {
    for (;;) {
      if (!this.#inPayload && !this.#readHeader()) return undefined;
      const payload = this.#isWhole() ? this.#takeWhole() : this.#readBody()?.bytes;
      if (payload === undefined) return undefined;
      this.#inPayload = false;
      this.#body = undefined;
      this.#offset += headerBytes + this.#payloadBytes;
      const message = decode(this.#type, payload, this.#offset);
      if (message !== undefined) return message;
    }
  }

  #next(): DecodedMessage | undefined {
    for (;;) {
      if (!this.#inPayload && !this.#readHeader()) return undefined;
      if (this.#isWhole()) {
        const sum = this.#chunk.sum(this.#payloadBytes);
        this.#inPayload = false;
        if (sum === this.#checksum) {
          this.#checkSize();
          return decodeValue(this.#type, this.#takeWhole());
        }
        if (this.#isGreeting(sum, this.#chunk.take(this.#payloadBytes))) return undefined;
        this.#warnOf(sum);
      } else {
        const body = this.#readBody();
        if (body === undefined) return undefined;
        this.#inPayload = false;
        this.#body = undefined;
        if (body.sum === this.#checksum) {
          this.#checkSize();
          return decodeValue(this.#type, body.bytes);
        }
        if (this.#isGreeting(body.sum, body.bytes)) return undefined;
        this.#warnOf(body.sum);
      }
    }
  }

  /** Where the frame begins that is next, or has begun. */
  get offset(): number {
    return this.#offset;
  }

  /** How large the payload is of the message that has begun; undefined while that is not known. */
  get payloadBytes(): number | undefined {
    return this.#inPayload ? this.#payloadBytes : undefined;
  }

  /** How much of it is there. */
  get filledBytes(): number {
    return this.#body?.filled ?? this.#staged?.length ?? 0;
  }

  /** Whether bytes are there that were not read. */
  get hasRest(): boolean {
    return this.#chunk.remaining > 0;
  }

  /** Where the next bytes of a message may be put that has begun; undefined where they must be pushed. */
  place(count: number): Buffer | undefined {
    return this.#inPayload && !this.hasRest ? this.#body?.place(count) : undefined;
  }

  /** Where the next bytes may be read to that come. */
  target(leastBytes: number): Buffer | undefined {
    return this.#inPayload && !this.hasRest ? this.#body?.target(leastBytes) : undefined;
  }

  /** They are there. @returns whether the message is whole */
  filled(count: number): boolean {
    this.#received += count;
    this.#body?.placed(count);
    return this.#body?.complete === true;
  }

  /** They are there. */
  placed(count: number): void {
    this.#body?.placed(count);
  }

  /** Forgets the message that has begun: the next begins at this offset. */
  discard(offset: number): void {
    this.#inPayload = false;
    this.#headerFilled = 0;
    this.#body = undefined;
    this.#staged = undefined;
    this.#offset = offset;
  }

  /** Whether a message has begun and is not whole. */
  get midFrame(): boolean {
    return this.#inPayload || this.#headerFilled > 0;
  }

  /** Memory that is held for it. */
  get partialBytes(): number {
    return this.#body?.bytes.length ?? this.#staged?.length ?? 0;
  }

  /** All that was not read, still lent. */
  drain(): Buffer {
    return this.#chunk.take(this.#chunk.remaining);
  }

  /** A greeting came where it means nothing: it is dropped like anything that arrived damaged. */
  warnOfGreeting(payload: Buffer): void {
    this.#payloadBytes = payload.length;
    this.#warnOf(checksum(payload));
  }

  /** What the end of the stream leaves unfinished. */
  ended(): SerpyError | undefined {
    const { remaining } = this.#chunk;
    if (this.#inPayload) {
      const there = remaining + (this.#body?.filled ?? this.#staged?.length ?? 0);
      return new TruncatedError(
        `the stream ended in the middle of a message: ${there} of ${this.#payloadBytes} bytes had come`,
      );
    }
    const there = remaining + this.#headerFilled;
    if (there === 0) return undefined;
    return new TruncatedError(`the stream ended in the middle of a header: ${there} of ${headerBytes} bytes had come`);
  }

  #readHeader(): boolean {
    const chunk = this.#chunk;
    if (this.#headerFilled > 0 || chunk.remaining < headerBytes) return chunk.remaining > 0 && this.#joinHeader();
    const { bytes, at } = chunk;
    chunk.at = at + headerBytes;
    return this.#parseHeader(bytes, at);
  }

  /** Gathers a header that came in parts. A wrong one is noticed at its first wrong byte. */
  #joinHeader(): boolean {
    this.#header ??= Buffer.allocUnsafe(headerBytes);
    const { bytes, at } = this.#chunk;
    const count = bytes.copy(this.#header, this.#headerFilled, at);
    this.#chunk.at = at + count;
    this.#headerFilled += count;
    if (this.#headerFilled < headerBytes) {
      const start = this.#header.subarray(0, this.#headerFilled);
      if (!this.#atStart || !sharesPrefix(start, probe)) checkMagic(start);
      return false;
    }
    this.#headerFilled = 0;
    return this.#parseHeader(this.#header, 0);
  }

  #parseHeader(from: Buffer, at: number): boolean {
    if (!startsWithMagic(from, at)) {
      if (!this.#atStart || from.compare(probe, 0, probe.length, at, at + probe.length) !== 0) {
        const more = this.#chunk.rest().subarray(0, sniffBytes - headerBytes);
        checkMagic(Buffer.concat([from.subarray(at, at + headerBytes), more]));
      }
      this.#atStart = false;
      return this.#readHeader();
    }
    this.#atStart = false;
    this.#type = from[at + typeOffset] as number;
    this.#checksum = readUint32(from, at + checksumOffset);
    this.#payloadBytes = readUint32(from, at + lengthOffset);
    const maybeGreeting = this.#type === frameType.bytes && this.#payloadBytes <= this.#detector.maxBytes;
    if (!maybeGreeting) this.#checkSize();
    this.#inPayload = true;
    return true;
  }

  #checkSize(): void {
    const most = this.#session?.maxBytes(this.#type) ?? this.#maxMessageBytes;
    if (this.#payloadBytes <= most) return;
    throw new MessageTooLargeError('the message that the peer sends', this.#payloadBytes, most);
  }

  #isGreeting(sum: number, payload: Buffer): boolean {
    if (this.#type === frameType.bytes && this.#detector.detect(this.#checksum, sum, payload)) return true;
    this.#checkSize();
    return false;
  }

  /** Whether the payload is there, in one chunk, as those of nearly all small messages are. */
  #isWhole(): boolean {
    return this.#payloadBytes <= this.#chunk.remaining && this.#body === undefined && this.#staged === undefined;
  }

  /** The payload that is whole: a view, or where it is delivered as it is, a copy. */
  #takeWhole(): Buffer {
    const count = this.#payloadBytes;
    if (this.#type !== frameType.bytes && this.#type !== streamType) return this.#chunk.take(count);
    if (count < exactFromBytes) return this.#chunk.takeOwn(count);
    const payload = this.#output.allocate(count);
    payload.set(this.#chunk.take(count));
    return payload;
  }

  /** Goes on with a payload that comes in several chunks. */
  #readBody(): PayloadBuffer | undefined {
    const rest = this.#chunk.rest();
    if (this.#body === undefined) {
      if (this.#payloadBytes > this.#received * maxAllocationRatio) {
        this.#staged ??= new ByteQueue();
        this.#staged.pushCopy(rest);
        this.#chunk.at += rest.length;
        return undefined;
      }
      this.#body = new PayloadBuffer(this.#output.allocate(this.#payloadBytes), this.#session === undefined);
      for (const chunk of this.#staged?.takeChunks() ?? []) this.#body.add(chunk);
      this.#staged = undefined;
    }
    this.#chunk.at += this.#body.add(rest);
    return this.#body.complete ? this.#body : undefined;
  }

  #warnOf(sum: number): void {
    const [bytes, stated] = [this.#payloadBytes, this.#checksum];
    this.#bad.add((more) => {
      const text = `a message of ${bytes} bytes arrived damaged and was dropped: its checksum is ${sum}, not ${stated}`;
      return new ChecksumError(`${text}${more}`);
    });
  }
}

function sharesPrefix(start: Buffer, pattern: Buffer): boolean {
  return start.compare(pattern, 0, start.length) === 0;
}
