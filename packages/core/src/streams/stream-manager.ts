/**
 * Streams over a session: any number of bytes, in parts that travel between the messages. Each part is acknowledged, so a stream takes a bounded
 * amount of memory at both ends.
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

/** Maximum number of unacknowledged cancellations. A peer that begins one refused stream after the other gets no more of them. */
const maxPendingControls = 1024;

/** Memory of an unread part besides its bytes. */
const partOverheadBytes = 384;

/** The options of `sendStream`. */
export interface SendStreamOptions {
  /** The total size, if known. It is sent to the receiver, and the stream fails if its size differs. */
  readonly sizeBytes?: number | undefined;
  /** Aborts the stream, which then fails at the receiver too. */
  readonly signal?: AbortSignal | undefined;
}

/** What the streams of a connection need of its channel. */
export interface StreamsHost {
  readonly clock: Clock;
  /** Identifies the session: a different object for each. */
  readonly epoch: unknown;
  readonly settings: {
    /** Maximum number of streams that wait for `getStream`, and of bytes that wait to be read, where the sender is not throttled. */
    readonly receiveQueue: QueueLimits;
    /** Maximum number of open streams, and of streams that wait for `getStream`. */
    readonly maxOpenStreams: number;
  };
  /** @param always even into a full queue */
  sendPart(part: StreamPart, options: WaitOptions, always?: boolean): Promise<boolean>;
  consumed(received: InboundMessage): void;
  readonly sessionHost: Pick<SessionHost<OutboundMessage>, 'progress' | 'warn'>;
}

/** A stream that has begun to arrive, and its `begin` message. */
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
  /** Memory of parts that have arrived and were not read. */
  #unreadBytes = 0;
  /** Whether streams are being refused, and that has been reported. */
  #refusing = false;
  #nextId = 0;
  #pendingControls = 0;
  #closedError: ((what: string) => Error) | undefined;
  #isClosed = false;

  constructor(host: StreamsHost) {
    this.#host = host;
    this.#starts = new AsyncQueue(
      { maxMessages: Number.POSITIVE_INFINITY, maxBytes: Number.POSITIVE_INFINITY },
      host.clock,
    );
  }

  /**
   * Sends a stream. Releases the source on any failure, except for wrong arguments.
   * @param refused why no stream can be sent
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
      this.#host.consumed(received); // until now it counted as unread
      return stream;
    });
  }

  /** A part has arrived. */
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
        else stream?.fail(truncated('parts of it were dropped before they arrived'));
        break;
      case 'abort':
        this.#inbound.delete(part.id);
        stream?.fail(new TruncatedError(`the sender aborted a stream before it was complete: ${part.reason}`));
        break;
      case 'stop':
        this.#outbound.get(part.id)?.fail(stopped(part.reason));
    }
    this.#host.consumed(received);
  }

  /** If the session is another one, ends the streams of the earlier one. */
  sessionChanged(session: unknown): void {
    if (session === this.#session) return;
    this.#session = session;
    this.#failInbound('the session was lost');
    for (const stream of [...this.#outbound.values()]) {
      if (stream.session !== undefined && stream.session !== session) stream.fail(lostError());
    }
  }

  /** `close` was called. A stream whose source has yielded everything is still sent, as messages are; the others fail. */
  closing(error: (what: string) => Error): void {
    this.#closedError = error;
    for (const stream of [...this.#outbound.values()]) if (!stream.isRead) stream.fail(this.closedError());
  }

  /** The connection is closed. */
  close(error: (what: string) => Error): void {
    this.#closedError = error;
    this.#isClosed = true;
    this.#starts.close(() => error('getStream'));
    this.#failInbound('the connection is closed');
    for (const stream of [...this.#outbound.values()]) stream.fail(stream.isRead ? unknownError() : this.closedError());
  }

  // Called by outbound streams.

  get session(): unknown {
    return this.#host.epoch;
  }

  enqueue(part: StreamPart, signal: AbortSignal): Promise<boolean> {
    return this.#host.sendPart(part, { signal });
  }

  /** Sends the part again if the send queue drops it. */
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

  /** @returns whether the send queue dropped it. After any other failure the peer is gone */
  async #controlSent(part: StreamPart): Promise<boolean> {
    try {
      return !(await this.#host.sendPart(part, defaultWait, true));
    } catch (error) {
      return isSerpyError(error) && error.code === 'ERR_SERPY_DROPPED';
    }
  }

  /** @returns whether the stream was accepted */
  #begin({ id, totalBytes }: StreamPart & { readonly kind: 'begin' }, received: InboundMessage): boolean {
    const refused = this.#refusal;
    if (refused !== undefined) {
      if (!this.#refusing) this.#host.sessionHost.warn(refusedError(refused));
      this.#refusing = true;
      this.sendControl({ kind: 'stop', id, reason: `${refused} at the receiver` });
      return false;
    }
    this.#refusing = false;
    const stream: ReceivedStream = new ReceivedStream(totalBytes, {
      consumed: (part) => {
        this.#unreadBytes -= part.sizeBytes + partOverheadBytes;
        this.#host.consumed(part);
      },
      stopped: (reason) => this.#stop(id, stream, reason),
    });
    this.#inbound.get(id)?.fail(truncated('the sender began another stream with its number'));
    this.#inbound.set(id, stream);
    this.#starts.put({ stream, received, sizeBytes: 0 });
    this.#reportProgress(id, stream);
    return true;
  }

  /** Why no other stream is accepted; undefined if one is. */
  get #refusal(): string | undefined {
    const { maxOpenStreams, receiveQueue } = this.#host.settings;
    const waiting = this.#starts.length;
    if (waiting >= Math.min(maxOpenStreams, receiveQueue.maxMessages)) return `${waiting} streams wait for getStream`;
    return this.#inbound.size >= maxOpenStreams ? `${maxOpenStreams} streams are open (maxOpenStreams)` : undefined;
  }

  /** The program does not want the rest: cancels the stream at the sender. Parts that arrive until then belong to no stream. */
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

function refusedError(why: string): MessagesDroppedError {
  return new MessagesDroppedError(
    `streams are being refused: ${why}. Call getStream and read each stream, or raise maxOpenStreams and receiveQueue.maxMessages`,
    1,
  );
}

/** Happens only if the receive queue drops messages: otherwise the sender is throttled. */
function overflow(stream: ReceivedStream): void {
  const text =
    "a stream arrived faster than the program read it, as a receive queue that drops messages does not throttle the sender: use receiveQueue.whenFull: 'block'";
  stream.destroy(new MessagesDroppedError(text, 1));
}

function truncated(why: string): TruncatedError {
  return new TruncatedError(`a stream ended before it was complete: ${why}`);
}

function stopped(reason: string): StreamCancelledError {
  const why = reason === '' ? 'its program destroyed it' : reason;
  return new StreamCancelledError(`the peer canceled the stream: ${why}`);
}

function checkSend(options: SendStreamOptions): void {
  if (options === null || typeof options !== 'object')
    throw new OptionError('the options of sendStream must be an object');
  checkNames(options, ['sizeBytes', 'signal']);
  const { sizeBytes, signal } = options;
  if (sizeBytes !== undefined && !(Number.isSafeInteger(sizeBytes) && sizeBytes >= 0)) {
    throw new OptionError(`sizeBytes takes a whole number of bytes from 0 on, not ${String(sizeBytes)}`);
  }
  checkSignal(signal);
}
