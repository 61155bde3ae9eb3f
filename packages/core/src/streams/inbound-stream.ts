/** The `Readable` of a stream that arrives. */
import { Readable } from 'node:stream';
import { Fifo } from '../buffers/fifo.js';
import type { InboundMessage } from '../protocol/message.js';

/** Maximum size of a part of a stream. */
export const partBytes = 252 * 1024;

/** What a received stream reports. */
export interface ReceivedStreamListener {
  /** The program has read this part, or will never read it. */
  consumed(received: InboundMessage): void;
  /** The program has destroyed the stream, or it has failed here. Called at most once, and not if all parts have arrived. */
  stopped(reason: string): void;
}

/** A stream that arrives. It fails with `ERR_SERPY_TRUNCATED` if it ends before it is complete. Destroying it earlier cancels it at the sender. */
export class ReceivedStream extends Readable {
  /** The total size, if the sender has stated it. */
  readonly sizeBytes: number | undefined;
  /** Bytes that have arrived. */
  doneBytes = 0;
  readonly #listener: ReceivedStreamListener;
  readonly #waiting = new Fifo<InboundMessage>();
  /** The part that was pushed last, and may wait in the buffer of `Readable`. It counts as unread until `_read` asks for more. */
  #readerPart: InboundMessage | undefined;
  #demand = false;
  /** Whether no more parts will arrive. */
  #ended = false;

  constructor(sizeBytes: number | undefined, listener: ReceivedStreamListener) {
    super({ highWaterMark: 1 }); // one part at a time: the others wait here, where they throttle the sender
    this.sizeBytes = sizeBytes;
    this.#listener = listener;
    this.on('error', () => {}); // an error before `getStream` must not end the program
  }

  /** The next part has arrived. */
  add(received: InboundMessage, data: Uint8Array): void {
    this.doneBytes += data.length;
    if (this.destroyed || data.length === 0) this.#listener.consumed(received);
    else this.#waiting.push(received);
    this.#scheduleRead();
  }

  /** All parts have arrived. */
  finish(): void {
    this.#ended = true;
    this.#scheduleRead();
  }

  /** No more parts will arrive. */
  fail(error: Error): void {
    this.#ended = true;
    this.destroy(error);
  }

  /** Reads in a later turn: the program's listeners must not run while the session is at work. */
  #scheduleRead(): void {
    if (this.#demand) process.nextTick(continueReading, this);
  }

  /** Pushes a part that has arrived, if the reader waits for one. */
  continueReading(): void {
    if (this.#demand && !this.destroyed) this._read();
  }

  override _read(): void {
    this.#consumeReaderPart();
    const received = this.#waiting.shift();
    this.#demand = received === undefined;
    if (received?.part?.kind === 'data') {
      this.#readerPart = received;
      this.push(received.part.data);
    } else if (this.#ended) {
      this.push(null);
    }
  }

  override _destroy(error: Error | null, callback: (error?: Error | null) => void): void {
    this.#consumeReaderPart();
    for (let received = this.#waiting.shift(); received; received = this.#waiting.shift())
      this.#listener.consumed(received);
    const isComplete = this.#ended || this.doneBytes === this.sizeBytes;
    this.#ended = true;
    if (!isComplete) this.#listener.stopped(reasonOf(error));
    callback(error);
  }

  #consumeReaderPart(): void {
    const received = this.#readerPart;
    this.#readerPart = undefined;
    if (received) this.#listener.consumed(received);
  }
}

function continueReading(stream: ReceivedStream): void {
  stream.continueReading();
}

/** Node reports leaving a `for await` as an abort, which is not a reason. */
function reasonOf(error: (Error & { readonly code?: unknown }) | null): string {
  return error === null || error.code === 'ABORT_ERR' ? '' : error.message;
}
