/** A stream that arrives, as the program reads it. */
import { Readable } from 'node:stream';
import { Fifo } from '../buffers/fifo.js';
import type { Received } from '../protocol/message.js';

/** So much of a stream travels in one part. */
export const partBytes = 252 * 1024;

/** What a stream tells of itself. */
export interface ReceivedStreamOwner {
  /** The program has this part, or nobody will ever want it. */
  taken(received: Received): void;
  /** The program wants no more of it, or it has failed here: told once, and not where the sender has all of it behind him. */
  stopped(reason: string): void;
}

/** A stream that arrives. It fails with `ERR_SERPY_TRUNCATED` when it ends before it is whole. To destroy it before tells its sender to stop. */
export class ReceivedStream extends Readable {
  /** How many bytes it will have, where the sender has said so. */
  readonly sizeBytes: number | undefined;
  /** How many have arrived. */
  doneBytes = 0;
  readonly #owner: ReceivedStreamOwner;
  readonly #waiting = new Fifo<Received>();
  /** The part that was handed to the reader, and may wait in there. Until more is asked for it counts as one that waits here. */
  #inHand: Received | undefined;
  #wanted = false;
  /** Whether nothing more will come. */
  #ended = false;

  constructor(sizeBytes: number | undefined, owner: ReceivedStreamOwner) {
    super({ highWaterMark: 1 }); // one part at a time: what waits, waits where its sender is held back for it
    this.sizeBytes = sizeBytes;
    this.#owner = owner;
    this.on('error', () => {}); // a program that has not asked for it yet must not end of it
  }

  /** A part has come, in its place. */
  add(received: Received, data: Uint8Array): void {
    this.doneBytes += data.length;
    if (this.destroyed || data.length === 0) this.#owner.taken(received);
    else this.#waiting.push(received);
    this.#readSoon();
  }

  /** All parts have come. */
  finish(): void {
    this.#ended = true;
    this.#readSoon();
  }

  /** No more parts will come. */
  fail(error: Error): void {
    this.#ended = true;
    this.destroy(error);
  }

  /** What listens to it is the program's, which must not run while a session is at work. */
  #readSoon(): void {
    if (this.#wanted) process.nextTick(readOn, this);
  }

  /** More has come for who waits. */
  readOn(): void {
    if (this.#wanted && !this.destroyed) this._read();
  }

  override _read(): void {
    this.#takeInHand();
    const received = this.#waiting.shift();
    this.#wanted = received === undefined;
    if (received?.part?.kind === 'data') {
      this.#inHand = received;
      this.push(received.part.data);
    } else if (this.#ended) {
      this.push(null);
    }
  }

  override _destroy(error: Error | null, callback: (error?: Error | null) => void): void {
    this.#takeInHand();
    for (let received = this.#waiting.shift(); received; received = this.#waiting.shift()) this.#owner.taken(received);
    const isWhole = this.#ended || this.doneBytes === this.sizeBytes;
    this.#ended = true;
    if (!isWhole) this.#owner.stopped(reasonOf(error));
    callback(error);
  }

  #takeInHand(): void {
    const received = this.#inHand;
    this.#inHand = undefined;
    if (received) this.#owner.taken(received);
  }
}

function readOn(stream: ReceivedStream): void {
  stream.readOn();
}

/** To leave a `for await` is an abort to Node, and no reason. */
function reasonOf(error: (Error & { readonly code?: unknown }) | null): string {
  return error === null || error.code === 'ABORT_ERR' ? '' : error.message;
}
