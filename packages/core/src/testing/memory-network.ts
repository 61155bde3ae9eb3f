/**
 * A network in memory: it connects clients and servers without ports, sockets or waiting, and a test injects the faults. One seed
 * determines all random choices, so that a run can be repeated.
 */
import { setImmediate as nextTurn } from 'node:timers/promises';
import type { Environment } from '../environment.js';
import type { Address } from '../transport/address.js';
import { connectError, listenError } from '../transport/system-errors.js';
import type { Dial, DialOptions, Listen, Listener, ListenOptions, Transport } from '../transport/transport.js';
import { ManualClock } from './manual-clock.js';
import { MemoryPipe, type MemoryStream, type Slicing } from './memory-pipe.js';
import { MemoryTransport, systemError } from './memory-transport.js';
import { seededRandom } from './random.js';
import { Scheduler } from './scheduler.js';

/** Options of a network in memory. */
export interface MemoryNetworkOptions {
  /** The seed of all random choices: the same seed gives the same run. Default 1. */
  readonly seed?: number;
  /** The time in the network. Default: a new `ManualClock`, which the test advances. */
  readonly clock?: ManualClock;
  /** The bytes in flight in each direction of a link at which the sender has to wait. Default 64 KiB. */
  readonly pipeBytes?: number;
  /** In which chunks bytes arrive. Default `'writes'`. */
  readonly slicing?: Slicing;
  /** Called for every new link before bytes flow: a test can plan faults here. */
  readonly linked?: (link: MemoryLink) => void;
}

/** A link between two ends, for a test that injects faults. */
export class MemoryLink {
  /** The number of the link in its network, from 0. */
  readonly index: number;
  /** The address that the client connected to. */
  readonly address: Address;
  readonly toServer: MemoryStream;
  readonly toClient: MemoryStream;
  readonly #ends: readonly [MemoryTransport, MemoryTransport];
  readonly #pipes: readonly [MemoryPipe, MemoryPipe];

  constructor(
    index: number,
    address: Address,
    ends: readonly [client: MemoryTransport, server: MemoryTransport],
    pipes: readonly [toServer: MemoryPipe, toClient: MemoryPipe],
  ) {
    this.index = index;
    this.address = address;
    this.#ends = ends;
    this.#pipes = pipes;
    [this.toServer, this.toClient] = pipes;
  }

  /** Whether both ends are closed. */
  get over(): boolean {
    return this.#ends.every((end) => end.destroyed);
  }

