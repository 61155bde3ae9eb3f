/**
 * Streams over a session: any number of bytes, also more than a message may have, in parts that travel between the messages. Each part is
 * acknowledged, so a stream holds a bounded amount of memory at both ends.
 */
import { Readable } from 'node:stream';
import { types } from 'node:util';
import type { QueueLimits } from './bounded-queue.js';
import type { Clock } from './environment.js';
import { MessagesDroppedError, OptionError, TruncatedError, ValueError } from './errors.js';
import { Mailbox } from './mailbox.js';
import { checkNames } from './option-names.js';
import { abortError, type WaitOptions } from './pending.js';
import type { Outgoing, Received, SessionOutput, StreamPart } from './protocol.js';

/** So much of a stream travels in one part. */
const partBytes = 252 * 1024;

/** So many parts of a stream may wait for their acknowledgement. */
const mostUnderWay = 16;

/** What `sendStream` takes besides the bytes. */
export interface SendStreamOptions {
  /** How many bytes there are, if that is known: the receiver is told, and the stream fails when it has another size. */
  readonly sizeBytes?: number | undefined;
  /** Gives up: the receiver's stream fails. */
  readonly signal?: AbortSignal | undefined;
}

/** Bytes in chunks: a Readable, a ReadableStream, a generator, a file's `createReadStream()`. */
export type ByteSource = AsyncIterable<Uint8Array | string> | Iterable<Uint8Array | string>;

/** What the streams of a connection need of it. */
export interface StreamsOwner {
  readonly clock: Clock;
  /** Another object for each session. */
  readonly session: unknown;
  /** So many streams, and bytes of them, may wait to be taken where the sender is not held back. */
  readonly streamLimits: QueueLimits;
  sendPart(part: StreamPart, options: WaitOptions): Promise<boolean>;
  taken(received: Received): void;
  /** Where progress and warnings go. */
  readonly outlet: Pick<SessionOutput<Outgoing>, 'progress' | 'warn'>;
}

/** A stream that arrives. It fails with `ERR_SERPY_TRUNCATED` when it ends before it is whole. */
export class ReceivedStream extends Readable {
  /** How many bytes it will have, where the sender has said so. */
  readonly sizeBytes: number | undefined;
  readonly #taken: (received: Received) => void;
  readonly #waiting: Received[] = [];
  #wanted = false;
  #ended = false;
  doneBytes = 0;

  constructor(sizeBytes: number | undefined, taken: (received: Received) => void) {
    super({ highWaterMark: partBytes });
    this.sizeBytes = sizeBytes;
    this.#taken = taken;
  }

