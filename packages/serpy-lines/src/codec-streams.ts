/** Lines on any stream of bytes: a decoder and an encoder for serial ports, files and pipes. */
import {
  decoderStream,
  detachedHost,
  encoderStream,
  type MessageDecoder,
  type PartialOptions,
  parseOptions,
  type ValueEncoder,
} from 'serpy-core';
import { LinesSession, type SessionOptions } from './lines-session.js';
import { linesConnectionOptions } from './options.js';
import { type Lines, linesProtocol, type Message } from './protocol.js';

/** The options `terminator`, `encoding` and `maxMessageBytes`. */
export type CodecOptions = PartialOptions<SessionOptions>;

const { terminator, encoding, maxMessageBytes } = linesConnectionOptions;
const codecOptions = { terminator, encoding, maxMessageBytes };

/**
 * A `Transform` from bytes to messages, as `getMessage` returns them: `port.pipe(createDecoderStream())`. It emits `warning` for a line with bytes
 * that `encoding` lacks.
 * @throws `ERR_SERPY_OPTION`. It fails with `ERR_SERPY_TOO_LARGE`, `ERR_SERPY_PROTOCOL`, and `ERR_SERPY_TRUNCATED` at an end within a line
 */
export function createDecoderStream(options: CodecOptions = {}): MessageDecoder<Message> {
  const protocol = linesProtocol(parseOptions<SessionOptions>(codecOptions, options));
  return decoderStream<Lines>(protocol, (stream) => ({ warn: (error) => void stream.emit('warning', error) }));
}

/**
 * A `Transform` from text to bytes.
 * @throws `ERR_SERPY_OPTION`. It fails with what `sendData` throws for a value that cannot be sent
 */
export function createEncoderStream(options: CodecOptions = {}): ValueEncoder<string> {
  const session = new LinesSession(parseOptions<SessionOptions>(codecOptions, options), detachedHost({}));
  return encoderStream((text) => [session.encode(text, {}).bytes]);
}
