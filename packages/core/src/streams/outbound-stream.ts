/** A stream that is being sent: splits chunks into parts and limits how many of them are unacknowledged. A failure ends it at once. */
import { ConnectionLostError, isSerpyError, MessagesDroppedError, ValueError } from '../errors.js';
import type { StreamPart } from '../protocol/message.js';
import type { ProgressInfo } from '../protocol/resumable-session.js';
import { onAbort } from '../queue/abort-listeners.js';
import { abortError } from '../queue/deferred.js';
import { bytesOf, type SourceReader } from './byte-source.js';
import { partBytes } from './inbound-stream.js';

/** Maximum number of unacknowledged parts of a stream. */
const maxInFlightParts = 16;

/** Errors that the peer can cause. They must not end a program that sends without awaiting. */
const terminalCodes: readonly string[] = ['ERR_SERPY_CLOSED', 'ERR_SERPY_LOST', 'ERR_SERPY_STREAM_CANCELLED'];

/** What a stream needs of the stream manager. */
export interface OutboundStreamHost {
  /** Identifies the session: a different object for each. */
  readonly session: unknown;
  /** Sends a part. The signal removes it from the send queue if it was not sent yet. */
  enqueue(part: StreamPart, signal: AbortSignal): Promise<boolean>;
  /** Sends a part that has to arrive, and does not wait for it. */
  sendControl(part: StreamPart): void;
  closedError(): Error;
  progress(info: ProgressInfo): void;
  /** The stream has ended. */
  streamEnded(id: number): void;
}

export interface OutboundStreamOptions {
  readonly sizeBytes?: number | undefined;
  readonly signal?: AbortSignal | undefined;
}

export class OutboundStream {
  readonly promise: Promise<boolean>;
  /** The session in which it has begun; undefined before. */
  session: unknown;
  readonly #id: number;
  readonly #source: SourceReader;
  readonly #totalBytes: number | undefined;
  readonly #signal: AbortSignal | undefined;
  readonly #unsubscribe: (() => void) | undefined;
  readonly #host: OutboundStreamHost;
  #resolve!: (value: boolean) => void;
  #reject!: (error: unknown) => void;
  readonly #inFlight: Promise<void>[] = [];
  /** Removes unsent parts from the send queue. An own signal, so that the program's signal has only one listener. */
  readonly #parts = new AbortController();
  #begun = false;
  #isRead = false;
  #over = false;

  constructor(id: number, source: SourceReader, options: OutboundStreamOptions, host: OutboundStreamHost) {
    this.#id = id;
    this.#source = source;
    this.#totalBytes = options.sizeBytes;
    this.#signal = options.signal;
    this.#host = host;
    this.promise = new Promise((resolve, reject) => {
      this.#resolve = resolve;
      this.#reject = reject;
    });
    const { signal } = options;
    this.#unsubscribe = signal && onAbort(signal, () => this.fail(abortError('sendStream', signal)));
  }

  /** Whether the source has yielded everything. */
  get isRead(): boolean {
    return this.#isRead;
  }

  /** Sends the whole stream. */
  async run(): Promise<void> {
    try {
      if (this.#signal?.aborted) throw abortError('sendStream', this.#signal);
      this.#enqueue({ kind: 'begin', id: this.#id, totalBytes: this.#totalBytes });
      this.#begun = true;
      await this.#inFlight.shift(); // the peer may not support streams
      this.session = this.#host.session;
      const offset = await this.#sendChunks();
      if (this.#over) return;
      this.#enqueue({ kind: 'end', id: this.#id, offset });
      this.#isRead = true;
      while (this.#inFlight.length > 0) await this.#inFlight.shift();
      this.#end();
      this.#resolve(true);
    } catch (error) {
      this.fail(error);
    }
  }

  /** Ends the stream early and at once, even while the source yields nothing. */
  fail(error: unknown): void {
    if (this.#over) return;
    this.#end();
    // Before the parts are removed: with nothing left to send, a closing connection would write its close frame at once.
    if (this.#begun) {
      this.#host.sendControl({
        kind: 'abort',
        id: this.#id,
        reason: error instanceof Error ? error.message : String(error),
      });
    }
    this.#parts.abort();
    queueMicrotask(() => this.#source.release()); // code of the program must not run while the session is at work
    if (isSerpyError(error) && terminalCodes.includes(error.code)) this.promise.catch(() => {}); // as `sendData` without await
    this.#reject(error);
  }

  /** @returns the number of bytes */
  async #sendChunks(): Promise<number> {
    let offset = 0;
    for (;;) {
      const { done, value } = await this.#source.next();
      if (this.#over) return offset;
      if (done) break;
      const bytes = bytesOf(value);
      const { length } = bytes;
      this.#checkSize(offset + length, 'has more');
      for (let start = 0; start < length && !this.#over; start += partBytes) {
        if (bytes.length !== length) throw detachedError();
        const data = bytes.subarray(start, start + partBytes);
        this.#enqueue({ kind: 'data', id: this.#id, offset, data });
        offset += data.length;
        if (this.#inFlight.length >= maxInFlightParts) await this.#inFlight.shift();
        this.#reportProgress(offset);
      }
    }
    if (offset !== this.#totalBytes) this.#checkSize(Number.POSITIVE_INFINITY, `has only ${offset}`);
    return offset;
  }

  #enqueue(part: StreamPart): void {
    const sent = this.#host.enqueue(part, this.#parts.signal).then(
      (isAccepted) => {
        if (!isAccepted) throw droppedError();
      },
      (error) => {
        throw this.#failureOf(error);
      },
    );
    sent.catch((error) => this.fail(error)); // at once instead of when it is awaited: the source may yield nothing for long
    this.#inFlight.push(sent);
  }

  /** Translates an error of `sendData` into one of `sendStream`. */
  #failureOf(error: unknown): unknown {
    if (!isSerpyError(error)) return error;
    if (error.code === 'ERR_SERPY_CLOSED') return this.#host.closedError();
    if (error.code === 'ERR_SERPY_LOST') return lostError();
    return error.code === 'ERR_SERPY_DROPPED' ? droppedError() : error;
  }

  #checkSize(bytes: number, actual: string): void {
    const totalBytes = this.#totalBytes;
    if (totalBytes === undefined || bytes <= totalBytes) return;
    throw new ValueError(`sizeBytes states ${totalBytes} bytes, but the stream ${actual}`);
  }

  #reportProgress(doneBytes: number): void {
    const { direction, of } = { direction: 'send', of: 'stream' } as const;
    this.#host.progress({ direction, of, number: this.#id, doneBytes, totalBytes: this.#totalBytes });
  }

  #end(): void {
    this.#over = true;
    this.#unsubscribe?.();
    this.#host.streamEnded(this.#id);
  }
}

/** The error of a stream whose session has ended. */
export function lostError(): ConnectionLostError {
  return new ConnectionLostError('the session was lost in the middle of the stream: send it again');
}

/** The error of a stream that was sent completely, but not acknowledged. */
export function unknownError(): ConnectionLostError {
  const text =
    'the connection closed before the peer acknowledged the stream, which may or may not have arrived completely';
  return new ConnectionLostError(text);
}

function detachedError(): ValueError {
  return new ValueError(
    'the source of the stream detached or shrank the memory of a chunk before all of it was sent: yield copies of the chunks',
  );
}

function droppedError(): MessagesDroppedError {
  const text =
    "a part of the stream was dropped from the send queue: streams need sendQueue.whenFull: 'block' and whenOffline: 'buffer'";
  return new MessagesDroppedError(text, 1);
}
