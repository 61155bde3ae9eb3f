/** Messages that have arrived and wait to be taken, and what happens to one that finds the queue full. */
import type { Clock } from '../environment.js';
import { MessagesDroppedError, QueueFullError } from '../errors.js';
import type { WaitOptions } from '../options/wait-options.js';
import type { Received } from '../protocol/message.js';
import { Mailbox } from './async-queue.js';
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

/** What the queue tells its owner. */
export interface ReceiveQueueOwner {
  /**
   * A message was dropped.
   * @param error for the first of a run
   * @param newest the message, where it was not taken in; one that had to make room is told by `taken`
   */
  droppedIncoming(error: MessagesDroppedError | undefined, newest?: Received): void;
  /** The application has it now, or it was dropped for a newer one. */
  taken(received: Received): void;
}

export class ReceiveQueue extends Mailbox<Received> {
  readonly #options: ReceiveQueueOptions;
  readonly #owner: ReceiveQueueOwner;
  /** Whether messages are being dropped, and that has been told. */
  #dropping = false;
  #closing = false;

  constructor(options: ReceiveQueueOptions, clock: Clock, owner: ReceiveQueueOwner) {
    super(options, clock);
    this.#options = options;
    this.#owner = owner;
  }

  /** Whether what comes next must wait outside. */
  override get full(): boolean {
    return super.full && this.#options.whenFull === 'block' && !this.#closing;
  }

  /** Takes a message in. Throws a `QueueFullError` under `whenFull: 'error'`. */
  override put(received: Received): void {
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

  override takeNow(): Received | undefined {
    const received = super.takeNow();
    this.#endRun();
    return received;
  }

  override take<R>(
    what: string,
    options: WaitOptions,
    convert: (received: Received) => R,
    ended?: () => R,
    by?: object,
  ): Promise<R> {
    const taken = super.take(what, options, convert, ended, by);
    this.#endRun();
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

  protected override handedOver(received: Received): void {
    this.#owner.taken(received);
  }

  /** Who keeps up for a moment, and falls behind again, is told again; but not where that is the use of it. */
  #endRun(): void {
    if (this.length === 0 && !this.#options.latestOnly) this.#dropping = false;
  }

  #drop(newest?: Received): void {
    const first = !this.#dropping;
    this.#dropping = true;
    const why = this.#options.latestOnly
      ? "newer messages replace those that nobody took (keep: 'latest')"
      : this.#fullMessage();
    const text = `${why}: messages are being dropped; stats() counts them`;
    this.#owner.droppedIncoming(first ? new MessagesDroppedError(text, 1) : undefined, newest);
  }

  #fullMessage(): string {
    const { maxMessages, maxBytes } = this.#options;
    return `the receive queue is full (receiveQueue: ${maxMessages} messages, ${maxBytes} bytes)`;
  }
}
