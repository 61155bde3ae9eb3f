/** Messages that have arrived and wait to be taken, and what happens to one that finds the queue full. */
import type { Clock } from '../environment.js';
import { MessagesDroppedError, QueueFullError } from '../errors.js';
import type { WaitOptions } from '../options/wait-options.js';
import type { InboundMessage } from '../protocol/message.js';
import { AsyncQueue, type AsyncQueueListener } from './async-queue.js';
import type { QueueOptions } from './send-queue.js';

/** What the queue goes by. */
export interface ReceiveQueueOptions extends QueueOptions {
  /** Whether the newest message alone is wanted. To be dropped is the usual end of a message then, and told once for each link. */
  readonly latestOnly?: boolean;
}

/** The queue of `keep: 'latest'`. */
export const latestOnly: ReceiveQueueOptions = {
  maxMessages: 1,
  maxBytes: Number.MAX_SAFE_INTEGER,
  whenFull: 'drop-oldest',
  latestOnly: true,
};

/** Reading resumes when a full queue has drained to this share of its bounds. Resuming for each message took a slow receiver 1.5 times as long. */
const resumeBelow = 15 / 16;

/** What the queue tells its owner. */
export interface ReceiveQueueListener extends AsyncQueueListener<InboundMessage> {
  /**
   * A message was dropped.
   * @param error for the first of a run
   * @param newest the message, where it was not taken in; one that had to make room is told by `taken`
   */
  droppedInbound(error: MessagesDroppedError | undefined, newest?: InboundMessage): void;
}

export class ReceiveQueue extends AsyncQueue<InboundMessage> {
  readonly #options: ReceiveQueueOptions;
  readonly #listener: ReceiveQueueListener;
  /** Whether messages are being dropped, and that has been told. */
  #dropping = false;
  #closing = false;

  constructor(options: ReceiveQueueOptions, clock: Clock, listener: ReceiveQueueListener) {
    super(options, clock, listener);
    this.#options = options;
    this.#listener = listener;
  }

  /** Whether what comes next must wait outside. */
  override get full(): boolean {
    return super.full && this.#options.whenFull === 'block' && !this.#closing;
  }

  /** Whether reading may resume after the queue was full. */
  get hasRoom(): boolean {
    if (this.full) return false;
    const { maxMessages, maxBytes, whenFull } = this.#options;
    const anyRoom = whenFull !== 'block' || this.#closing;
    return anyRoom || (this.length <= maxMessages * resumeBelow && this.bytes <= maxBytes * resumeBelow);
  }

  /** Takes a message in. Throws a `QueueFullError` under `whenFull: 'error'`. */
  override put(received: InboundMessage): void {
    if (super.full) {
      switch (this.#options.whenFull) {
        case 'error':
          throw new QueueFullError(`${this.#fullMessage()}: take messages faster, or choose another whenFull`);
        case 'drop-oldest':
          while (super.full && super.takeNow() !== undefined) this.#drop();
          break;
        case 'drop-newest':
          this.#drop(received);
          return;
        case 'block':
          if (!this.#closing) break; // what came with the end of a link cannot wait outside
          this.#drop(received);
          return;
      }
    }
    super.put(received);
  }

  override takeNow(): InboundMessage | undefined {
    const received = super.takeNow();
    this.#endDropReport();
    return received;
  }

  override take<R>(
    what: string,
    options: WaitOptions,
    convert: (received: InboundMessage) => R,
    ended?: () => R,
    by?: object,
  ): Promise<R> {
    const taken = super.take(what, options, convert, ended, by);
    this.#endDropReport();
    return taken;
  }

  /** Another link is up: what is dropped from now on is told anew. */
  linkUp(): void {
    if (this.#options.latestOnly) this.#dropping = false;
  }

  /** The application has said that it is done: nothing holds the peer's last words back any more, they are dropped where there is no room. */
  closing(): void {
    this.#closing = true;
  }

  /** Who keeps up for a moment, and falls behind again, is told again; but not where that is the use of it. */
  #endDropReport(): void {
    if (this.length === 0 && !this.#options.latestOnly) this.#dropping = false;
  }

  #drop(newest?: InboundMessage): void {
    const first = !this.#dropping;
    this.#dropping = true;
    const why = this.#options.latestOnly
      ? "newer messages replace those that nobody took (keep: 'latest')"
      : this.#fullMessage();
    const text = `${why}: messages are being dropped; stats() counts them`;
    this.#listener.droppedInbound(first ? new MessagesDroppedError(text, 1) : undefined, newest);
  }

  #fullMessage(): string {
    const { maxMessages, maxBytes } = this.#options;
    return `the receive queue is full (receiveQueue: ${maxMessages} messages, ${maxBytes} bytes)`;
  }
}