  /** Until `release`, nothing arrives in either direction, and neither end gets an event. */
  stall(): void {
    for (const pipe of this.#pipes) pipe.stall();
  }

  release(): void {
    for (const pipe of this.#pipes) pipe.release();
  }

  /** Resets both ends; the bytes in flight are lost. */
  reset(): void {
    for (const pipe of this.#pipes) pipe.drop();
    for (const end of this.#ends) end.reset();
  }

  /** Ends both streams; the bytes in flight are lost. A later write of an end is answered with a reset. */
  finish(): void {
    for (const pipe of this.#pipes) {
      pipe.finish();
      pipe.abandon();
    }
  }
}

type PortState = 'refusing' | 'silent';

/** The first free port. Tests may use any fixed port below. */
const firstPort = 49_152;

/**
 * An `Environment` whose network is the memory of this process.
 *
 * ```ts
 * const network = new MemoryNetwork({ slicing: 'random', seed: 7 });
 * const server = await new Server({ port: 5001 }, network).start();
 * const client = await new Connection({ autoRestart: true }, network).connect('127.0.0.1', 5001);
 * network.links[0]?.reset();
 * await network.clock.advance(15_000); // the client reconnects
 * ```
 *
 * Everything arrives in microtasks: after `await network.settled()`, everything that needs no time has happened. Between `hold()` and
 * `release()`, only `step()` delivers, in a random order from the seed: a test with many seeds sees many orders. All hosts are one computer.
 */
export class MemoryNetwork implements Environment {
  readonly clock: ManualClock;
  readonly random: () => number;
  readonly randomBytes = (count: number): Buffer =>
    Buffer.from(Array.from({ length: count }, () => this.random() * 256));
  /** Connects. Rejects with a `ConnectError` if no server listens. */
  readonly dial: Dial = (options) => this.#dial(options);
  /** Starts a listener; port 0 selects the next free port. Rejects with a `ListenError` if the port is in use. */
  readonly listen: Listen = (options) => this.#listen(options);
  readonly #pipeBytes: number;
  readonly #slicing: Slicing;
  readonly #linked: ((link: MemoryLink) => void) | undefined;
  readonly #scheduler: Scheduler;
  readonly #listeners = new Map<number, ListenOptions>();
  readonly #ports = new Map<number, PortState>();
  #links: MemoryLink[] = [];
  #linkCount = 0;
  #nextPort = firstPort;

  constructor(options: MemoryNetworkOptions = {}) {
    this.clock = options.clock ?? new ManualClock();
    this.random = seededRandom(options.seed ?? 1);
    this.#pipeBytes = options.pipeBytes ?? 64 * 1024;
    this.#slicing = options.slicing ?? 'writes';
    this.#linked = options.linked;
    this.#scheduler = new Scheduler(this.random);
  }

  /** The links of which at least one end is open, in the order of their creation. */
  get links(): readonly MemoryLink[] {
    this.#links = this.#links.filter((link) => !link.over);
    return this.#links;
  }

  /** The number of links since the start. */
  get linkCount(): number {
    return this.#linkCount;
  }

  /** The number of listeners. */
  get listenerCount(): number {
    return this.#listeners.size;
  }

  /** From now on attempts to connect to this port are refused, even if a server listens there. `restore` ends that. */
  refuse(port: number): void {
    this.#ports.set(port, 'refusing');
  }

  /** From now on attempts to connect to this port get no answer, as from a computer that is off. `restore` ends that. */
  silence(port: number): void {
    this.#ports.set(port, 'silent');
  }

  restore(port: number): void {
    this.#ports.delete(port);
  }

  /** From now on only `step` delivers. */
  hold(): void {
    this.#scheduler.hold();
  }

  /** Runs one random delivery (a chunk, an end, the answer to a connection attempt …). @returns false if none is scheduled */
  step(): boolean {
    return this.#scheduler.step();
  }

  /** Ends `hold`. */
  release(): void {
    this.#scheduler.release();
  }

  /** Resolves when everything that needs no time has happened. */
  async settled(): Promise<void> {
    await nextTurn();
  }

  #dial({ host, port, signal }: DialOptions): Promise<Transport> {
    return new Promise((resolve, reject) => {
      if (signal.aborted) {
        reject(signal.reason);
        return;
      }
      const aborted = () => reject(signal.reason);
      signal.addEventListener('abort', aborted, { once: true });
      if (this.#ports.get(port) === 'silent') return;
      this.#scheduler.schedule({}, () => {
        signal.removeEventListener('abort', aborted);
        if (signal.aborted) return;
        const listener = this.#listeners.get(port);
        if (!listener || this.#ports.has(port)) {
          const cause = systemError(`connect ECONNREFUSED ${host}:${port}`, 'ECONNREFUSED');
          reject(connectError(cause, { host, port }));
          return;
        }
        resolve(this.#link({ host, port }, listener));
      });
    });
  }

  #link(address: Address, listener: ListenOptions): Transport {
    const newPipe = () => new MemoryPipe(this.#pipeBytes, this.#slicing, this.#scheduler, this.random);
    const toServer = newPipe();
    const toClient = newPipe();
    const own = { host: '127.0.0.1', port: this.#freePort() };
    const client = new MemoryTransport({ local: own, remote: address }, toServer, toClient, this.#scheduler);
    const server = new MemoryTransport({ local: address, remote: own }, toClient, toServer, this.#scheduler);
    const link = new MemoryLink(this.#linkCount++, address, [client, server], [toServer, toClient]);
    toServer.connect(client, server, link);
    toClient.connect(server, client, link);
    this.#links.push(link);
    this.#linked?.(link);
    listener.accept(server);
    return client;
  }

  #listen(options: ListenOptions): Promise<Listener> {
    return new Promise((resolve, reject) => {
      this.#scheduler.schedule({}, () => {
        const { host } = options;
        const port = options.port === 0 ? this.#freePort() : options.port;
        if (this.#listeners.has(port)) {
          const cause = systemError(`listen EADDRINUSE: address already in use ${host}:${port}`, 'EADDRINUSE');
          reject(listenError(cause, { host, port }));
          return;
        }
        this.#listeners.set(port, options);
        const close = () => {
          if (this.#listeners.get(port) === options) this.#listeners.delete(port);
        };
        resolve({ address: { host, port }, close });
      });
    });
  }

  #freePort(): number {
    while (this.#listeners.has(this.#nextPort)) this.#nextPort++;
    return this.#nextPort++;
  }
}
