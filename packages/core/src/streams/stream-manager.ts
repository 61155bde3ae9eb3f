/**
 * Streams over a session: any number of bytes, also more than a message may have, in parts that travel between the messages. Each part is
 * acknowledged, so a stream holds a bounded amount of memory at both ends.
 */

import type { Clock } from '../environment.js';
import { isSerpyError, MessagesDroppedError, OptionError, StreamCancelledError, TruncatedError } from '../errors.js';
import { checkNames } from '../options/option-names.js';
import { checkSignal, defaultWait, type WaitOptions } from '../options/wait-options.js';
import type { InboundMessage, OutboundMessage, StreamPart } from '../protocol/message.js';
import type { ProgressInfo } from '../protocol/resumable-session.js';
import type { SessionHost } from '../protocol/session.js';
import { AsyncQueue } from '../queue/async-queue.js';
import type { QueueLimits } from '../queue/bounded-queue.js';
import { type ByteSource, checkSource, openSource } from './byte-source.js';
import { partBytes, ReceivedStream } from './inbound-stream.js';
import { lostError, OutboundStream, type OutboundStreamHost, unknownError } from './outbound-stream.js';

/** So many words about streams may wait for their acknowledgement: a peer that lets us refuse one stream after the other hears no more of it. */
const maxPendingControls = 1024;

/** What a part takes that waits to be read, besides its bytes. */
const partOverheadBytes = 384;

/** What `sendStream` takes besides the bytes. */
export interface SendStreamOptions {
  /** How many bytes there are, if that is known: the receiver is told, and the stream fails when it has another size. */
  readonly sizeBytes?: number | undefined;
  /** Gives up: the receiver's stream fails. */
  readonly signal?: AbortSignal | undefined;
}

/** What the streams of a connection need of it. */
export interface StreamsHost {
  readonly clock: Clock;
  /** Another object for each session. */
  readonly epoch: unknown;
  readonly settings: {
    /** Maximum number of streams that wait for `getStream`, and of bytes that wait to be read, where the sender is not throttled. */
    readonly receiveQueue: QueueLimits;
    /** Maximum number of open streams, and of streams that wait for `getStream`. */
    readonly maxOpenStreams: number;
  };
  /** @param always also into a full queue */
  sendPart(part: StreamPart, options: WaitOptions, always?: boolean): Promise<boolean>;
  consumed(received: InboundMessage): void;
  /** Where progress and warnings go. */
  readonly sessionHost: Pick<SessionHost<OutboundMessage>, 'progress' | 'warn'>;
}

/** A stream that has begun to arrive, and the message that told so. */
interface InboundStart {
  readonly stream: ReceivedStream;
  readonly received: InboundMessage;
  readonly sizeBytes: number;
}

export class StreamManager implements OutboundStreamHost {
  readonly #host: StreamsHost;
  readonly #starts: AsyncQueue<InboundStart>;
  readonly #inbound = new Map<number, ReceivedStream>();
  readonly #outbound = new Map<number, OutboundStream>();
  #session: unknown;
  /** What has come of streams and was not read, with what each part takes besides. */
  #unreadBytes = 0;
  /** Whether streams are being refused, and that has been told. */
  #refusing = false;
  #nextId = 0;
  #pendingControls = 0;
  #closedError: ((what: string) => Error) | undefined;
  #isClosed = false;

