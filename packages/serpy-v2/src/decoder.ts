/**
 * Decodes the bytes of a stream into messages. Each stream has its own decoder. After `read` has thrown, the position of the frames is lost and
 * the decoder is not used again.
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
  wideZero,
} from 'serpy-core';
import { type DecodedMessage, decodeValue } from './values/values.js';
import { checksum } from './wire/checksum.js';
import { ChunkCursor } from './wire/chunk-cursor.js';
import {
  aboutType,
  checksumOffset,
  frameType,
  headerBytes,
  lengthOffset,
  probe,
  requestType,
  streamType,
  typeOffset,
} from './wire/constants.js';
import { checkMagic, readUint32, startsWithMagic } from './wire/header.js';
import { maxAllocationRatio, PayloadBuffer } from './wire/payload-buffer.js';

/** The recipient of warnings and the source of memory. */
type DecoderOutput = Pick<SessionHost<OutboundMessage>, 'warn' | 'allocate'>;

/** Detects HELLO and WELCOME: frames of type bytes with a wrong checksum. */
export interface GreetingDetector {
  /** Largest payload of the next handshake frame, which may exceed the limit of a message. */
  readonly maxBytes: number;
  /** Whether a frame is one. The decoder then stops, so that another reader can read the bytes that follow. */
  detect(statedSum: number, sum: number, payload: Buffer): boolean;
  /** The connection began with a probe, which is skipped. Optional. */
  probed?(): void;
}

/** End of the error for too many damaged messages. */
const damagedMessages =
  'damaged messages than valid ones, so the link is closed. Check that its program does not change bytes before they are sent, and that nothing in the network changes them';

/** Describes the frames of a session. They have no checksums, because their records are checked. */
export interface SessionFrames {
  /** The largest payload of a type. */
  maxBytes(type: number): number;
  /** The message of a payload; undefined if the frame is skipped. */
  decode(type: number, payload: Buffer, endOffset: number): DecodedMessage | undefined;
}

const noDetector: GreetingDetector = { maxBytes: 0, detect: () => false };

export class Decoder {
  readonly #maxMessageBytes: number;
  readonly #output: DecoderOutput;
  readonly #detector: GreetingDetector;
  /** Made for the first bad frame. */
  #bad: BadFrames | undefined;
  readonly #chunk = new ChunkCursor();
  /** Total number of received bytes. */
  #received = wideZero;
  /** A header that arrives in several chunks, and the number of its bytes received. */
  #header: Buffer | undefined;
  #headerFilled = 0;
  /** Whether a header was read and its payload was not. The next three are the fields of the header. */
  #inPayload = false;
  #type = 0;
  #checksum = wideZero;
  #payloadBytes = 0;
  /** A payload that arrives in several chunks: joined in its own memory, or staged until enough bytes have arrived to allocate it. */
  #body: PayloadBuffer | undefined;
  #staged: ByteQueue | undefined;
  /** Whether no frame was received yet: only then the probe of a client is skipped. */
  #atStart: boolean;
  readonly #session: SessionFrames | undefined;
  /** Start of the current or next frame. */
  #offset = wideZero;

  /**
   * @param maxMessageBytes the largest payload; a header with a larger length is rejected before memory is allocated
   * @param output receives a warning for each message that is dropped because of a wrong checksum
   * @param session describes the frames of a session, which begin at `offset`
   */
  constructor(
    maxMessageBytes: number,
    output: DecoderOutput,
    detector: GreetingDetector = noDetector,
    session?: SessionFrames,
    offset = 0,
  ) {
    this.#maxMessageBytes = maxMessageBytes;
    this.#session = session;
    this.#offset = offset;
    this.#atStart = session === undefined;
    this.#output = output;
    this.#detector = detector;
  }

  /** Adds bytes, which must not change until `retainUnread`. */
  push(bytes: Buffer, start = 0, end = bytes.length): void {
    this.#received += end - start;
    this.#chunk.borrow(bytes, start, end);
  }

  /** Copies the unread bytes: the owner of the memory reuses it. */
  retainUnread(): void {
    this.#chunk.detach();
  }

  /**
   * The next message; undefined if more bytes are needed.
   * @throws `ERR_SERPY_PROTOCOL` for wrong magic, an unknown type, bytes that are not valid for their type, or too many damaged messages;
   * `ERR_SERPY_TOO_LARGE`
   */
  read(): DecodedMessage | undefined {
    try {
      const message = this.#next();
      if (message !== undefined) this.#bad?.countGood();
      return message;
    } finally {
      this.#bad?.report();
    }
  }

  /** The next message of a session. Throws as `read` does. */
  readSession(): DecodedMessage | undefined {
    const { decode } = this.#session as SessionFrames;
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
        if (this.#isHandshakeFrame(sum, this.#chunk.take(this.#payloadBytes))) return undefined;
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
        if (this.#isHandshakeFrame(body.sum, body.bytes)) return undefined;
        this.#warnOf(body.sum);
      }
    }
  }

  /** Start of the current or next frame. */
  get offset(): number {
    return this.#offset;
  }

  /** Payload size of the message that has begun; undefined while it is not known. */
  get payloadBytes(): number | undefined {
    return this.#inPayload ? this.#payloadBytes : undefined;
  }

  /** Number of payload bytes that have arrived. */
  get filledBytes(): number {
    return this.#body?.filled ?? this.#staged?.length ?? 0;
  }

  /** Whether unread bytes remain. */
  get hasRest(): boolean {
    return this.#chunk.remaining > 0;
  }

