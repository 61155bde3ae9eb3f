/** A stream that arrives, as the program reads it. */
import { Readable } from 'node:stream';
import { Fifo } from '../buffers/fifo.js';
import type { InboundMessage } from '../protocol/message.js';

/** So much of a stream travels in one part. */
export const partBytes = 252 * 1024;

/** What a stream tells of itself. */
export interface ReceivedStreamListener {
  /** The program has this part, or nobody will ever want it. */
  consumed(received: InboundMessage): void;
  /** The program wants no more of it, or it has failed here: told once, and not where the sender has all of it behind him. */
  stopped(reason: string): void;
}

/** A stream that arrives. It fails with `ERR_SERPY_TRUNCATED` when it ends before it is whole. To destroy it before tells its sender to stop. */
export class ReceivedStream extends Readable {
  /** How many bytes it will have, where the sender has said so. */
  readonly sizeBytes: number | undefined;
  /** How many have arrived. */
  doneBytes = 0;
  readonly #listener: ReceivedStreamListener;
  readonly #waiting = new Fifo<InboundMessage>();
  /** The part that was handed to the reader, and may wait in there. Until more is asked for it counts as one that waits here. */
  #readerPart: InboundMessage | undefined;
  #demand = false;
  /** Whether nothing more will come. */
  #ended = false;

  constructor(sizeBytes: number | undefined, owner: ReceivedStreamListener) {
    super({ highWaterMark: 1 }); // one part at a time: what waits, waits where its sender is held back for it
    this.sizeBytes = sizeBytes;
    this.#listener = owner;
    this.on('error', () => {}); // a program that has not asked for it yet must not end of it
  }

  /** A part has come, in its place. */
  add(received: InboundMessage, data: Uint8Array): void {
    this.doneBytes += data.length;
    if (this.destroyed || data.length === 0) this.#listener.consumed(received);
    else this.#waiting.push(received);
    this.#scheduleRead();
  }

  /** All parts have come. */
  finish(): void {
    this.#ended = true;
    this.#scheduleRead();
  }

  /** No more parts will come. */
  fail(error: Error): void {
    this.#ended = true;
    this.destroy(error);
  }

  /** What listens to it is the program's, which must not run while a session is at work. */
  #scheduleRead(): void {
    if (this.#demand) process.nextTick(continueReading, this);
  }

  /** More has come for who waits. */
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
    const isWhole = this.#ended || this.doneBytes === this.sizeBytes;
    this.#ended = true;
    if (!isWhole) this.#listener.stopped(reasonOf(error));
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

/** To leave a `for await` is an abort to Node, and no reason. */
function reasonOf(error: (Error & { readonly code?: unknown }) | null): string {
  return error === null || error.code === 'ABORT_ERR' ? '' : error.message;
}
