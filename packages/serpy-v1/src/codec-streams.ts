/** v1 on any stream of bytes: a decoder and an encoder for serial ports, files and pipes. */
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

/** What an encoder goes by. */
export interface EncoderOptions {
  /** How text becomes bytes. Default `'ascii'`. */
  readonly encoding?: EncodingSetting['encoding'] | undefined;
  /** The largest message. Default 64 MiB. */
  readonly maxMessageBytes?: number | undefined;
  /** As in `sendData`. Default 0. */
  readonly mode?: Mode | undefined;
}

/** What a decoder goes by. */
export interface DecoderOptions extends Omit<EncoderOptions, 'mode'> {
  /**
   * Called with the bytes that v1 answers (`ACKMODCG`, `ACKEOT`): write them to the peer if it waits for them, as Python's serpy does
   * before it sends in another mode. Default: nobody is answered.
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
  answer: spec('a function to which the bytes of answers are given', isAnswer),
};
const encoderOptions = { ...codecOptions, mode: spec('a number from 0 to 5', isMode) };

/**
 * A `Transform` from bytes to messages, as `getMessage` gives them: `port.pipe(createDecoderStream({ answer: (bytes) => port.write(bytes) }))`.
 * @throws `ERR_SERPY_OPTION`. It fails with `ERR_SERPY_PROTOCOL`, `ERR_SERPY_TOO_LARGE`, and `ERR_SERPY_TRUNCATED` at an end in the middle of a block
 */
export function createDecoderStream(options: DecoderOptions = {}): MessageDecoder<Message> {
  const { answer, ...settings } = parseOptions<CodecSettings & Pick<DecoderOptions, 'answer'>>(decoderOptions, options);
  // Warnings would be of answers to what somebody else has asked on the same line.
  return decoderStream<V1>(v1Protocol(settings), () => (answer ? { write: answer } : {}));
}

/**
 * A `Transform` from values, as `sendData` takes them, to bytes. It waits for no answers; changes of mode go before the messages that need
 * them.
 * @throws `ERR_SERPY_OPTION`. It fails with what `sendData` throws for a value that cannot be sent
 */
export function createEncoderStream(options: EncoderOptions = {}): ValueEncoder<Value> {
  const settings = parseOptions<CodecSettings & Pick<EncoderOptions, 'mode'>>(encoderOptions, options);
  const session = new V1Session(settings, detachedHost({}));
  let modeOfLine: Mode = 0;
  return encoderStream((value) => {
    const block = session.encode(value, { mode: settings.mode });
    const pieces: Buffer[] = [];
    if (block.mode !== modeOfLine) pieces.push(setModeBlocks[block.mode] as Buffer);
    modeOfLine = block.mode;
    pieces.push(typeof block.body === 'string' ? Buffer.from(block.body, 'latin1') : block.body);
    if (!block.hasSuffix) pieces.push(suffixOf(block.mode));
    return pieces;
  });
}
