/** Messages that have arrived and wait to be taken, and what happens to one that finds the queue full. */
import type { Clock } from './environment.js';
import { MessagesDroppedError, QueueFullError } from './errors.js';
import { Mailbox } from './mailbox.js';
import type { WaitOptions } from './pending.js';
import type { Received } from './protocol.js';
import type { QueueOptions } from './send-queue.js';

export class ReceiveQueue {
  readonly #options: QueueOptions;
  readonly #mailbox: Mailbox<Received>;
  readonly #dropped: (error: MessagesDroppedError | undefined) => void;
  #dropping = false;
  #closing = false;

  /** @param dropped called for each message that is dropped; with an error for the first of a run */
  constructor(options: QueueOptions, clock: Clock, dropped: (error: MessagesDroppedError | undefined) => void) {
    this.#options = options;
    this.#mailbox = new Mailbox(options, clock);
    this.#dropped = dropped;
  }

  get length(): number {
    return this.#mailbox.length;
  }

  get bytes(): number {
    return this.#mailbox.bytes;
  }

  /** Whether what comes next must wait outside. */
  get full(): boolean {
    return this.#mailbox.full && this.#options.whenFull === 'block' && !this.#closing;
  }

  /** Takes a message in. Throws a `QueueFullError` under `whenFull: 'error'`. */
  put(received: Received): void {
    if (this.#mailbox.full) {
      switch (this.#options.whenFull) {
        case 'error':
          throw new QueueFullError(`${this.#fullMessage()}: take messages faster, or choose another whenFull`);
        case 'drop-oldest':
          while (this.#mailbox.full && this.#mailbox.takeNow() !== undefined) this.#drop();
          break;
        case 'drop-newest':
          this.#drop();
          return;
        case 'block':
          if (!this.#closing) break; // what came with the end of a link cannot wait outside
          this.#drop();
          return;
      }
    }
    this.#mailbox.put(received);
  }

  takeNow(): Received | undefined {
    const received = this.#mailbox.takeNow();
    if (this.#mailbox.length === 0) this.#dropping = false;
    return received;
  }

  take<R>(what: string, options: WaitOptions, convert: (received: Received) => R): Promise<R> {
    const taken = this.#mailbox.take(what, options, convert);
    if (this.#mailbox.length === 0) this.#dropping = false;
    return taken;
  }

  /** The application has said that it is done: nothing holds the peer's last words back any more, they are dropped where there is no room. */
  closing(): void {
    this.#closing = true;
  }

  /** Nothing more will come: who waits gets the error, and so does who asks when nothing is left. */
  close(error: () => Error): void {
    this.#mailbox.close(error);
  }

  #drop(): void {
    const first = !this.#dropping;
    this.#dropping = true;
    const text = `${this.#fullMessage()}: messages are being dropped; stats() counts them`;
    this.#dropped(first ? new MessagesDroppedError(text, 1) : undefined);
  }

  #fullMessage(): string {
    const { maxMessages, maxBytes } = this.#options;
    return `the receive queue is full (receiveQueue: ${maxMessages} messages, ${maxBytes} bytes)`;
  }
}
