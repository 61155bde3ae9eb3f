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
import { checkMagic, type Header, readHeader } from './header.js';
import { decodeValue, type Message } from './values.js';
import { headerBytes, magic, probe } from './wire.js';

/** A message and its payload's size. */
export interface DecodedMessage {
  readonly message: Message;
  readonly sizeBytes: number;
}

export class Decoder {
  readonly #maxMessageBytes: number;
  readonly #warn: (error: SerpyError) => void;
  readonly #bytes = new ByteQueue();
  #header: Header | undefined;
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
    this.#bytes.push(chunk);
  }

  /**
   * The next message, or undefined until more bytes come.
   * @throws `ERR_SERPY_PROTOCOL` wrong magic, unknown type, bytes that are none of their type; `ERR_SERPY_TOO_LARGE`
   */
  read(): DecodedMessage | undefined {
    for (;;) {
      const header = this.#header ?? this.#readHeader();
      if (header === undefined || this.#bytes.length < header.payloadBytes) return undefined;
      this.#header = undefined;
      const payload = this.#bytes.take(header.payloadBytes);
      const sum = checksum(payload);
      if (sum === header.checksum) return { message: decodeValue(header.type, payload), sizeBytes: payload.length };
      this.#warn(
        new ChecksumError(
          `a message of ${payload.length} bytes arrived damaged and was dropped: its checksum is ${sum}, not ${header.checksum}`,
        ),
      );
    }
  }

  /** What the end of the stream leaves unfinished. */
  ended(): SerpyError | undefined {
    const there = this.#bytes.length;
    if (this.#header) {
      const { payloadBytes } = this.#header;
      return new TruncatedError(
        `the stream ended in the middle of a message: ${there} of ${payloadBytes} bytes had come`,
      );
    }
    if (there === 0) return undefined;
    return new TruncatedError(`the stream ended in the middle of a header: ${there} of ${headerBytes} bytes had come`);
  }

  #readHeader(): Header | undefined {
    if (this.#fresh && !this.#skipProbe()) return undefined;
    const there = this.#bytes.length;
    if (there < headerBytes) {
      if (there > 0) checkMagic(this.#bytes.peek(strangerBytes));
      return undefined;
    }
    this.#fresh = false;
    if (this.#bytes.at(0) !== magic[0]) checkMagic(this.#bytes.peek(strangerBytes)); // has more to tell who it is
    const bytes = this.#bytes.take(headerBytes);
    checkMagic(bytes);
    const header = readHeader(bytes);
    if (header.payloadBytes > this.#maxMessageBytes) {
      throw new MessageTooLargeError('the message that the peer sends', header.payloadBytes, this.#maxMessageBytes);
    }
    this.#header = header;
    return header;
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
