/** A stream that is being sent: chunks are cut into parts, of which only so many wait for their acknowledgement. Whatever ends it, ends it at once. */

import { ConnectionLostError, isSerpyError, MessagesDroppedError, ValueError } from '../errors.js';
import type { StreamPart } from '../protocol/message.js';
import type { ProgressInfo } from '../protocol/resumable-session.js';
import { onAbort } from '../queue/abort-listeners.js';
import { abortError } from '../queue/deferred.js';
import { bytesOf, type SourceReader } from './byte-source.js';
import { partBytes } from './inbound-stream.js';

/** So many parts of a stream may wait for their acknowledgement. */
const maxInFlightParts = 16;

/** What the peer may bring about must not end a program that sends without awaiting. */
const terminalCodes: readonly string[] = ['ERR_SERPY_CLOSED', 'ERR_SERPY_LOST', 'ERR_SERPY_STREAM_CANCELLED'];

/** What a stream needs of those who send its parts. */
export interface OutboundStreamHost {
  /** Another object for each session. */
  readonly session: unknown;
  /** Sends a part. The signal takes it back where it is not on the wire yet. */
  enqueue(part: StreamPart, signal: AbortSignal): Promise<boolean>;
  /** Sends a part that has to arrive, and for which nobody waits. */
  sendControl(part: StreamPart): void;
  closedError(): Error;
  progress(info: ProgressInfo): void;
  /** This stream is over. */
  streamEnded(id: number): void;
}

export interface OutboundStreamOptions {
  readonly sizeBytes?: number | undefined;
  readonly signal?: AbortSignal | undefined;
}

export class OutboundStream {
  readonly promise: Promise<boolean>;
  /** The session that it has begun in; undefined until it has. */
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
  /** Takes back what is not on the wire: one signal of our own, so that the program's has one listener. */
  readonly #parts = new AbortController();
  #begun = false;
  #isRead = false;
  #over = false;

  constructor(id: number, source: SourceReader, options: OutboundStreamOptions, owner: OutboundStreamHost) {
    this.#id = id;
    this.#source = source;
    this.#totalBytes = options.sizeBytes;
    this.#signal = options.signal;
    this.#host = owner;
    this.promise = new Promise((resolve, reject) => {
      this.#resolve = resolve;
      this.#reject = reject;
    });
    const { signal } = options;
    this.#unsubscribe = signal && onAbort(signal, () => this.fail(abortError('sendStream', signal)));
  }

  /** Whether its source has given everything. */
  get isRead(): boolean {
    return this.#isRead;
  }

  /** Sends it all. */
  async run(): Promise<void> {
    try {
      if (this.#signal?.aborted) throw abortError('sendStream', this.#signal);
      this.#enqueue({ kind: 'begin', id: this.#id, totalBytes: this.#totalBytes });
      this.#begun = true;
      await this.#inFlight.shift(); // the peer may not know of streams
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

  /** Ends it before its end, at once: also while the source gives nothing. */
  fail(error: unknown): void {
    if (this.#over) return;
    this.#end();
    // First: parts that are taken back may leave nothing to be sent, and a connection that closes then says goodbye.
    if (this.#begun) {
      this.#host.sendControl({
        kind: 'abort',
        id: this.#id,
        reason: error instanceof Error ? error.message : String(error),
      });
    }
    this.#parts.abort();
    queueMicrotask(() => this.#source.release()); // it is the program's, which must not run while a session is at work
    if (isSerpyError(error) && terminalCodes.includes(error.code)) this.promise.catch(() => {}); // as with sendData that nobody awaits
    this.#reject(error);
  }

  /** @returns how many bytes there were */
  async #sendChunks(): Promise<number> {
    let offset = 0;
    for (;;) {
      const { done, value } = await this.#source.next();
      if (this.#over) return offset;
      if (done) break;
      const bytes = bytesOf(value);
      const { length } = bytes;
      this.#checkSize(offset + length, 'more');
      for (let start = 0; start < length && !this.#over; start += partBytes) {
        if (bytes.length !== length) throw detachedError();
        const data = bytes.subarray(start, start + partBytes);
        this.#enqueue({ kind: 'data', id: this.#id, offset, data });
        offset += data.length;
        if (this.#inFlight.length >= maxInFlightParts) await this.#inFlight.shift();
        this.#reportProgress(offset);
      }
    }
    if (offset !== this.#totalBytes) this.#checkSize(Number.POSITIVE_INFINITY, `only ${offset}`);
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
    sent.catch((error) => this.fail(error)); // at once, and not in its turn: the source may give nothing for long
    this.#inFlight.push(sent);
  }

  /** In the words of a stream. */
  #failureOf(error: unknown): unknown {
    if (!isSerpyError(error)) return error;
    if (error.code === 'ERR_SERPY_CLOSED') return this.#host.closedError();
    if (error.code === 'ERR_SERPY_LOST') return lostError();
    return error.code === 'ERR_SERPY_DROPPED' ? droppedError() : error;
  }

  #checkSize(bytes: number, got: string): void {
    const totalBytes = this.#totalBytes;
    if (totalBytes === undefined || bytes <= totalBytes) return;
    throw new ValueError(`the stream was to have ${totalBytes} bytes (sizeBytes), and has ${got}`);
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

/** The error of a stream whose session is over. */
export function lostError(): ConnectionLostError {
  return new ConnectionLostError('the session was lost in the middle of the stream: send it again');
}

/** The error of a stream of which everything was sent, where nobody will ever know whether it arrived. */
export function unknownError(): ConnectionLostError {
  const text = 'the connection ended before the stream was acknowledged: it may or may not have arrived whole';
  return new ConnectionLostError(text);
}

function detachedError(): ValueError {
  return new ValueError(
    'the source of the stream took the memory of a chunk away (transferred it, or made it smaller) before all of it was sent: give copies',
  );
}

function droppedError(): MessagesDroppedError {
  const text = "a part of the stream was dropped by the full send queue: use whenFull: 'block' for streams";
  return new MessagesDroppedError(text, 1);
}
