/** One consumer of a hub: it iterates over the messages of its sources, and may be slower than they are. */
import { checkNames, OptionError } from 'serpy-core';
import { type ConsumerQueue, type ConsumerSettings, LatestQueue, OrderedQueue } from './consumer-queue.js';
import type { HubMessage } from './message.js';

export interface ConsumerOptions {
  /** The sources, by name. By default all of them, also those that are added later. */
  readonly sources?: readonly string[] | undefined;
  /** `'latest'` keeps the newest message of each kind and name, `'all'` every message up to the bounds. Default `'latest'`. */
  readonly policy?: 'latest' | 'all' | undefined;
  /** With `'all'`, at the bounds: `'wait'` throttles the source, `'drop-oldest'` drops and counts. Default `'wait'`. */
  readonly whenFull?: 'wait' | 'drop-oldest' | undefined;
  /** With `'all'`. Default 1000. */
  readonly maxMessages?: number | undefined;
  /** With `'all'`. A single larger message is accepted. Default 64 MiB. */
  readonly maxBytes?: number | undefined;
  /** Whether it gets the newest message of each kind at once. Default true. */
  readonly replay?: boolean | undefined;
}

export interface ConsumerStats {
  readonly delivered: number;
  /** Messages that newer ones replaced, or that were dropped at the bounds. */
  readonly dropped: number;
  readonly waiting: number;
  readonly waitingBytes: number;
}

const names = ['sources', 'policy', 'whenFull', 'maxMessages', 'maxBytes', 'replay'];

export function consumerSettings(options: ConsumerOptions): ConsumerSettings {
  checkNames(options, names);
  const {
    sources,
    policy = 'latest',
    whenFull = 'wait',
    maxMessages = 1000,
    maxBytes = 64 * 2 ** 20,
    replay = true,
  } = options;
  if (policy !== 'latest' && policy !== 'all')
    throw new OptionError(`policy is 'latest' or 'all', not ${String(policy)}`);
  if (whenFull !== 'wait' && whenFull !== 'drop-oldest')
    throw new OptionError(`whenFull is 'wait' or 'drop-oldest', not ${String(whenFull)}`);
  for (const [name, value] of Object.entries({ maxMessages, maxBytes })) {
    if (!Number.isSafeInteger(value) || value < 1)
      throw new OptionError(`${name} is a whole number from 1, not ${String(value)}`);
  }
  return { sources, policy, whenFull, maxMessages, maxBytes, replay };
}

/** Iterate over it once: `for await (const message of consumer)`. It ends when the hub or the consumer closes. */
export class Consumer implements AsyncIterableIterator<HubMessage> {
  readonly settings: ConsumerSettings;
  readonly #queue: ConsumerQueue;
  readonly #onClose: (consumer: Consumer) => void;
  #reader: PromiseWithResolvers<IteratorResult<HubMessage>> | undefined;
  #room: (() => void)[] = [];
  #delivered = 0;
  #dropped = 0;
  #isOver = false;
  #failure: Error | undefined;

  /** @param onClose called once */
  constructor(settings: ConsumerSettings, onClose: (consumer: Consumer) => void) {
    this.settings = settings;
    this.#queue = settings.policy === 'latest' ? new LatestQueue() : new OrderedQueue(settings);
    this.#onClose = onClose;
  }

  stats(): ConsumerStats {
    const { length, bytes } = this.#queue;
    return { delivered: this.#delivered, dropped: this.#dropped, waiting: length, waitingBytes: bytes };
  }

  /** Whether it wants messages of a source. */
  wants(source: string): boolean {
    return this.settings.sources?.includes(source) ?? true;
  }

  /** Whether the source has to wait for it. */
  get isFull(): boolean {
    return this.settings.whenFull === 'wait' && this.#queue instanceof OrderedQueue && this.#queue.isFull;
  }

  /** Called by the hub. */
  offer(message: HubMessage): void {
    if (this.#isOver) return;
    const reader = this.#reader;
    if (reader) {
      this.#reader = undefined;
      this.#delivered++;
      reader.resolve({ done: false, value: message });
    } else this.#dropped += this.#queue.add(message);
  }

  /** Resolves when it has room, or is over. */
  room(): Promise<void> {
    return new Promise((resolve) => {
      if (this.isFull && !this.#isOver) this.#room.push(resolve);
      else resolve();
    });
  }

  next(): Promise<IteratorResult<HubMessage>> {
    const value = this.#queue.take();
    if (value) {
      this.#delivered++;
      if (!this.isFull) this.#releaseSource();
      return Promise.resolve({ done: false, value });
    }
    if (this.#failure) {
      const failure = this.#failure;
      this.#failure = undefined;
      return Promise.reject(failure);
    }
    if (this.#isOver) return Promise.resolve({ done: true, value: undefined });
    if (this.#reader)
      return Promise.reject(new OptionError('a consumer has one reader: await each next() before the following one'));
    this.#reader = withResolvers();
    return this.#reader.promise;
  }

  /** Ends the iteration. What waits is dropped. */
  return(): Promise<IteratorResult<HubMessage>> {
    this.close();
    return Promise.resolve({ done: true, value: undefined });
  }

  /** Ends the iteration; what waits is dropped. @param failure the error of the reader's `next` */
  close(failure?: Error): void {
    if (this.#isOver) return;
    this.#dropped += this.#queue.length;
    this.#queue.clear();
    this.#failure = failure;
    this.end();
  }

  /** Ends the iteration after what waits. */
  end(): void {
    if (this.#isOver) return;
    this.#isOver = true;
    this.#releaseSource();
    const reader = this.#reader;
    this.#reader = undefined;
    if (reader && this.#failure) {
      reader.reject(this.#failure);
      this.#failure = undefined;
    } else reader?.resolve({ done: true, value: undefined });
    this.#onClose(this);
  }

  [Symbol.asyncIterator](): this {
    return this;
  }

  #releaseSource(): void {
    for (const resolve of this.#room.splice(0)) resolve();
  }
}

/** Node 20 has no `Promise.withResolvers`. */
interface PromiseWithResolvers<T> {
  readonly promise: Promise<T>;
  resolve(value: T): void;
  reject(error: Error): void;
}

function withResolvers<T>(): PromiseWithResolvers<T> {
  let [resolve, reject]: [(value: T) => void, (error: Error) => void] = [() => {}, () => {}];
  const promise = new Promise<T>((yes, no) => {
    [resolve, reject] = [yes, no];
  });
  return { promise, resolve, reject };
}
