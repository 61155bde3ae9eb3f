/** A v2 conversation: every message is one frame; there are no answers and nothing to remember. */
import { MessageTooLargeError, type Outgoing, type SerpyError, type Session, type SessionOutput } from 'serpy-core';
import { checksum } from './checksum.js';
import { Decoder } from './decoder.js';
import { writeHeader } from './header.js';
import { type DecodedMessage, encodeValue, type Value } from './values.js';
import { frameType, headerBytes } from './wire.js';

/** A payload below this is copied behind its header; above, header and payload stay two pieces. */
const copiedPayloadBytes = 4096;

/** A frame on its way out. */
export interface Frame extends Outgoing {
  /** A number of `frameType`. */
  readonly type: number;
  payload: Uint8Array;
  /** Of a big payload, which is not copied: if it changes before it has left, the peer notices. */
  readonly sum: number;
}

export interface SessionOptions {
  readonly maxMessageBytes: number;
}

export class V2Session implements Session<Value, object, DecodedMessage, Frame> {
  readonly #options: SessionOptions;
  readonly #output: SessionOutput<Frame>;
  #decoder: Decoder;

  constructor(options: SessionOptions, output: SessionOutput<Frame>) {
    this.#options = options;
    this.#output = output;
    this.#decoder = this.#newDecoder();
  }

  get canSend(): true {
    return true;
  }

  get deadlineMs(): undefined {
    return undefined;
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
      payload: bytes,
      sum: payloadBytes < copiedPayloadBytes ? 0 : checksum(bytes),
      sizeBytes: headerBytes + payloadBytes,
      acknowledged: false,
    };
  }

  /** A small payload may change as soon as `sendData` has returned. */
  hold(frame: Frame): void {
    if (frame.payload.length < copiedPayloadBytes) frame.payload = Buffer.from(frame.payload);
  }

  send({ type, payload, sum, sizeBytes }: Frame): void {
    if (payload.length < copiedPayloadBytes) {
      const { memory, start } = this.#output.reserve(sizeBytes);
      writeHeader(memory, start, type, checksum(payload), payload.length);
      memory.set(payload, start + headerBytes);
    } else {
      const { memory, start } = this.#output.reserve(headerBytes);
      writeHeader(memory, start, type, sum, payload.length);
      this.#output.write(payload);
    }
  }

  forget(): void {}

  up(): void {}

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
    return new Decoder(this.#options.maxMessageBytes, this.#output);
  }
}
