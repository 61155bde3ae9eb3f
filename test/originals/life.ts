/**
 * Programs of ours that live with originals, in a network in memory: whatever a program does and whatever happens to its links, what
 * reaches an original must be what it can take, and what it hears must be what was said.
 */
import type { ConnectionState, Dial, Environment, Transport } from 'serpy-core';
import { MemoryNetwork, type Slicing } from 'serpy-core/testing';
import { harmIn } from './harm.js';
import type { Original } from './peers.js';

/** A connection of any protocol, as far as a life goes. */
export interface AnyConnection {
  readonly state: ConnectionState;
  readonly remote: { readonly port: number } | undefined;
  sendData(value: never, options: never): Promise<boolean>;
  [Symbol.iterator](): Iterator<unknown>;
  on(event: 'warning', listener: () => void): unknown;
  enableRestart(): void;
  disableRestart(): void;
  close(): Promise<void>;
  destroy(): void;
}

/** A server of any protocol. */
export interface AnyServer {
  getConnectionsList(): AnyConnection[];
  on(event: 'connection', listener: (connection: AnyConnection) => void): unknown;
  on(event: 'warning', listener: () => void): unknown;
  closeServer(): Promise<void>;
}

/** Something that happens. Numbers draw from what there is. */
export type Event =
  | {
      readonly what: 'send';
      readonly value: unknown;
      readonly options: object;
      readonly abort?: boolean;
      readonly which: number;
    }
  | { readonly what: 'say'; readonly n: number; readonly which: number }
  | { readonly what: 'rubbish'; readonly bytes: Uint8Array; readonly which: number }
  | { readonly what: 'hang up' | 'mute' | 'pause' | 'resume'; readonly which: number }
  | { readonly what: 'reset' | 'finish' | 'stall' | 'release'; readonly which: number }
  | {
      readonly what: 'cut';
      readonly which: number;
      readonly toServer: boolean;
      readonly bytes: number;
      readonly how: 'fin' | 'reset' | 'half-close';
    }
  | { readonly what: 'dial' | 'take' }
  | { readonly what: 'wait'; readonly ms: number }
  | { readonly what: 'close' | 'destroy' | 'restart' | 'no restart'; readonly which: number };

/** What a protocol brings to a life. */
export interface Subject {
  /** An original at the far end; `from` says who writes to it. */
  original(transport: Transport, from: 'client' | 'server', now: () => number): Original;
  /** What an original hears of a value, in the words of `Original.heard`; undefined for what cannot be sent. */
  heardOf(value: unknown, options: object): string | undefined;
}

/** How the network is in a life. */
export interface Weather {
  readonly seed: number;
  readonly slicing: Slicing;
  readonly pipeBytes: number;
}

/** What came of a life. */
export interface Outcome {
  /** Every harm that was done, in words: none may be. */
  readonly harms: string[];
  readonly links: number;
  readonly heard: number;
}

const host = '127.0.0.1';
const port = 5000;

/** Longer than any wait that a life has. */
const allTimersMs = 120_000;

export class Life {
  readonly network: MemoryNetwork;
  /** The network, as a program of ours gets it. */
  readonly environment: Environment;
  readonly #subject: Subject;
  readonly #harms: string[] = [];
  /** By the port of the client's end. */
  readonly #originals = new Map<number, Original>();
  /** What was given to `sendData`: by the port of the peer, or under 0 all of a client's. */
  readonly #sent = new Map<number, string[]>();
  readonly #dialled: (Transport & { readonly destroyed?: boolean })[] = [];
  readonly #connections = new Set<AnyConnection>();

  constructor(subject: Subject, weather: Weather) {
    this.#subject = subject;
    this.network = new MemoryNetwork(weather);
    const { clock, random, listen } = this.network;
    this.environment = { clock, random, listen, dial: this.#dial };
  }

  /** A client of ours, whose server is an original. `connect` dials it. */
  async client(
    connect: (host: string, port: number) => Promise<AnyConnection>,
    events: readonly Event[],
  ): Promise<Outcome> {
    const listener = await this.network.listen({
      host,
      port,
      keepAliveMs: 0,
      accept: (transport) => this.#meet(transport, transport.remote.port, 'client'),
      failed: () => {},
    });
    const connection = await this.#soon(connect(host, port));
    this.#keep(connection);
    for (const event of events) await this.#happen(event, () => [connection]);
    await this.#end(() => connection.close());
    listener.close();
    return this.#outcome(() => 0);
  }

  /** A server of ours, whose clients are originals. */
  async server(start: (port: number) => Promise<AnyServer>, events: readonly Event[]): Promise<Outcome> {
    const server = await start(port);
    server.on('warning', () => {});
    server.on('connection', (connection) => this.#keep(connection));
    await this.#dialAsOriginal();
    for (const event of events) await this.#happen(event, () => server.getConnectionsList());
    await this.#end(() => server.closeServer());
    return this.#outcome((clientPort) => clientPort);
  }

  /** What a promise comes to, in as little time as that takes: a program goes on at once. */
  async #soon<Result>(promise: Promise<Result>): Promise<Result> {
    let isSettled = false;
    const settled = () => {
      isSettled = true;
    };
    promise.then(settled, settled);
    for (await this.network.settled(); !isSettled; ) await this.network.clock.advance(1);
    return promise;
  }

  /** At most one socket at a time: an original server dies of too many. */
  readonly #dial: Dial = async (options) => {
    if (this.#dialled.some(({ destroyed }) => !destroyed)) this.#harms.push('a second socket to the same server');
    const transport = await this.network.dial(options);
    this.#dialled.push(transport);
    return transport;
  };

  async #dialAsOriginal(): Promise<void> {
    const { signal } = new AbortController();
    const transport = await this.network.dial({ host, port, keepAliveMs: 0, signal });
    this.#meet(transport, transport.local.port, 'server');
    await this.network.settled();
  }

