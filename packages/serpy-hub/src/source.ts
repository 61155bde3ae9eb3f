/** One source of a hub: a connection that is made again whenever it ends, or values of this program. */
import { type ConnectOptions, connect, type PortableConnection, type ProtocolName, parseUrl, urlOf } from 'serpy';
import { type Clock, isSerpyError } from 'serpy-core';
import { type Content, HubMessage } from './message.js';

/** A URL, options of `connect`, a connection, or values of this program. */
export type SourceInput = string | ConnectOptions | PortableConnection | AsyncIterable<unknown>;

export type SourceState = 'connecting' | 'connected' | 'reconnecting' | 'closed' | 'values';

/** What is known about a source now. */
export interface SourceStatus {
  readonly name: string;
  /** Without keys and other options. Undefined for values of this program. */
  readonly url: string | undefined;
  readonly state: SourceState;
  readonly protocol: Exclude<ProtocolName, 'auto'> | undefined;
  readonly encrypted: boolean;
  readonly inSession: boolean;
  readonly reconnects: number;
  readonly messages: number;
  readonly bytesReceived: number;
  /** Messages that the connection dropped before the hub read them. */
  readonly dropped: number;
  /** When the last message arrived, by the hub's clock. */
  readonly lastAtMs: number | undefined;
  /** Why there is no connection. */
  readonly problem: string | undefined;
}

export interface SourceHost {
  readonly clock: Clock;
  /** Called for each message. The next one is read when it resolves. */
  onMessage(message: HubMessage): Promise<void> | undefined;
  onChange(source: Source): void;
}

/** Between two attempts to connect. */
const retryMs = { first: 500, most: 5000 };

/** Messages with further names share the slot of their kind: a peer cannot fill the memory with names. */
const maxNames = 64;

/** The hub repeats the first attempt itself, to tell why it failed. */
const defaults = { autoRestart: true, waitForServer: false, closeTimeoutMs: 1000 } as const;

/** Errors that another attempt does not avoid. */
const finalCodes: readonly string[] = ['ERR_SERPY_OPTION', 'ERR_SERPY_INSECURE'];

export class Source {
  readonly name: string;
  readonly #host: SourceHost;
  readonly #ending = new AbortController();
  readonly #isOwn: boolean;
  #connection: PortableConnection | undefined;
  #state: SourceState = 'connecting';
  #url: string | undefined;
  #problem: string | undefined;
  #messages = 0;
  #bytesBefore = 0;
  #reconnects = 0;
  #lastAtMs: number | undefined;
  readonly #newest = new Map<string, HubMessage>();
  readonly #names = new Set<string>();
  /** Resolves when the source has ended. Rejects with an error that another attempt does not avoid. */
  readonly finished: Promise<void>;

  constructor(name: string, input: SourceInput, host: SourceHost) {
    this.name = name;
    this.#host = host;
    this.#isOwn = typeof input === 'string' || !(Symbol.asyncIterator in input);
    this.finished = this.#run(input).finally(() => this.#setState('closed'));
    this.finished.catch(() => {}); // openHub reports it
  }

  status(): SourceStatus {
    const connection = this.#connection;
    const stats = connection?.stats();
    const isUp = connection?.isConnected() === true;
    return {
      name: this.name,
      url: this.#url,
      state: this.#state,
      protocol: connection?.peerProtocol ?? fixedProtocol(connection?.protocol),
      encrypted: connection?.encrypted ?? false,
      inSession: isUp && connection.inSession,
      reconnects: this.#reconnects + (stats?.reconnects ?? 0),
      messages: this.#messages,
      bytesReceived: this.#bytesBefore + (stats?.bytesReceived ?? 0),
      dropped: stats?.droppedReceiving ?? 0,
      lastAtMs: this.#lastAtMs,
      problem: this.#problem,
    };
  }

  /** The newest message of each kind and name. */
  newest(): Iterable<HubMessage> {
    return this.#newest.values();
  }

  /** The connection, for what is sent to the instrument. */
  get connection(): PortableConnection | undefined {
    return this.#connection;
  }

  /** Ends the source, and a connection that the hub made. */
  async close(): Promise<void> {
    this.#ending.abort();
    if (this.#isOwn) await this.#connection?.close().catch(() => {});
  }

  async #run(input: SourceInput): Promise<void> {
    if (typeof input === 'string') return this.#connectAgain(parseUrl(input) as ConnectOptions);
    if ('sendData' in input && 'messages' in input) return this.#readConnection(input);
    if (Symbol.asyncIterator in input) return this.#readValues(input);
    return this.#connectAgain(input);
  }

