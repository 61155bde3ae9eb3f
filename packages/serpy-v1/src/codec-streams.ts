/** A decoder and an encoder for v1 over any stream of bytes: serial ports, files, pipes. */
import {
  decoderStream,
  detachedHost,
  encoderStream,
  type MessageDecoder,
  OptionError,
  type OptionSpec,
  type OptionSpecs,
  parseOptions,
  type ValueEncoder,
} from 'serpy-core';
import { type EncodingSetting, v1ConnectionOptions } from './options.js';
import { type V1, v1Protocol } from './protocol.js';
import { V1Session } from './v1-session.js';
import type { Message } from './values/messages.js';
import type { Value } from './values/values.js';
import { suffixOf } from './wire/block.js';
import { isMode, type Mode, setModeBlocks } from './wire/constants.js';

/** The options of an encoder. */
export interface EncoderOptions {
  /** The encoding of text. Default `'ascii'`. */
  readonly encoding?: EncodingSetting['encoding'] | undefined;
  /** The largest message in bytes. Default 64 MiB. */
  readonly maxMessageBytes?: number | undefined;
  /** As in `sendData`. Default 0. */
  readonly mode?: Mode | undefined;
}

/** The options of a decoder. */
export interface DecoderOptions extends Omit<EncoderOptions, 'mode'> {
  /**
   * Called with the bytes that v1 answers (`ACKMODCG`, `ACKEOT!!`). Write them to the peer if it waits for them, as Python's serpy does
   * before it sends in another mode. By default the decoder does not answer.
   */
  readonly answer?: ((bytes: Uint8Array) => void) | undefined;
}

interface CodecSettings extends EncodingSetting {
  readonly maxMessageBytes: number;
}

const { encoding, maxMessageBytes } = v1ConnectionOptions;
const codecOptions: OptionSpecs<CodecSettings> = { encoding, maxMessageBytes };

function spec<T>(takes: string, is: (value: unknown) => value is T): OptionSpec<T> {
  return {
    takes,
    default: undefined,
    optional: true,
    parse(value, path) {
      if (is(value)) return value;
      throw new OptionError(`the option ${path} takes ${takes}, not ${String(value)}`);
    },
  };
}

const isAnswer = (value: unknown): value is (bytes: Uint8Array) => void => typeof value === 'function';

const decoderOptions = {
  ...codecOptions,
  answer: spec('a function that accepts the bytes of answers', isAnswer),
};
const encoderOptions = { ...codecOptions, mode: spec('a number from 0 to 5', isMode) };

/**
 * A `Transform` from bytes to messages like those of `getMessage`: `port.pipe(createDecoderStream({ answer: (bytes) => port.write(bytes) }))`.
 * @throws `ERR_SERPY_OPTION`. The stream fails with `ERR_SERPY_PROTOCOL`, `ERR_SERPY_TOO_LARGE`, or `ERR_SERPY_TRUNCATED` if the bytes end within a block
 */
export function createDecoderStream(options: DecoderOptions = {}): MessageDecoder<Message> {
  const { answer, ...settings } = parseOptions<CodecSettings & Pick<DecoderOptions, 'answer'>>(decoderOptions, options);
  // No warnings: an answer that this end did not request may belong to another sender on the same line.
  return decoderStream<V1>(v1Protocol(settings), () => (answer ? { write: answer } : {}));
}

/**
 * A `Transform` from values like those of `sendData` to bytes. It does not wait for answers. It writes a mode change before a message that
 * needs one.
 * @throws `ERR_SERPY_OPTION`. The stream fails with the errors of `sendData` for a value that cannot be sent
 */
export function createEncoderStream(options: EncoderOptions = {}): ValueEncoder<Value> {
  const settings = parseOptions<CodecSettings & Pick<EncoderOptions, 'mode'>>(encoderOptions, options);
  const session = new V1Session(settings, detachedHost({}));
  let modeOfLine: Mode = 0;
  return encoderStream((value) => {
    const block = session.encode(value, { mode: settings.mode });
    const buffers: Buffer[] = [];
    if (block.mode !== modeOfLine) buffers.push(setModeBlocks[block.mode] as Buffer);
    modeOfLine = block.mode;
    buffers.push(typeof block.body === 'string' ? Buffer.from(block.body, 'latin1') : block.body);
    if (!block.hasSuffix) buffers.push(suffixOf(block.mode));
    return buffers;
  });
}
