/**
 * Bytes in, messages out. One stream, one decoder: after `read` has thrown, framing is lost and the decoder is done with.
 */
import {
  ByteQueue,
  ChecksumError,
  MessageTooLargeError,
  type SerpyError,
  strangerBytes,
  TruncatedError,
} from 'serpy-core';
import { Body, ownMemoryBytes } from './body.js';
import { checksumOf } from './checksum.js';
import { checkMagic, readUint32, startsWithMagic } from './header.js';
import { type DecodedMessage, decodeValue } from './values.js';
import { checksumOffset, frameType, headerBytes, lengthOffset, probe, typeOffset } from './wire.js';

/** So many times what has come in all may be set aside for what a header says is coming. */
const believedTimes = 4;

const nothing = Buffer.alloc(0);

export class Decoder {
  readonly #maxMessageBytes: number;
  readonly #warn: (error: SerpyError) => void;
  /** What is being read, and how far. */
  #chunk: Buffer = nothing;
  #at = 0;
  /** Whether the chunk's memory is only lent. */
  #lent = false;
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
  #body: Body | undefined;
  #unbelieved: ByteQueue | undefined;
  /** Whether no frame has come yet: only then a client's probe may. */
  #fresh = true;

  /**
   * @param maxMessageBytes the largest payload; a header that states more is refused before anything is kept for it
   * @param warn told of each message that was dropped because its checksum was wrong
   */
  constructor(maxMessageBytes: number, warn: (error: SerpyError) => void) {
    this.#maxMessageBytes = maxMessageBytes;
    this.#warn = warn;
  }

  /** Takes bytes in, which must not change until `keep`. */
  push(chunk: Buffer): void {
    this.#received += chunk.length;
    const left = this.#chunk.length - this.#at;
    this.#chunk = left === 0 ? chunk : Buffer.concat([this.#chunk.subarray(this.#at), chunk]);
    this.#lent = left === 0;
    this.#at = 0;
  }