  /** A part has come, in its place. */
  add(received: Received, data: Uint8Array): void {
    this.doneBytes += data.length;
    if (this.destroyed) this.#taken(received);
    else this.#waiting.push(received);
    if (this.#wanted) this._read();
  }

  /** All parts have come. */
  finish(): void {
    this.#ended = true;
    if (this.#wanted) this._read();
  }

  override _read(): void {
    const received = this.#waiting.shift();
    this.#wanted = received === undefined;
    if (received?.part?.kind === 'data') {
      this.push(received.part.data);
      this.#taken(received);
    } else if (this.#ended) {
      this.push(null);
    }
  }

  override _destroy(error: Error | null, callback: (error?: Error | null) => void): void {
    for (const received of this.#waiting.splice(0)) this.#taken(received);
    callback(error);
  }
}

/** A stream that has begun to arrive, and the message that told so. */
interface Arrived {
  readonly stream: ReceivedStream;
  readonly received: Received;
  readonly sizeBytes: number;
}

export class Streams {
  readonly #owner: StreamsOwner;
  readonly #arrived: Mailbox<Arrived>;
  readonly #incoming = new Map<number, ReceivedStream>();
  #session: unknown;
  /** What has come of streams and was not read. */
  #unreadBytes = 0;
  #nextId = 0;
  #closed: (() => Error) | undefined;

  constructor(owner: StreamsOwner) {
    this.#owner = owner;
    this.#arrived = new Mailbox(
      { maxMessages: Number.POSITIVE_INFINITY, maxBytes: Number.POSITIVE_INFINITY },
      owner.clock,
    );
  }

  async send(source: ByteSource, options: SendStreamOptions): Promise<boolean> {
    checkSend(source, options);
    const { sizeBytes: totalBytes, signal } = options;
    const id = this.#nextId++;
    const underWay: Promise<boolean>[] = [];
    const put = (part: StreamPart) => {
      if (signal?.aborted) throw abortError('sendStream', signal);
      if (this.#closed) throw this.#closed();
      const sent = this.#owner.sendPart(part, { signal });
      sent.catch(() => {}); // it is looked at in its turn
      underWay.push(sent);
    };
    put({ kind: 'begin', id, totalBytes });
    await arrived(underWay.shift()); // the peer may not know of streams
    let offset = 0;
    try {
      for await (const chunk of source) {
        const bytes = bytesOf(chunk);
        if (totalBytes !== undefined && offset + bytes.length > totalBytes) throw wrongSize(totalBytes, 'more');
        for (let start = 0; start < bytes.length; start += partBytes) {
          const data = bytes.subarray(start, start + partBytes);
          put({ kind: 'data', id, offset, data });
          offset += data.length;
          if (underWay.length >= mostUnderWay) await arrived(underWay.shift());
          this.#owner.outlet.progress({ direction: 'send', number: id, doneBytes: offset, totalBytes });
        }
      }
      if (totalBytes !== undefined && offset < totalBytes) throw wrongSize(totalBytes, `only ${offset}`);
      put({ kind: 'end', id, offset });
      while (underWay.length > 0) await arrived(underWay.shift());
      return true;
    } catch (error) {
      const reason = error instanceof Error ? error.message : String(error);
      this.#owner.sendPart({ kind: 'abort', id, reason }, {}).catch(() => {}); // nor has it, then, who would be told
      throw error;
    }
  }

  get(options: WaitOptions): Promise<ReceivedStream> {
    return this.#arrived.take('getStream', options, ({ stream, received }) => {
      this.#owner.taken(received); // until now it held its place
      return stream;
    });
  }

  /** A part has come. */
  received(received: Received, part: StreamPart): void {
    this.sessionIs(this.#owner.session);
    const stream = this.#incoming.get(part.id);
    switch (part.kind) {
      case 'begin':
        if (this.#begin(part, received)) return;
        break;
      case 'data':
        if (stream === undefined || part.offset !== stream.doneBytes) break;
        this.#unreadBytes += received.sizeBytes;
        stream.add(received, part.data);
        this.#tell(part.id, stream);
        if (this.#unreadBytes > this.#owner.streamLimits.maxBytes + 2 * partBytes) this.#overflow(part.id, stream);
        return;
      case 'end':
        if (stream?.doneBytes === part.offset) stream.finish();
        else
          stream?.destroy(
            new TruncatedError('a stream ended before it was whole: parts of it were dropped on the way'),
          );
        this.#incoming.delete(part.id);
        break;
      case 'abort':
        stream?.destroy(new TruncatedError(`the peer gave a stream up before it was whole: ${part.reason}`));
        this.#incoming.delete(part.id);
    }
    this.#owner.taken(received);
  }

  /** If it is another than it was, no more parts come of the streams from before. */
  sessionIs(session: unknown): void {
    if (session === this.#session) return;
    this.#session = session;
    this.#fail(() => new TruncatedError('a stream ended before it was whole: the session was lost'));
  }

  /** The connection is over. */
  close(error: () => Error): void {
    this.#closed = error;
    this.#arrived.close(error);
    this.#fail(() => new TruncatedError('a stream ended before it was whole: the connection is closed'));
  }

  /** @returns whether it waits to be taken */
  #begin({ id, totalBytes }: StreamPart & { readonly kind: 'begin' }, received: Received): boolean {
    if (this.#arrived.length >= this.#owner.streamLimits.maxMessages) {
      this.#owner.outlet.warn(
        new MessagesDroppedError(`a stream was dropped, as ${this.#arrived.length} wait for getStream`, 1),
      );
      return false;
    }
    const stream = new ReceivedStream(totalBytes, (taken) => {
      this.#unreadBytes -= taken.sizeBytes;
      this.#owner.taken(taken);
    });
    stream.on('error', () => {}); // a program that has not asked for it yet must not end of it
    this.#incoming.get(id)?.destroy(new TruncatedError('a stream ended before it was whole: the peer began it anew'));
    this.#incoming.set(id, stream);
    this.#arrived.put({ stream, received, sizeBytes: 0 });
    this.#tell(id, stream);
    return true;
  }

  /** Only where the queue drops messages: otherwise the sender is held back. */
  #overflow(id: number, stream: ReceivedStream): void {
    this.#incoming.delete(id);
    const text =
      "a stream came faster than it was read, and a queue that drops does not hold its sender back: use receiveQueue.whenFull: 'block'";
    stream.destroy(new MessagesDroppedError(text, 1));
  }

  #tell(number: number, { doneBytes, sizeBytes: totalBytes }: ReceivedStream): void {
    this.#owner.outlet.progress({ direction: 'receive', number, doneBytes, totalBytes });
  }

  #fail(error: () => Error): void {
    for (const stream of this.#incoming.values()) stream.destroy(error());
    this.#incoming.clear();
  }
}

async function arrived(sent: Promise<boolean> | undefined): Promise<void> {
  if ((await sent) === false) {
    throw new MessagesDroppedError(
      "a part of the stream was dropped by the full send queue: use whenFull: 'block' for streams",
      1,
    );
  }
}

function bytesOf(chunk: unknown): Uint8Array {
  if (types.isUint8Array(chunk)) return chunk;
  if (typeof chunk === 'string') return Buffer.from(chunk);
  throw new ValueError(`a stream is made of bytes or text, and gave ${chunk === null ? 'null' : typeof chunk}`);
}

function wrongSize(totalBytes: number, got: string): ValueError {
  return new ValueError(`the stream was to have ${totalBytes} bytes (sizeBytes), and has ${got}`);
}

function checkSend(source: unknown, options: SendStreamOptions): void {
  if (options === null || typeof options !== 'object') throw new OptionError('the options of sendStream are an object');
  checkNames(options, ['sizeBytes', 'signal']);
  const { sizeBytes } = options;
  if (sizeBytes !== undefined && !(Number.isSafeInteger(sizeBytes) && sizeBytes >= 0)) {
    throw new OptionError(`sizeBytes takes a whole number of bytes from 0 on, not ${String(sizeBytes)}`);
  }
  const iterable = source as Partial<AsyncIterable<unknown> & Iterable<unknown>> | null | undefined;
  if (
    typeof source === 'string' ||
    types.isUint8Array(source) ||
    !(iterable?.[Symbol.asyncIterator] || iterable?.[Symbol.iterator])
  ) {
    throw new ValueError(
      'sendStream takes a stream of bytes, such as createReadStream(path): use sendData for one value',
    );
  }
}