  /** The destination of the next `count` bytes of the message that has begun; undefined if they must be pushed. */
  place(count: number): Buffer | undefined {
    return this.#inPayload && !this.hasRest ? this.#body?.place(count) : undefined;
  }

  /** The buffer that the transport may read the next bytes into. */
  target(leastBytes: number): Buffer | undefined {
    return this.#inPayload && !this.hasRest ? this.#body?.target(leastBytes) : undefined;
  }

  /** `count` bytes were read into `target`. @returns whether the message is complete */
  filled(count: number): boolean {
    this.#received += count;
    this.#body?.placed(count);
    return this.#body?.complete === true;
  }

  /** `count` bytes were written to the buffer of `place`. */
  placed(count: number): void {
    this.#body?.placed(count);
  }

  /** Discards the message that has begun. The next one begins at `offset`. */
  discard(offset: number): void {
    this.#inPayload = false;
    this.#headerFilled = 0;
    this.#body = undefined;
    this.#staged = undefined;
    this.#offset = offset;
  }

  /** Whether a message has begun and is not complete. */
  get midFrame(): boolean {
    return this.#inPayload || this.#headerFilled > 0;
  }

  /** Memory of the incomplete message. */
  get partialBytes(): number {
    return this.#body?.bytes.length ?? this.#staged?.length ?? 0;
  }

  /** Reads all remaining bytes, which stay borrowed. They count as received when they are pushed again. */
  drain(): Buffer {
    const { remaining } = this.#chunk;
    this.#received -= remaining;
    const rest = this.#chunk.take(remaining);
    this.#chunk.detach();
    return rest;
  }

  /** A HELLO or WELCOME arrived where none is expected: it is dropped like a damaged message. */
  warnOfGreeting(payload: Buffer): void {
    this.#payloadBytes = payload.length;
    this.#warnOf(checksum(payload));
  }

  /** The error for a message that the end of the stream cut; undefined if there is none. */
  ended(): SerpyError | undefined {
    const { remaining } = this.#chunk;
    if (this.#inPayload) {
      const arrivedBytes = remaining + (this.#body?.filled ?? this.#staged?.length ?? 0);
      return new TruncatedError(
        `the stream ended in the middle of a message: ${arrivedBytes} of ${this.#payloadBytes} bytes had arrived`,
      );
    }
    const arrivedBytes = remaining + this.#headerFilled;
    if (arrivedBytes === 0) return undefined;
    return new TruncatedError(
      `the stream ended in the middle of a header: ${arrivedBytes} of ${headerBytes} bytes had arrived`,
    );
  }

  #readHeader(): boolean {
    const chunk = this.#chunk;
    if (this.#headerFilled > 0 || chunk.remaining < headerBytes) return chunk.remaining > 0 && this.#joinHeader();
    const { bytes, at } = chunk;
    chunk.at = at + headerBytes;
    return this.#parseHeader(bytes, at);
  }

  /** Joins a header that arrives in parts. A wrong magic is detected at its first wrong byte. */
  #joinHeader(): boolean {
    this.#header ??= Buffer.allocUnsafe(headerBytes);
    const { bytes, at, end } = this.#chunk;
    const count = bytes.copy(this.#header, this.#headerFilled, at, end);
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
      this.#detector.probed?.();
      return this.#readHeader();
    }
    this.#atStart = false;
    this.#type = from[at + typeOffset] as number;
    this.#checksum = readUint32(from, at + checksumOffset);
    this.#payloadBytes = readUint32(from, at + lengthOffset);
    const mayBeHandshakeFrame = this.#type === frameType.bytes && this.#payloadBytes <= this.#detector.maxBytes;
    if (!mayBeHandshakeFrame) this.#checkSize();
    this.#inPayload = true;
    return true;
  }

  #checkSize(): void {
    const most = this.#session?.maxBytes(this.#type) ?? this.#maxMessageBytes;
    if (this.#payloadBytes <= most) return;
    throw new MessageTooLargeError('the message that the peer sends', this.#payloadBytes, most);
  }

  #isHandshakeFrame(sum: number, payload: Buffer): boolean {
    if (this.#type === frameType.bytes && this.#detector.detect(this.#checksum, sum, payload)) return true;
    this.#checkSize();
    return false;
  }

  /** Whether the payload is complete in one chunk, as for nearly all small messages. */
  #isWhole(): boolean {
    return this.#payloadBytes <= this.#chunk.remaining && this.#body === undefined && this.#staged === undefined;
  }

  /** The complete payload: a copy if it is delivered as bytes, otherwise a view. */
  #takeWhole(): Buffer {
    const count = this.#payloadBytes;
    if (!isKept(this.#type)) return this.#chunk.take(count);
    if (count < exactFromBytes) return this.#chunk.takeOwn(count);
    const payload = this.#output.allocate(count);
    payload.set(this.#chunk.take(count));
    return payload;
  }

  /** Reads more of a payload that arrives in several chunks. */
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
    this.#bad ??= new BadFrames(this.#output, damagedMessages);
    this.#bad.add((more) => {
      const text = `a message of ${bytes} bytes arrived damaged and was dropped: its checksum is ${sum}, not ${stated}`;
      return new ChecksumError(`${text}${more}`);
    });
  }
}

/** Whether what is delivered refers to the bytes of the payload. */
function isKept(type: number): boolean {
  return type === frameType.bytes || type === streamType || type === requestType || type === aboutType;
}

function sharesPrefix(start: Buffer, pattern: Buffer): boolean {
  return start.compare(pattern, 0, start.length) === 0;
}
