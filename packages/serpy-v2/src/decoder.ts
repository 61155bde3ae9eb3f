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
import { checksum } from './checksum.js';
import { checkMagic, startsWithMagic } from './header.js';
import { decodeValue, type Message } from './values.js';
import { checksumOffset, headerBytes, lengthOffset, probe, typeOffset } from './wire.js';

/** A message and its payload's size. */
export interface DecodedMessage {
  readonly message: Message;
  readonly sizeBytes: number;
}

/** A payload from this size on is put together as it comes in: summed up while it is warm in the cache, and copied once. */
const bigPayloadBytes = 64 * 1024;

/** How much of a big payload must be there before memory is set aside for it: no header is believed for more than four times of what came. */
const believedShare = 1 / 4;

/** A big payload that is coming in. */
class Body {
  readonly bytes: Buffer;
  filled = 0;
  sum = 0;

  constructor(sizeBytes: number) {
    this.bytes = Buffer.allocUnsafeSlow(sizeBytes);
  }

  get complete(): boolean {
    return this.filled === this.bytes.length;
  }

  /** Takes as much of a chunk as belongs to it, and tells how much that was. */
  add(chunk: Buffer): number {
    const missing = this.bytes.length - this.filled;
    const part = chunk.length <= missing ? chunk : chunk.subarray(0, missing);
    this.sum = checksum(part, this.sum);
    this.bytes.set(part, this.filled);
    this.filled += part.length;
    return part.length;
  }
}

export class Decoder {
  readonly #maxMessageBytes: number;
  readonly #warn: (error: SerpyError) => void;
  readonly #bytes = new ByteQueue();
  /** Whether a header was read whose payload was not; the next three are what it said. */
  #inPayload = false;
  #type = 0;
  #checksum = 0;
  #payloadBytes = 0;
  /** The payload, if it is a big one that is coming in. */
  #body: Body | undefined;
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

  push(chunk: Buffer): void {
    const used = this.#body?.add(chunk) ?? 0;
    if (used < chunk.length) this.#bytes.push(used === 0 ? chunk : chunk.subarray(used));
  }

  /**
   * The next message, or undefined until more bytes come.
   * @throws `ERR_SERPY_PROTOCOL` wrong magic, unknown type, bytes that are none of their type; `ERR_SERPY_TOO_LARGE`
   */
  read(): DecodedMessage | undefined {
    for (;;) {
      if (!this.#inPayload && !this.#readHeader()) return undefined;
      const payload = this.#readPayload();
      if (payload === undefined) return undefined;
      const sum = this.#body?.sum ?? checksum(payload);
      this.#inPayload = false;
      this.#body = undefined;
      if (sum === this.#checksum) return { message: decodeValue(this.#type, payload), sizeBytes: payload.length };
      this.#warn(
        new ChecksumError(
          `a message of ${payload.length} bytes arrived damaged and was dropped: its checksum is ${sum}, not ${this.#checksum}`,
        ),
      );
    }
  }

  /** What the end of the stream leaves unfinished. */
  ended(): SerpyError | undefined {
    const there = this.#body?.filled ?? this.#bytes.length;
    if (this.#inPayload) {
      return new TruncatedError(
        `the stream ended in the middle of a message: ${there} of ${this.#payloadBytes} bytes had come`,
      );
    }
    if (there === 0) return undefined;
    return new TruncatedError(`the stream ended in the middle of a header: ${there} of ${headerBytes} bytes had come`);
  }

  #readHeader(): boolean {
    if (this.#fresh && !this.#skipProbe()) return false;
    const bytes = this.#bytes;
    if (bytes.length < headerBytes) {
      if (bytes.length > 0) checkMagic(bytes.peek(strangerBytes));
      return false;
    }
    this.#fresh = false;
    if (!startsWithMagic(bytes)) checkMagic(bytes.peek(strangerBytes));
    this.#type = bytes.at(typeOffset);
    this.#checksum = bytes.uint32LE(checksumOffset);
    this.#payloadBytes = bytes.uint32LE(lengthOffset);
    if (this.#payloadBytes > this.#maxMessageBytes) {
      throw new MessageTooLargeError('the message that the peer sends', this.#payloadBytes, this.#maxMessageBytes);
    }
    bytes.skip(headerBytes);
    this.#inPayload = true;
    return true;
  }

  #readPayload(): Buffer | undefined {
    if (this.#body) return this.#body.complete ? this.#body.bytes : undefined;
    if (this.#bytes.length >= this.#payloadBytes) return this.#bytes.take(this.#payloadBytes);
    if (this.#payloadBytes >= bigPayloadBytes && this.#bytes.length >= this.#payloadBytes * believedShare) {
      this.#body = new Body(this.#payloadBytes);
      for (const chunk of this.#bytes.takeChunks()) this.#body.add(chunk);
    }
    return undefined;
  }

  /** Skips a probe at the very start; false while what is there may still become one. */
  #skipProbe(): boolean {
    const start = this.#bytes.peek(probe.length);
    if (start.compare(probe, 0, start.length) !== 0) return true;
    if (start.length < probe.length) return start.length === 0;
    this.#bytes.skip(probe.length);
    this.#fresh = false;
    return true;
  }
}