  /** Connects, reads until the end, and connects again, until the source is closed. */
  async #connectAgain(options: ConnectOptions): Promise<void> {
    const { protocol, host = '127.0.0.1', port } = options as { protocol: 'auto'; host?: string; port: number };
    const { tls = false, key } = options as { tls?: unknown; key?: unknown };
    this.#url = urlOf(protocol, { host, port }, key !== undefined || tls !== false);
    const { signal } = this.#ending;
    for (let delayMs = retryMs.first; !signal.aborted; delayMs = Math.min(retryMs.most, 2 * delayMs)) {
      const connection = await this.#attempt(options, signal);
      if (connection) {
        delayMs = retryMs.first;
        await this.#readConnection(connection);
        this.#forget(connection);
      }
      if (!signal.aborted) await this.#pause(delayMs, signal);
    }
  }

  async #attempt(options: ConnectOptions, signal: AbortSignal): Promise<PortableConnection | undefined> {
    try {
      return await connect({ ...defaults, ...options } as ConnectOptions, { signal });
    } catch (error) {
      if (isSerpyError(error) && finalCodes.includes(error.code)) throw error;
      this.#problem = (error as Error).message;
      this.#setState(this.#messages > 0 ? 'reconnecting' : 'connecting');
      return undefined;
    }
  }

  async #readConnection(connection: PortableConnection): Promise<void> {
    this.#connection = connection;
    const { remote } = connection;
    this.#url ??= remote && urlOf(connection.protocol, remote, connection.encrypted);
    const follow = () => {
      const isUp = connection.isConnected();
      if (isUp) this.#problem = undefined;
      this.#setState(isUp ? 'connected' : 'reconnecting');
    };
    connection.on('warning', () => {}); // counts say it
    connection.on('disconnect', ({ error }) => {
      this.#problem = error?.message ?? 'the connection broke';
      follow();
    });
    connection.on('reconnect', follow);
    follow();
    for await (const message of connection.messages()) {
      if (this.#ending.signal.aborted) break;
      await this.#deliver(message as Content);
    }
    const { error, peerReason } = connection.closeInfo ?? {};
    this.#problem = error?.message ?? peerReason ?? 'the instrument closed the connection';
    if (!this.#ending.signal.aborted) this.#setState('reconnecting');
  }

  async #readValues(values: AsyncIterable<unknown>): Promise<void> {
    this.#setState('values');
    const iterator = values[Symbol.asyncIterator]();
    const ended = new Promise<{ done: true; value: undefined }>((resolve) => {
      this.#ending.signal.addEventListener('abort', () => resolve({ done: true, value: undefined }), { once: true });
    });
    try {
      for (;;) {
        const { done, value } = await Promise.race([iterator.next(), ended]);
        if (done) break;
        await this.#deliver({ type: 'value', value });
      }
    } catch (error) {
      this.#problem = error instanceof Error ? error.message : String(error);
    }
    if (this.#ending.signal.aborted) void iterator.return?.()?.catch(() => {});
  }

  #deliver(content: Content): Promise<void> | undefined {
    this.#lastAtMs = this.#host.clock.now();
    const isNamed = this.#isKnown(content.about?.name);
    const message = new HubMessage(this.name, content, ++this.#messages, this.#lastAtMs, isNamed);
    this.#newest.set(message.slot, message);
    return this.#host.onMessage(message);
  }

  #isKnown(name: string | undefined): boolean {
    if (name === undefined || this.#names.has(name)) return true;
    if (this.#names.size >= maxNames) return false;
    this.#names.add(name);
    return true;
  }

  /** Keeps the counts of a connection that is over. */
  #forget(connection: PortableConnection): void {
    const { reconnects, bytesReceived } = connection.stats();
    this.#connection = undefined;
    this.#reconnects += reconnects + 1;
    this.#bytesBefore += bytesReceived;
  }

  #setState(state: SourceState): void {
    if (this.#state === 'closed') return;
    this.#state = state;
    this.#host.onChange(this);
  }

  #pause(delayMs: number, signal: AbortSignal): Promise<void> {
    const { clock } = this.#host;
    return new Promise((resolve) => {
      const done = () => {
        clock.clearTimeout(timer);
        signal.removeEventListener('abort', done);
        resolve();
      };
      const timer = clock.setTimeout(done, delayMs);
      signal.addEventListener('abort', done);
    });
  }
}

function fixedProtocol(protocol: ProtocolName | undefined): SourceStatus['protocol'] {
  return protocol === 'auto' ? undefined : protocol;
}
