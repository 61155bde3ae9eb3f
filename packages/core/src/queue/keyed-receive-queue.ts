/** A receive queue in which a message replaces an earlier one with the same key, and others wait as always. */
import type { Clock } from '../environment.js';
import { MessagesDroppedError, OptionError } from '../errors.js';
import type { InboundMessage } from '../protocol/message.js';
import { ReceiveQueue, type ReceiveQueueListener, type ReceiveQueueOptions } from './receive-queue.js';

/** What a keyed receive queue reports. */
export interface KeyedQueueListener extends ReceiveQueueListener {
  /**
   * A newer message with the same key has replaced this one.
   * @param error for the first on a link
   * @param earlierWait whether earlier messages still wait
   */
  replaced(received: InboundMessage, error: MessagesDroppedError | undefined, earlierWait: boolean): void;
  /** The function of the option `keep` failed: the message is kept. */
  keepFailed(error: OptionError): void;
}

export class KeyedReceiveQueue extends ReceiveQueue {
  readonly #listener: KeyedQueueListener;
  readonly #keyOf: (received: InboundMessage) => string | undefined;
  /** The waiting message of each key, and the key of each such message. */
  readonly #newest = new Map<string, InboundMessage>();
  readonly #keys = new Map<InboundMessage, string>();
  /** The key of the message that `put` is at work on. */
  #arrivingKey: string | undefined;
  #replacing = false;
  #failed = false;

  constructor(
    options: ReceiveQueueOptions,
    clock: Clock,
    listener: KeyedQueueListener,
    keyOf: (received: InboundMessage) => string | undefined,
  ) {
    super(options, clock, listener);
    this.#listener = listener;
    this.#keyOf = keyOf;
  }

  override put(received: InboundMessage): void {
    const key = this.#keyFor(received);
    const older = key === undefined ? undefined : this.#newest.get(key);
    if (older !== undefined) this.#replace(older);
    const outer = this.#arrivingKey; // a message that is dropped may cause the next one to be read
    this.#arrivingKey = key;
    try {
      super.put(received);
    } finally {
      this.#arrivingKey = outer;
    }
  }

  /** The message has to wait. */
  override push(received: InboundMessage): void {
    super.push(received);
    const key = this.#arrivingKey;
    if (key === undefined) return;
    this.#newest.set(key, received);
    this.#keys.set(received, key);
  }

  override shift(): InboundMessage | undefined {
    const received = super.shift();
    if (received !== undefined) this.#forget(received);
    return received;
  }

  override linkUp(): void {
    super.linkUp();
    this.#replacing = false;
  }

  #replace(older: InboundMessage): void {
    const earlierWait = this.first !== older;
    this.remove(older);
    this.#forget(older);
    const isFirst = !this.#replacing;
    this.#replacing = true;
    const text =
      'newer messages replace those that the program did not consume (keep): stats().droppedReceiving counts them';
    this.#listener.replaced(older, isFirst ? new MessagesDroppedError(text, 1) : undefined, earlierWait);
  }

  #forget(received: InboundMessage): void {
    const key = this.#keys.get(received);
    if (key === undefined) return;
    this.#keys.delete(received);
    if (this.#newest.get(key) === received) this.#newest.delete(key);
  }

  #keyFor(received: InboundMessage): string | undefined {
    try {
      return this.#keyOf(received);
    } catch (cause) {
      if (!this.#failed) {
        this.#failed = true;
        this.#listener.keepFailed(
          new OptionError(
            `the function of the option keep failed: ${cause instanceof Error ? cause.message : String(cause)}. Messages for which it fails are kept. Correct it; this is reported once`,
            { cause },
          ),
        );
      }
      return undefined;
    }
  }
}