  /** The chunk goes back: what of it was not read is copied. */
  keep(): void {
    if (this.#lent) this.#own();
  }

  /**
   * The next message, or undefined until more bytes come.
   * @throws `ERR_SERPY_PROTOCOL` wrong magic, unknown type, bytes that are none of their type; `ERR_SERPY_TOO_LARGE`
   */
  read(): DecodedMessage | undefined {
    for (;;) {
      if (!this.#inPayload && !this.#readHeader()) return undefined;
      const sizeBytes = this.#payloadBytes;
      const start = this.#at;
      if (this.#body === undefined && this.#unbelieved === undefined && start + sizeBytes <= this.#chunk.length) {
        // Whole and in one chunk, as nearly all small messages are.
        const sum = checksumOf(this.#chunk, start, start + sizeBytes);
        this.#inPayload = false;
        if (sum === this.#checksum) return decodeValue(this.#type, this.#takeWhole(sizeBytes));
        this.#at = start + sizeBytes;
        this.#warnOf(sum);
      } else {
        const body = this.#readBody();
        if (body === undefined) return undefined;
        this.#inPayload = false;
        this.#body = undefined;
        if (body.sum === this.#checksum) return decodeValue(this.#type, body.bytes);
        this.#warnOf(body.sum);
      }
    }
  }

  /** What the end of the stream leaves unfinished. */
  ended(): SerpyError | undefined {
    const left = this.#chunk.length - this.#at;
    if (this.#inPayload) {
      const there = left + (this.#body?.filled ?? this.#unbelieved?.length ?? 0);
      return new TruncatedError(
        `the stream ended in the middle of a message: ${there} of ${this.#payloadBytes} bytes had come`,
      );
    }
    const there = left + this.#headerFilled;
    if (there === 0) return undefined;
    return new TruncatedError(`the stream ended in the middle of a header: ${there} of ${headerBytes} bytes had come`);
  }

  #readHeader(): boolean {
    const at = this.#at;
    const chunk = this.#chunk;
    if (this.#headerFilled > 0 || at + headerBytes > chunk.length) return at < chunk.length && this.#joinHeader();
    this.#at = at + headerBytes;
    return this.#parseHeader(chunk, at);
  }

  /** Gathers a header that came in parts. A wrong one is noticed at its first wrong byte. */
  #joinHeader(): boolean {
    this.#header ??= Buffer.allocUnsafe(headerBytes);
    const end = Math.min(this.#chunk.length, this.#at + headerBytes - this.#headerFilled);
    this.#headerFilled += this.#chunk.copy(this.#header, this.#headerFilled, this.#at, end);
    this.#at = end;
    if (this.#headerFilled < headerBytes) {
      const start = this.#header.subarray(0, this.#headerFilled);
      if (!this.#fresh || !startsAlike(start, probe)) checkMagic(start);
      return false;
    }
    this.#headerFilled = 0;
    return this.#parseHeader(this.#header, 0);
  }

  #parseHeader(from: Buffer, at: number): boolean {
    if (!startsWithMagic(from, at)) {
      if (!this.#fresh || from.compare(probe, 0, probe.length, at, at + probe.length) !== 0) {
        const more = this.#chunk.subarray(this.#at, this.#at + strangerBytes - headerBytes);
        checkMagic(Buffer.concat([from.subarray(at, at + headerBytes), more]));
      }
      this.#fresh = false;
      return this.#readHeader();
    }
    this.#fresh = false;
    const payloadBytes = readUint32(from, at + lengthOffset);
    if (payloadBytes > this.#maxMessageBytes) {
      throw new MessageTooLargeError('the message that the peer sends', payloadBytes, this.#maxMessageBytes);
    }
    this.#type = from[at + typeOffset] as number;
    this.#checksum = readUint32(from, at + checksumOffset);
    this.#payloadBytes = payloadBytes;
    this.#inPayload = true;
    return true;
  }

  /** The next bytes, which are all there: a view, or where they are delivered as they are and are many, a copy. */
  #takeWhole(count: number): Buffer {
    const isDelivered = this.#type === frameType.bytes;
    if (this.#lent && isDelivered && count < ownMemoryBytes) this.#own();
    const start = this.#at;
    const end = start + count;
    this.#at = end;
    if (!isDelivered || count < ownMemoryBytes) return this.#chunk.subarray(start, end);
    const bytes = Buffer.allocUnsafeSlow(count);
    bytes.set(this.#chunk.subarray(start, end));
    return bytes;
  }

  /** Goes on with a payload that comes in several chunks. */
  #readBody(): Body | undefined {
    const rest = this.#chunk.subarray(this.#at);
    if (this.#body === undefined) {
      if (this.#payloadBytes > this.#received * believedTimes) {
        this.#unbelieved ??= new ByteQueue();
        this.#unbelieved.pushCopy(rest);
        this.#at = this.#chunk.length;
        return undefined;
      }
      this.#body = new Body(this.#payloadBytes);
      for (const chunk of this.#unbelieved?.takeChunks() ?? []) this.#body.add(chunk);
      this.#unbelieved = undefined;
    }
    this.#at += this.#body.add(rest);
    return this.#body.complete ? this.#body : undefined;
  }

  /** Copies what is left of a lent chunk: once for all the small messages in it. */
  #own(): void {
    this.#chunk = this.#at === this.#chunk.length ? nothing : Buffer.from(this.#chunk.subarray(this.#at));
    this.#at = 0;
    this.#lent = false;
  }

  #warnOf(sum: number): void {
    this.#warn(
      new ChecksumError(
        `a message of ${this.#payloadBytes} bytes arrived damaged and was dropped: its checksum is ${sum}, not ${this.#checksum}`,
      ),
    );
  }
}

function startsAlike(start: Buffer, pattern: Buffer): boolean {
  return start.compare(pattern, 0, start.length) === 0;
}
