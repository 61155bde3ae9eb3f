/** A v2 conversation: every message is one frame; there are no answers and nothing to remember. */
import { MessageTooLargeError, type Outgoing, type SerpyError, type Session, type SessionOutput } from 'serpy-core';
import { checksum } from './checksum.js';
import { Decoder } from './decoder.js';
import { type Header, writeHeader } from './header.js';
import { type DecodedMessage, encodeValue, type Value } from './values.js';
import { frameType, headerBytes } from './wire.js';

/** A payload below this is copied behind its header; above, header and payload stay two pieces. */
const copiedPayloadBytes = 4096;

/** A frame on its way out. */
export interface Frame extends Outgoing, Header {
  payload: Uint8Array;
}

export interface SessionOptions {
  readonly maxMessageBytes: number;
}

export class V2Session implements Session<Value, object, DecodedMessage, Frame> {
  readonly canSend = true;
  readonly deadlineMs = undefined;
  readonly #options: SessionOptions;
  readonly #output: SessionOutput<Frame>;
  #decoder: Decoder;

  constructor(options: SessionOptions, output: SessionOutput<Frame>) {
    this.#options = options;
    this.#output = output;
    this.#decoder = this.#newDecoder();
  }

  /**
   * The frame of a value.
   * @throws `ERR_SERPY_VALUE`, `ERR_SERPY_INTEGER_RANGE`, `ERR_SERPY_TOO_LARGE`
   */
  encode(value: Value): Frame {
    const { type, bytes } = encodeValue(value);
    const payloadBytes = bytes.length;
    if (payloadBytes > this.#options.maxMessageBytes) {
      throw new MessageTooLargeError('the message', payloadBytes, this.#options.maxMessageBytes);
    }
    return {
      type: frameType[type],
      checksum: checksum(bytes),
      payloadBytes,
      payload: bytes,
      sizeBytes: headerBytes + payloadBytes,
      acknowledged: false,
    };
  }

  /** A small payload may change as soon as `sendData` has returned. */
  hold(frame: Frame): void {
    if (frame.payloadBytes < copiedPayloadBytes) frame.payload = Buffer.from(frame.payload);
  }

  send(frame: Frame): void {
    const isSmall = frame.payloadBytes < copiedPayloadBytes;
    const { memory, start } = this.#output.reserve(isSmall ? frame.sizeBytes : headerBytes);
    writeHeader(memory, start, frame);
    if (isSmall) memory.set(frame.payload, start + headerBytes);
    else this.#output.write(frame.payload);
  }

  forget(): void {}

  up(): void {
    this.#decoder = this.#newDecoder();
  }

  lost(): void {
    this.#decoder = this.#newDecoder();
  }

  receive(chunk: Buffer): void {
    this.#decoder.push(chunk);
  }

  keep(): void {
    this.#decoder.keep();
  }

  read(): DecodedMessage | undefined {
    return this.#decoder.read();
  }

  ended(): SerpyError | undefined {
    return this.#decoder.ended();
  }

  tick(): void {}

  #newDecoder(): Decoder {
    return new Decoder(this.#options.maxMessageBytes, (error) => this.#output.warn(error));
  }
}