  constructor(owner: StreamsHost) {
    this.#host = owner;
    this.#starts = new AsyncQueue(
      { maxMessages: Number.POSITIVE_INFINITY, maxBytes: Number.POSITIVE_INFINITY },
      owner.clock,
    );
  }

  /**
   * Sends a stream. Only what is wrong with the arguments leaves the source alone.
   * @param refused why there is none to be sent
   */
  send(source: ByteSource, options: SendStreamOptions, refused?: Error): Promise<boolean> {
    try {
      checkSend(options);
      checkSource(source);
      const id = this.#nextId++;
      const stream = new OutboundStream(id, openSource(source), options, this);
      this.#outbound.set(id, stream);
      if (refused) stream.fail(refused);
      else stream.run();
      return stream.promise;
    } catch (error) {
      return Promise.reject(error);
    }
  }

  get(options: WaitOptions): Promise<ReceivedStream> {
    return this.#starts.take('getStream', options, ({ stream, received }) => {
      this.#host.consumed(received); // until now it held its place
      return stream;
    });
  }

  /** A part has come. */
  received(received: InboundMessage, part: StreamPart): void {
    this.sessionChanged(this.#host.epoch);
    const stream = this.#inbound.get(part.id);
    switch (part.kind) {
      case 'begin':
        if (this.#begin(part, received)) return;
        break;
      case 'data':
        if (stream === undefined || part.offset !== stream.doneBytes) break;
        this.#unreadBytes += received.sizeBytes + partOverheadBytes;
        stream.add(received, part.data);
        this.#reportProgress(part.id, stream);
        if (this.#unreadBytes > this.#host.settings.receiveQueue.maxBytes + 2 * partBytes) overflow(stream);
        return;
      case 'end':
        this.#inbound.delete(part.id);
        if (stream?.doneBytes === part.offset) stream.finish();
        else stream?.fail(truncated('parts of it were dropped on the way'));
        break;
      case 'abort':
        this.#inbound.delete(part.id);
        stream?.fail(new TruncatedError(`the peer gave a stream up before it was whole: ${part.reason}`));
        break;
      case 'stop':
        this.#outbound.get(part.id)?.fail(stopped(part.reason));
    }
    this.#host.consumed(received);
  }

  /** If it is another than it was, no more parts come of the streams from before, nor can more be sent. */
  sessionChanged(session: unknown): void {
    if (session === this.#session) return;
    this.#session = session;
    this.#failInbound('the session was lost');
    for (const stream of [...this.#outbound.values()]) {
      if (stream.session !== undefined && stream.session !== session) stream.fail(lostError());
    }
  }

  /** The program is done. A stream whose source has given everything still goes out, as messages do; the others end here. */
  closing(error: (what: string) => Error): void {
    this.#closedError = error;
    for (const stream of [...this.#outbound.values()]) if (!stream.isRead) stream.fail(this.closedError());
  }

  /** The connection is over. */
  close(error: (what: string) => Error): void {
    this.#closedError = error;
    this.#isClosed = true;
    this.#starts.close(() => error('getStream'));
    this.#failInbound('the connection is closed');
    for (const stream of [...this.#outbound.values()]) stream.fail(stream.isRead ? unknownError() : this.closedError());
  }

  // What those that are being sent need.

  get session(): unknown {
    return this.#host.epoch;
  }

  enqueue(part: StreamPart, signal: AbortSignal): Promise<boolean> {
    return this.#host.sendPart(part, { signal });
  }

  /** Where the queue drops it, it is put there again. */
  sendControl(part: StreamPart): void {
    if (this.#isClosed || this.#pendingControls >= maxPendingControls) return;
    this.#pendingControls++;
    this.#controlSent(part).then((isDropped) => {
      this.#pendingControls--;
      if (isDropped) this.sendControl(part);
    });
  }

  closedError(): Error {
    return (this.#closedError as (what: string) => Error)('sendStream');
  }

  progress(info: ProgressInfo): void {
    this.#host.sessionHost.progress(info);
  }

  streamEnded(id: number): void {
    this.#outbound.delete(id);
  }

  /** @returns whether it was dropped: who would be told is not there where it failed otherwise */
  async #controlSent(part: StreamPart): Promise<boolean> {
    try {
      return !(await this.#host.sendPart(part, defaultWait, true));
    } catch (error) {
      return isSerpyError(error) && error.code === 'ERR_SERPY_DROPPED';
    }
  }

  /** @returns whether it waits to be taken */
  #begin({ id, totalBytes }: StreamPart & { readonly kind: 'begin' }, received: InboundMessage): boolean {
    const refused = this.#refusal;
    if (refused !== undefined) {
      const told = this.#refusing;
      this.#refusing = true;
      if (!told) this.#host.sessionHost.warn(new MessagesDroppedError(`streams are being refused: ${refused}`, 1));
      this.sendControl({ kind: 'stop', id, reason: `${refused} there already` });
      return false;
    }
    this.#refusing = false;
    const stream: ReceivedStream = new ReceivedStream(totalBytes, {
      consumed: (taken) => {
        this.#unreadBytes -= taken.sizeBytes + partOverheadBytes;
        this.#host.consumed(taken);
      },
      stopped: (reason) => this.#stop(id, stream, reason),
    });
    this.#inbound.get(id)?.fail(truncated('the peer began it anew'));
    this.#inbound.set(id, stream);
    this.#starts.put({ stream, received, sizeBytes: 0 });
    this.#reportProgress(id, stream);
    return true;
  }

  /** Why no other stream may begin. */
  get #refusal(): string | undefined {
    const { maxOpenStreams, receiveQueue } = this.#host.settings;
    const waiting = this.#starts.length;
    if (waiting >= Math.min(maxOpenStreams, receiveQueue.maxMessages)) return `${waiting} streams wait for getStream`;
    return this.#inbound.size >= maxOpenStreams ? `${maxOpenStreams} streams are open (maxOpenStreams)` : undefined;
  }

  /** Nobody wants the rest: its sender is told, and what comes until he has heard it belongs to no stream. */
  #stop(id: number, stream: ReceivedStream, reason: string): void {
    if (this.#inbound.get(id) !== stream) return;
    this.#inbound.delete(id);
    if (this.#host.epoch === this.#session) this.sendControl({ kind: 'stop', id, reason });
  }

  #reportProgress(number: number, { doneBytes, sizeBytes: totalBytes }: ReceivedStream): void {
    this.progress({ direction: 'receive', of: 'stream', number, doneBytes, totalBytes });
  }

  #failInbound(why: string): void {
    const streams = [...this.#inbound.values()];
    this.#inbound.clear();
    for (const stream of streams) stream.fail(truncated(why));
  }
}

/** Only where the queue drops messages: otherwise the sender is held back. */
function overflow(stream: ReceivedStream): void {
  const text =
    "a stream came faster than it was read, and a queue that drops does not hold its sender back: use receiveQueue.whenFull: 'block'";
  stream.destroy(new MessagesDroppedError(text, 1));
}

function truncated(why: string): TruncatedError {
  return new TruncatedError(`a stream ended before it was whole: ${why}`);
}

function stopped(reason: string): StreamCancelledError {
  const why = reason === '' ? 'it wants no more of it' : reason;
  return new StreamCancelledError(`the program at the peer has stopped the stream before its end: ${why}`);
}

function checkSend(options: SendStreamOptions): void {
  if (options === null || typeof options !== 'object') throw new OptionError('the options of sendStream are an object');
  checkNames(options, ['sizeBytes', 'signal']);
  const { sizeBytes, signal } = options;
  if (sizeBytes !== undefined && !(Number.isSafeInteger(sizeBytes) && sizeBytes >= 0)) {
    throw new OptionError(`sizeBytes takes a whole number of bytes from 0 on, not ${String(sizeBytes)}`);
  }
  checkSignal(signal);
}
