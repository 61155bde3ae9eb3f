/** The hub: reads each source once and offers each message to every consumer. */

import type { ListenOptions } from 'serpy';
import { type Clock, checkNames, type Environment, OptionError, QueueFullError, systemEnvironment } from 'serpy-core';
import { Consumer, type ConsumerOptions, consumerSettings } from './consumer.js';
import type { HubMessage } from './message.js';
import { type HubServer, type ServeOptions, serve } from './serve.js';
import { Source, type SourceHost, type SourceInput } from './source.js';

export interface HubOptions {
  /** The sources by name: a URL, options of `connect`, a connection, or an `AsyncIterable` of values. */
  readonly sources?: Readonly<Record<string, SourceInput>> | undefined;
  /** How long a consumer with `policy: 'all'` and `whenFull: 'wait'` may throttle a source before it is closed. Default 10,000. */
  readonly stallTimeoutMs?: number | undefined;
}

const optionNames = ['sources', 'stallTimeoutMs'];

/** More names than a lab has instruments. */
const maxSources = 256;

/**
 * Connects to the sources, and resolves at once: a source that cannot be reached is tried again until it can.
 * @throws `ERR_SERPY_OPTION`, `ERR_SERPY_INSECURE`
 */
export async function openHub(
  options: HubOptions = {},
  environment: Pick<Environment, 'clock'> = systemEnvironment,
): Promise<Hub> {
  checkNames(options, optionNames);
  const hub = new Hub(options.stallTimeoutMs ?? 10_000, environment.clock);
  try {
    for (const [name, input] of Object.entries(options.sources ?? {})) await hub.add(name, input);
  } catch (error) {
    await hub.close();
    throw error;
  }
  return hub;
}

export class Hub {
  readonly #clock: Clock;
  readonly #stallTimeoutMs: number;
  readonly #sources = new Map<string, Source>();
  readonly #consumers = new Set<Consumer>();
  readonly #servers = new Set<HubServer>();
  readonly #listeners = new Set<(source: Source) => void>();
  #isClosed = false;

  constructor(stallTimeoutMs: number, clock: Clock) {
    if (!Number.isFinite(stallTimeoutMs) || stallTimeoutMs <= 0)
      throw new OptionError(`stallTimeoutMs is a time in milliseconds above 0, not ${String(stallTimeoutMs)}`);
    this.#stallTimeoutMs = stallTimeoutMs;
    this.#clock = clock;
  }

  get sources(): ReadonlyMap<string, Source> {
    return this.#sources;
  }

  /** The number of consumers. */
  get size(): number {
    return this.#consumers.size;
  }

  /** Adds a source. Resolves when its options are accepted; it connects in the background. */
  async add(name: string, input: SourceInput): Promise<Source> {
    if (this.#isClosed) throw new OptionError('the hub is closed: open another one');
    if (this.#sources.has(name))
      throw new OptionError(`there is a source '${name}' already: give this one another name`);
    if (this.#sources.size >= maxSources) throw new OptionError(`a hub has at most ${maxSources} sources: remove one`);
    const host: SourceHost = {
      clock: this.#clock,
      onMessage: (message) => this.#deliver(message),
      onChange: (source) => {
        for (const listener of this.#listeners) listener(source);
      },
    };
    const source = new Source(name, input, host);
    this.#sources.set(name, source);
    try {
      await Promise.race([source.finished, this.#nextTurn()]); // options are checked before the first attempt
    } catch (error) {
      this.#sources.delete(name);
      throw error;
    }
    return source;
  }

  /** Closes a source and forgets its messages. */
  async remove(name: string): Promise<void> {
    const source = this.#sources.get(name);
    this.#sources.delete(name);
    await source?.close();
  }

  /** A new consumer. It gets the newest message of each kind at once, unless `replay` is false. */
  consume(options: ConsumerOptions = {}): Consumer {
    const settings = consumerSettings(options);
    const unknown = settings.sources?.find((name) => !this.#sources.has(name));
    if (unknown !== undefined) throw new OptionError(`there is no source '${unknown}': ${this.#namesInWords()}`);
    const consumer = new Consumer(settings, (each) => this.#consumers.delete(each));
    if (settings.replay) {
      for (const source of this.#sources.values()) {
        if (consumer.wants(source.name)) for (const message of source.newest()) consumer.offer(message);
      }
    }
    if (this.#isClosed) consumer.end();
    else this.#consumers.add(consumer);
    return consumer;
  }

  /** Serves consumers that connect: each client gets the messages of the hub under its policy. */
  async serve(listen: ListenOptions | string, options: ServeOptions = {}): Promise<HubServer> {
    const server = await serve(this, listen, options);
    this.#servers.add(server);
    return server;
  }

  /** Calls back when the state of a source changes. Returns a function that stops it. */
  onChange(listener: (source: Source) => void): () => void {
    this.#listeners.add(listener);
    return () => void this.#listeners.delete(listener);
  }

  /** Closes servers and the connections that the hub made; consumers end after what waits for them. */
  async close(): Promise<void> {
    this.#isClosed = true;
    await Promise.all([...this.#sources.values()].map((source) => source.close()));
    for (const consumer of [...this.#consumers]) consumer.end();
    await Promise.all([...this.#servers].map((server) => server.close()));
  }

  /** Returns a promise only if a consumer throttles the source: the usual way makes none. */
  #deliver(message: HubMessage): Promise<void> | undefined {
    let slow: Consumer[] | undefined;
    for (const consumer of this.#consumers) {
      if (!consumer.wants(message.source)) continue;
      consumer.offer(message);
      if (consumer.isFull) slow = [...(slow ?? []), consumer];
    }
    return slow && this.#waitFor(slow);
  }

  async #waitFor(slow: readonly Consumer[]): Promise<void> {
    let timer: unknown;
    const timeout = new Promise<void>((resolve) => {
      timer = this.#clock.setTimeout(resolve, this.#stallTimeoutMs);
    });
    await Promise.race([Promise.all(slow.map((consumer) => consumer.room())), timeout]);
    this.#clock.clearTimeout(timer);
    for (const consumer of slow) {
      if (consumer.isFull) consumer.close(stalled(this.#stallTimeoutMs, consumer));
    }
  }

  #nextTurn(): Promise<void> {
    return new Promise((resolve) => this.#clock.setImmediate(resolve));
  }

  #namesInWords(): string {
    const names = [...this.#sources.keys()];
    return names.length === 0 ? 'the hub has none' : `the sources are ${names.join(', ')}`;
  }
}

function stalled(stallTimeoutMs: number, consumer: Consumer): QueueFullError {
  return new QueueFullError(
    `the consumer read nothing for ${stallTimeoutMs} ms with ${consumer.stats().waiting} messages waiting, and was closed so that the source can continue: read faster, or use whenFull: 'drop-oldest'`,
  );
}
