/**
 * A connection as a `Duplex` of Node, or as a pair of web streams. Each message is one chunk. For back-pressure, a message leaves the receive
 * queue only when the reader asks for it, and a write is done when the send queue has accepted the message.
 */
import { Duplex } from 'node:stream';
import { ReadableStream, WritableStream } from 'node:stream/web';
import { MessagesDroppedError, ValueError } from '../errors.js';
import { closedError } from './connection-errors.js';
import type { CloseInfo } from './connection-events.js';

/** The options of `toDuplex` and `toWeb`. */
export interface StreamOptions<SendOptions> {
  /** Whether reading yields what `getMessage` returns instead of what `getData` returns. Default false. */
  readonly messages?: boolean | undefined;
  /** The options of `sendData` for each written message. */
  readonly send?: SendOptions | undefined;
}

/** A `Duplex` in object mode: `Out` is read from it, `In` is written to it. */
export interface MessageDuplex<Out, In> extends Duplex {
  read(size?: number): Out | null;
  write(value: In, callback?: (error: Error | null | undefined) => void): boolean;
  write(value: In, encoding: BufferEncoding, callback?: (error: Error | null | undefined) => void): boolean;
  [Symbol.asyncIterator](): NodeJS.AsyncIterator<Out>;
}

/** A pair of web streams: `Out` is read from one, `In` is written to the other. */
export interface WebStreams<Out, In> {
  readonly readable: ReadableStream<Out>;
  readonly writable: WritableStream<In>;
}

/** What the adapters need of a connection. */
export interface ConnectionLike<Out, In> {
  readonly closeInfo: CloseInfo | undefined;
  /** The messages as they arrive. The signal ends a wait without consuming one. */
  messages(signal: AbortSignal): AsyncIterator<Out>;
  send(value: In): Promise<unknown>;
  close(reason: string): Promise<void>;
  destroy(error: Error | undefined): void;
}

export function toNodeDuplex<Out, In>(source: ConnectionLike<Out, In>): MessageDuplex<Out, In> {
  const stop = new AbortController();
  const incoming = source.messages(stop.signal);
  return new Duplex({
    objectMode: true,
    readableHighWaterMark: 0, // messages wait in the receive queue, which counts them
    writableHighWaterMark: 1,
    allowHalfOpen: false,
    read() {
      next(source, incoming).then(
        ({ done, value }) => {
          if (value === null) this.destroy(rejectNull());
          else this.push(done ? null : value);
        },
        (error) => this.destroy(error),
      );
    },
    write(value: In, _encoding, callback) {
      source.send(value).then(() => callback(), callback);
    },
    final(callback) {
      finish(source).then(() => callback(), callback);
    },
    destroy(error, callback) {
      stop.abort();
      source.destroy(error ?? undefined);
      callback(error);
    },
  }) as MessageDuplex<Out, In>;
}

export function toWebStreams<Out, In>(source: ConnectionLike<Out, In>): WebStreams<Out, In> {
  const stop = new AbortController();
  const incoming = source.messages(stop.signal);
  const readable = new ReadableStream<Out>(
    {
      async pull(controller) {
        const { done, value } = await next(source, incoming);
        if (stop.signal.aborted) return;
        if (done) controller.close();
        else controller.enqueue(value);
      },
      cancel(reason) {
        stop.abort();
        return source.close(typeof reason === 'string' ? reason : '');
      },
    },
    { highWaterMark: 0 },
  );
  const writable = new WritableStream<In>({
    async write(value) {
      await source.send(value);
    },
    close: () => finish(source),
    abort(reason) {
      source.destroy(reason instanceof Error ? reason : undefined);
    },
  });
  return { readable, writable };
}

/** The next message, or the end. @throws `ERR_SERPY_CLOSED` if the connection broke instead of being closed */
async function next<Out>(
  source: ConnectionLike<unknown, never>,
  incoming: AsyncIterator<Out>,
): Promise<IteratorResult<Out>> {
  const result = await incoming.next();
  if (result.done) throwIfBroken(source.closeInfo);
  return result;
}

/** Sends what is queued, and closes. @throws if a message may not have arrived */
async function finish(source: ConnectionLike<unknown, never>): Promise<void> {
  await source.close('');
  const info = source.closeInfo;
  throwIfBroken(info);
  const { unsentMessages = 0, unacknowledgedMessages = 0 } = info ?? {};
  if (unsentMessages + unacknowledgedMessages === 0) return;
  const text = `the connection closed with ${unsentMessages} messages unsent, and ${unacknowledgedMessages} that may or may not have arrived`;
  throw new MessagesDroppedError(text, unsentMessages + unacknowledgedMessages);
}

/** A connection that neither end closed has failed. */
function throwIfBroken(info: CloseInfo | undefined): void {
  if (info?.error || info?.clean === false || info?.reason === 'retries-exhausted')
    throw closedError('the stream', info);
}

function rejectNull(): ValueError {
  return new ValueError(
    'a received message is null (None in Python), but null ends a stream of Node: use toDuplex({ messages: true }), which yields messages',
  );
}
