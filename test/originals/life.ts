/**
 * Lives of serpy programs with Python peers, in a network in memory: whatever a program does and whatever happens to its links, a
 * Python peer must be able to process every byte, and must receive the sent messages only.
 */
import type { ConnectionState, Dial, Environment, Transport } from 'serpy-core';
import { MemoryNetwork, type Slicing } from 'serpy-core/testing';
import { harmIn } from './harm.js';
import type { PythonPeer } from './peers.js';

/** The used part of a connection of any protocol. */
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

/** An event. Its numbers select one of the existing objects. */
export type Event =
  | {
      readonly what: 'send';
      readonly value: unknown;
      readonly options: object;
      readonly abort?: boolean;
      readonly which: number;
    }
  | { readonly what: 'say'; readonly n: number; readonly which: number }
  | { readonly what: 'invalidBytes'; readonly bytes: Uint8Array; readonly which: number }
  | { readonly what: 'end' | 'mute' | 'pause' | 'resume'; readonly which: number }
  | { readonly what: 'reset' | 'finish' | 'stall' | 'release'; readonly which: number }
  | {
      readonly what: 'cut';
      readonly which: number;
      readonly toServer: boolean;
      readonly bytes: number;
      readonly how: 'fin' | 'reset' | 'half-close';
    }
  | { readonly what: 'connect' | 'take' }
  | { readonly what: 'wait'; readonly ms: number }
  | { readonly what: 'close' | 'destroy' | 'restart' | 'no restart'; readonly which: number };

/** The protocol of a life. */
export interface Subject {
  /** A Python peer at the other end; `from` is the role of the serpy program. */
  peer(transport: Transport, from: 'client' | 'server', now: () => number): PythonPeer;
  /** How a Python peer receives a value, in the form of `PythonPeer.heard`; undefined for a value that cannot be sent. */
  heardOf(value: unknown, options: object): string | undefined;
}

/** The network of a life. */
export interface Weather {
  readonly seed: number;
  readonly slicing: Slicing;
  readonly pipeBytes: number;
}

/** The result of a life. */
export interface Outcome {
  /** Every harm as text: there must be none. */
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
  /** The environment of the serpy program. */
  readonly environment: Environment;
  readonly #subject: Subject;
  readonly #harms: string[] = [];
  /** The Python peers by the port of the client. */
  readonly #peers = new Map<number, PythonPeer>();
  /** The values of `sendData`: by the port of the peer, or under 0 all of a client. */
  readonly #sent = new Map<number, string[]>();
  readonly #clientTransports: (Transport & { readonly destroyed?: boolean })[] = [];
  readonly #connections = new Set<AnyConnection>();

  constructor(subject: Subject, weather: Weather) {
    this.#subject = subject;
    this.network = new MemoryNetwork(weather);
    const { clock, random, listen } = this.network;
    this.environment = { clock, random, listen, dial: this.#connect };
  }

  /** A serpy client whose server is a Python peer. `connect` connects it. */
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

  /** A serpy server whose clients are Python peers. */
  async server(start: (port: number) => Promise<AnyServer>, events: readonly Event[]): Promise<Outcome> {
    const server = await start(port);
    server.on('warning', () => {});
    server.on('connection', (connection) => this.#keep(connection));
    await this.#connectAsPeer();
    for (const event of events) await this.#happen(event, () => server.getConnectionsList());
    await this.#end(() => server.closeServer());
    return this.#outcome((clientPort) => clientPort);
  }

  /** The result of a promise, after as little time as it needs: a program continues at once. */
  async #soon<Result>(promise: Promise<Result>): Promise<Result> {
    let isSettled = false;
    const settled = () => {
      isSettled = true;
    };
    promise.then(settled, settled);
    for (await this.network.settled(); !isSettled; ) await this.network.clock.advance(1);
    return promise;
  }

  /** At most one socket at a time: a Python server crashes with too many. */
  readonly #connect: Dial = async (options) => {
    if (this.#clientTransports.some(({ destroyed }) => !destroyed))
      this.#harms.push('a second socket to the same server');
    const transport = await this.network.dial(options);
    this.#clientTransports.push(transport);
    return transport;
  };

  async #connectAsPeer(): Promise<void> {
    const { signal } = new AbortController();
    const transport = await this.network.dial({ host, port, keepAliveMs: 0, signal });
    this.#meet(transport, transport.local.port, 'server');
    await this.network.settled();
  }

  #meet(transport: Transport, clientPort: number, from: 'client' | 'server'): void {
    const peer = this.#subject.peer(transport, from, () => this.network.clock.now());
    this.#peers.set(clientPort, peer);
    transport.start(peer);
  }

  #keep(connection: AnyConnection): void {
    this.#connections.add(connection);
    connection.on('warning', () => {});
  }

  async #happen(event: Event, connections: () => readonly AnyConnection[]): Promise<void> {
    switch (event.what) {
      case 'wait':
        return this.network.clock.advance(event.ms);
      case 'connect':
        if (this.#clientTransports.length === 0) await this.#connectAsPeer();
        return;
      case 'take':
        for (const connection of this.#connections) for (const _ of connection);
        return this.network.settled();
    }
    const pick = <Each>(all: readonly Each[]) => all[event.which % all.length];
    const peer = pick([...this.#peers.values()].filter(({ over }) => !over));
    const link = pick(this.network.links);
    const connection = pick(connections());
    switch (event.what) {
      case 'send':
        if (connection) this.#send(connection, event);
        break;
      case 'say':
        peer?.say(event.n);
        break;
      case 'invalidBytes':
        peer?.sendInvalid(event.bytes);
        break;
      case 'end':
        peer?.end();
        break;
      case 'mute':
        if (peer) peer.mute = true;
        break;
      case 'pause':
        peer?.pause();
        break;
      case 'resume':
        peer?.resume();
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
        if (connection?.state === 'connected' && this.#clientTransports.length > 0) connection.enableRestart();
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
    const key = this.#clientTransports.length > 0 ? 0 : (connection.remote?.port ?? 0);
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
    for (const peer of this.#peers.values()) peer.resume();
    await this.network.clock.advance(allTimersMs);
    await closed;
    for (const connection of this.#connections) connection.destroy();
    await this.network.settled();
  }

  #outcome(keyOf: (clientPort: number) => number): Outcome {
    let heard = 0;
    for (const [clientPort, peer] of this.#peers) {
      const name = `the Python peer at ${clientPort}`;
      this.#harms.push(...harmIn(name, peer.harm));
      heard += peer.heard.length;
      const strange = notInOrder(peer.heard, this.#sent.get(keyOf(clientPort)) ?? []);
      if (strange !== undefined)
        this.#harms.push(`${name} received a message that was not sent, or in a wrong order: ${strange}`);
    }
    return { harms: this.#harms, links: this.#peers.size, heard };
  }
}

/** The first item that is not in the other list behind the items before it. */
function notInOrder(heard: readonly string[], sent: readonly string[]): string | undefined {
  let at = 0;
  for (const each of heard) {
    at = sent.indexOf(each, at) + 1;
    if (at === 0) return each;
  }
  return undefined;
}
