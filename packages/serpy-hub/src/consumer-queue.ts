/** The messages that wait for a consumer of a hub: the newest of each kind and name, or all in order. */
import { Fifo } from 'serpy-core';
import type { HubMessage } from './message.js';

/** The options, checked and complete. */
export interface ConsumerSettings {
  readonly sources: readonly string[] | undefined;
  readonly policy: 'latest' | 'all';
  readonly whenFull: 'wait' | 'drop-oldest';
  readonly maxMessages: number;
  readonly maxBytes: number;
  readonly replay: boolean;
}

/** What waits for a consumer. */
export interface ConsumerQueue {
  readonly length: number;
  readonly bytes: number;
  /** Returns the number of messages that it dropped. */
  add(message: HubMessage): number;
  take(): HubMessage | undefined;
  clear(): void;
}

/** The newest message of each kind and name. A kind keeps its place when a newer one replaces it, so that a fast kind does not delay a slow one. */
export class LatestQueue implements ConsumerQueue {
  readonly #messages = new Map<string, HubMessage>();

  get length(): number {
    return this.#messages.size;
  }

  get bytes(): number {
    let sum = 0;
    for (const message of this.#messages.values()) sum += message.sizeBytes;
    return sum;
  }

  add(message: HubMessage): number {
    const key = `${message.slot}\0${message.source}`;
    const replaced = this.#messages.has(key) ? 1 : 0;
    this.#messages.set(key, message);
    return replaced;
  }

  take(): HubMessage | undefined {
    for (const [key, message] of this.#messages) {
      this.#messages.delete(key);
      return message;
    }
    return undefined;
  }

  clear(): void {
    this.#messages.clear();
  }
}

/** Every message, in order. */
export class OrderedQueue implements ConsumerQueue {
  readonly #messages = new Fifo<HubMessage>();
  readonly #settings: ConsumerSettings;
  bytes = 0;

  constructor(settings: ConsumerSettings) {
    this.#settings = settings;
  }

  get length(): number {
    return this.#messages.length;
  }

  get isFull(): boolean {
    return this.length >= this.#settings.maxMessages || this.bytes >= this.#settings.maxBytes;
  }

  add(message: HubMessage): number {
    let dropped = 0;
    const { whenFull, maxMessages, maxBytes } = this.#settings;
    if (whenFull === 'drop-oldest') {
      while (this.length > 0 && (this.length >= maxMessages || this.bytes + message.sizeBytes > maxBytes)) {
        this.take();
        dropped++;
      }
    }
    this.#messages.push(message);
    this.bytes += message.sizeBytes;
    return dropped;
  }

  take(): HubMessage | undefined {
    const message = this.#messages.shift();
    if (message) this.bytes -= message.sizeBytes;
    return message;
  }

  clear(): void {
    this.#messages.clear();
    this.bytes = 0;
  }
}
