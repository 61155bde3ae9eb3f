/** Messages that have arrived and wait for the program, and what happens to a message when the queue is full. */
import type { Clock } from '../environment.js';
import { MessagesDroppedError, QueueFullError } from '../errors.js';
import type { WaitOptions } from '../options/wait-options.js';
import type { InboundMessage } from '../protocol/message.js';
import { AsyncQueue, type AsyncQueueListener } from './async-queue.js';
import type { QueueOptions } from './send-queue.js';

/** The options of a receive queue. */
export interface ReceiveQueueOptions extends QueueOptions {
  /** Whether only the newest message is kept. Dropping is normal then, and is reported once for each link. */
  readonly latestOnly?: boolean;
}

/** The queue of `keep: 'latest'`. */
export const latestOnly: ReceiveQueueOptions = {
  maxMessages: 1,
  maxBytes: Number.MAX_SAFE_INTEGER,
  whenFull: 'drop-oldest',
  latestOnly: true,
};

/** Reading resumes when a full queue has drained to this share of its bounds. When it resumed for each message, a slow receiver took 1.5 times as long. */
const resumeBelow = 15 / 16;

/** What a receive queue reports. */
export interface ReceiveQueueListener extends AsyncQueueListener<InboundMessage> {
  /**
   * A message was dropped.
   * @param error for the first of a run
   * @param newest the message, if it was not queued; one that was dropped for a newer one is reported by `consumed`
   */
  droppedInbound(error: MessagesDroppedError | undefined, newest?: InboundMessage): void;
}

export class ReceiveQueue extends AsyncQueue<InboundMessage> {
  readonly #options: ReceiveQueueOptions;
  readonly #listener: ReceiveQueueListener;
  /** Whether messages are being dropped, and that has been reported. */
  #dropping = false;
  #closing = false;
  /** Whether too many messages wait for the handler of requests. */
  handlerIsBusy = false;

  constructor(options: ReceiveQueueOptions, clock: Clock, listener: ReceiveQueueListener) {
    super(options, clock, listener);
    this.#options = options;
    this.#listener = listener;
  }

  /** Whether reading must pause. */
  override get full(): boolean {
    if (this.handlerIsBusy) return true;
    return super.full && this.#options.whenFull === 'block' && !this.#closing;
  }

  /** Whether reading may resume after the queue was full. */
  get hasRoom(): boolean {
    if (this.full) return false;
    const { maxMessages, maxBytes, whenFull } = this.#options;
    const anyRoom = whenFull !== 'block' || this.#closing;
    return anyRoom || (this.length <= maxMessages * resumeBelow && this.bytes <= maxBytes * resumeBelow);
  }

  /** Queues a message. Throws a `QueueFullError` with `whenFull: 'error'`. */
  override put(received: InboundMessage): void {
    if (super.full) {
      switch (this.#options.whenFull) {
        case 'error':
          throw new QueueFullError(`${this.#fullMessage()}: consume messages faster, or choose another whenFull`);
        case 'drop-oldest':
          while (super.full && super.takeNow() !== undefined) this.#drop();
          break;
        case 'drop-newest':
          this.#drop(received);
          return;
        case 'block':
          if (!this.#closing) break; // messages at the end of a link cannot wait in the transport
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
    const result = super.take(what, options, convert, ended, by);
    this.#endDropReport();
    return result;
  }

  /** Another link is up: the next drop is reported again. */
  linkUp(): void {
    if (this.#options.latestOnly) this.#dropping = false;
  }

  /** `close` was called: a full queue no longer stops reading. Messages without room are dropped. */
  closing(): void {
    this.#closing = true;
  }

  /** An empty queue ends a run of drops, so that the next run is reported too. With `latestOnly`, only a new link does. */
  #endDropReport(): void {
    if (this.length === 0 && !this.#options.latestOnly) this.#dropping = false;
  }

  #drop(newest?: InboundMessage): void {
    const first = !this.#dropping;
    this.#dropping = true;
    const text = this.#options.latestOnly
      ? "newer messages replace those that the program did not consume (keep: 'latest'): stats().droppedReceiving counts them"
      : `${this.#fullMessage()} and drops messages: consume them faster, or raise receiveQueue. stats().droppedReceiving counts them`;
    this.#listener.droppedInbound(first ? new MessagesDroppedError(text, 1) : undefined, newest);
  }

  #fullMessage(): string {
    const { maxMessages, maxBytes } = this.#options;
    return `the receive queue is full (receiveQueue: ${maxMessages} messages, ${maxBytes} bytes)`;
  }
}
