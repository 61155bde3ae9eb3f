/** Decodes and encodes a protocol on any stream of bytes, such as a serial port or a file, without a network. */
import { Transform } from 'node:stream';
import { allocateMessage } from '../buffers/message-buffer.js';
import type { OutboundMessage } from './message.js';
import type { Protocol, ProtocolTypes } from './protocol.js';
import type { SessionHost } from './session.js';

/** A `Transform` in object mode on its readable side: messages are read from it. */
export interface MessageDecoder<Message> extends Transform {
  read(size?: number): Message | null;
  [Symbol.asyncIterator](): NodeJS.AsyncIterator<Message>;
}

/** A `Transform` in object mode on its writable side: values are written to it. */
export interface ValueEncoder<Value> extends Transform {
  write(value: Value, callback?: (error: Error | null | undefined) => void): boolean;
  write(value: Value, encoding: BufferEncoding, callback?: (error: Error | null | undefined) => void): boolean;
}

/**
 * Decodes bytes into messages as `getMessage` returns them. Fails with the typed error of the protocol if the bytes are invalid or end within a
 * message.
 * @param output the members of the session's host that are wanted. It receives the stream, to emit events on it
 */
export function decoderStream<T extends ProtocolTypes>(
  protocol: Protocol<T>,
  output: (stream: Transform) => Partial<SessionHost<OutboundMessage>>,
): MessageDecoder<T['message']> {
  const stream = new Transform({
    readableObjectMode: true,
    readableHighWaterMark: 1, // a message may be large
    transform(chunk: Buffer, _encoding, callback) {
      try {
        session.receive(chunk, 0);
        for (let next = session.read(); next !== undefined; next = session.read()) this.push(protocol.message(next));
        session.retainUnread();
      } catch (error) {
        callback(error as Error);
        return;
      }
      callback();
    },
    flush(callback) {
      callback(session.ended());
    },
  });
  const session = protocol.createSession('server', detachedHost(output(stream)));
  session.linkUp(0);
  return stream as MessageDecoder<T['message']>;
}

/** The host of a session without a link: it discards everything, except for the members that are given. */
export function detachedHost(output: Partial<SessionHost<OutboundMessage>>): SessionHost<OutboundMessage> {
  return {
    write: noop,
    warn: noop,
    allocate: allocateMessage,
    reserve: (bytes) => ({ buffer: Buffer.allocUnsafe(bytes), offset: 0 }),
    acknowledged: noop,
    rejected: noop,
    progress: noop,
    randomBytes: (count) => Buffer.alloc(count),
    linkHolder: { takeOverLink: () => false, releaseLink: noop },
    ...output,
  };
}

/** Encodes values as bytes. Fails with the typed error of a value that cannot be encoded. */
export function encoderStream<Value>(encode: (value: Value) => Iterable<Uint8Array>): ValueEncoder<Value> {
  return new Transform({
    writableObjectMode: true,
    writableHighWaterMark: 1,
    transform(value: Value, _encoding, callback) {
      try {
        for (const piece of encode(value)) this.push(piece);
      } catch (error) {
        callback(error as Error);
        return;
      }
      callback();
    },
  }) as ValueEncoder<Value>;
}

function noop(): undefined {}
