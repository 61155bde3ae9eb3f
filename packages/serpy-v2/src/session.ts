/** A v2 conversation: every message is one frame; there are no answers and nothing to remember. */
import {
  MessageTooLargeError,
  type Outgoing,
  type Received,
  type SerpyError,
  type Session,
  type SessionOutput,
} from 'serpy-core';
import { checksum } from './checksum.js';
import { type DecodedMessage, Decoder } from './decoder.js';
import { writeHeader } from './header.js';
import { encodeValue, type Value } from './values.js';
import { frameType, headerBytes } from './wire.js';

/** A payload below this is put behind its header at once, with one copy; above, header and payload stay two pieces. */
const copiedPayloadBytes = 4096;

/** A frame on its way out. */
export interface Frame extends Outgoing {
  /** The header, and a small payload with it. */
  readonly start: Buffer;
  /** A big payload. */
  readonly payload: Uint8Array | undefined;
}

export type ReceivedMessage = DecodedMessage & Received;

export interface SessionOptions {
  readonly maxMessageBytes: number;
}

export class V2Session implements Session<Value, object, ReceivedMessage, Frame> {
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
    const small = payloadBytes < copiedPayloadBytes;
    const start = Buffer.allocUnsafe(small ? headerBytes + payloadBytes : headerBytes);
    writeHeader(start, { type: frameType[type], checksum: checksum(bytes), payloadBytes });
    if (small) start.set(bytes, headerBytes);
    return { start, payload: small ? undefined : bytes, sizeBytes: headerBytes + payloadBytes, acknowledged: false };
  }

  send({ start, payload }: Frame): void {
    this.#output.write(start);
    if (payload) this.#output.write(payload);
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

  read(): ReceivedMessage | undefined {
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