  #meet(transport: Transport, clientPort: number, from: 'client' | 'server'): void {
    const original = this.#subject.original(transport, from, () => this.network.clock.now());
    this.#originals.set(clientPort, original);
    transport.start(original);
  }

  #keep(connection: AnyConnection): void {
    this.#connections.add(connection);
    connection.on('warning', () => {});
  }

  async #happen(event: Event, connections: () => readonly AnyConnection[]): Promise<void> {
    switch (event.what) {
      case 'wait':
        return this.network.clock.advance(event.ms);
      case 'dial':
        if (this.#dialled.length === 0) await this.#dialAsOriginal();
        return;
      case 'take':
        for (const connection of this.#connections) for (const _ of connection);
        return this.network.settled();
    }
    const pick = <Each>(all: readonly Each[]) => all[event.which % all.length];
    const original = pick([...this.#originals.values()].filter(({ over }) => !over));
    const link = pick(this.network.links);
    const connection = pick(connections());
    switch (event.what) {
      case 'send':
        if (connection) this.#send(connection, event);
        break;
      case 'say':
        original?.say(event.n);
        break;
      case 'rubbish':
        original?.rave(event.bytes);
        break;
      case 'hang up':
        original?.hangUp();
        break;
      case 'mute':
        if (original) original.mute = true;
        break;
      case 'pause':
        original?.pause();
        break;
      case 'resume':
        original?.resume();
        break;
      case 'cut': {
        const stream = event.toServer ? link?.toServer : link?.toClient;
        stream?.cutAfter(stream.carriedBytes + event.bytes, event.how);
        break;
      }
      case 'reset':
      case 'finish':
      case 'stall':
      case 'release':
        link?.[event.what]();
        break;
      case 'restart':
        if (connection?.state === 'connected' && this.#dialled.length > 0) connection.enableRestart();
        break;
      case 'no restart':
        connection?.disableRestart();
        break;
      case 'close':
        void connection?.close();
        break;
      case 'destroy':
        connection?.destroy();
    }
    if (event.which % 2 === 0) await this.network.settled();
  }

  #send(connection: AnyConnection, { value, options, abort }: Event & { what: 'send' }): void {
    const key = this.#dialled.length > 0 ? 0 : (connection.remote?.port ?? 0);
    const heard = this.#subject.heardOf(value, options);
    const sent = this.#sent.get(key) ?? [];
    this.#sent.set(key, sent);
    if (heard !== undefined) sent.push(heard);
    const controller = new AbortController();
    const given = abort ? { ...options, signal: controller.signal } : options;
    connection.sendData(value as never, given as never).catch(() => {});
    if (abort) controller.abort();
  }

  async #end(close: () => Promise<void>): Promise<void> {
    const closed = close();
    for (const link of this.network.links) link.release();
    for (const original of this.#originals.values()) original.resume();
    await this.network.clock.advance(allTimersMs);
    await closed;
    for (const connection of this.#connections) connection.destroy();
    await this.network.settled();
  }

  #outcome(keyOf: (clientPort: number) => number): Outcome {
    let heard = 0;
    for (const [clientPort, original] of this.#originals) {
      const name = `the original at ${clientPort}`;
      this.#harms.push(...harmIn(name, original.harm));
      heard += original.heard.length;
      const strange = notInOrder(original.heard, this.#sent.get(keyOf(clientPort)) ?? []);
      if (strange !== undefined) this.#harms.push(`${name} heard what was not said, or not then: ${strange}`);
    }
    return { harms: this.#harms, links: this.#originals.size, heard };
  }
}

/** The first that does not stand in the other list, behind those before it. */
function notInOrder(heard: readonly string[], sent: readonly string[]): string | undefined {
  let at = 0;
  for (const each of heard) {
    at = sent.indexOf(each, at) + 1;
    if (at === 0) return each;
  }
  return undefined;
}
