/** v2 on any byte stream: a decoder and an encoder for serial ports, files and pipes. There is no session, because no peer answers a handshake. */
import {
  connectionOptions,
  decoderStream,
  detachedHost,
  encoderStream,
  type MessageDecoder,
  type PartialOptions,
  parseOptions,
  type ValueEncoder,
} from 'serpy-core';
import { type V2, v2Protocol } from './protocol.js';
import { V2Session } from './v2-session.js';
import type { Message, Value } from './values/values.js';

/** The options of a decoder and an encoder, complete. */
export interface CodecSettings {
  /** Default 64 MiB. The largest message. */
  readonly maxMessageBytes: number;
}

export type CodecOptions = PartialOptions<CodecSettings>;

const codecOptions = { maxMessageBytes: connectionOptions.maxMessageBytes };

/**
 * A `Transform` from bytes to messages, as `getMessage` returns them: `port.pipe(createDecoderStream())`. A message whose checksum is wrong is
 * dropped, and the stream emits `warning`.
 * @throws `ERR_SERPY_OPTION`. It fails with `ERR_SERPY_PROTOCOL`, `ERR_SERPY_TOO_LARGE`, and `ERR_SERPY_TRUNCATED` if the input ends within a message
 */
export function createDecoderStream(options: CodecOptions = {}): MessageDecoder<Message> {
  const protocol = v2Protocol(parseOptions<CodecSettings>(codecOptions, options));
  return decoderStream<V2>(protocol, (stream) => ({ warn: (error) => void stream.emit('warning', error) }));
}

/**
 * A `Transform` from values, as `sendData` accepts them, to bytes. Large bytes are not copied.
 * @throws `ERR_SERPY_OPTION`. It fails with what `sendData` throws for a value that cannot be sent
 */
export function createEncoderStream(options: CodecOptions = {}): ValueEncoder<Value> {
  const settings = parseOptions<CodecSettings>(codecOptions, options);
  let pieces: Uint8Array[] = [];
  const output = detachedHost({
    write: (piece) => void pieces.push(piece),
    reserve(bytes) {
      const memory = Buffer.allocUnsafe(bytes);
      pieces.push(memory);
      return { buffer: memory, offset: 0 };
    },
  });
  const session = new V2Session(settings, output);
  return encoderStream((value) => {
    pieces = [];
    session.send(session.encode(value));
    return pieces;
  });
}
