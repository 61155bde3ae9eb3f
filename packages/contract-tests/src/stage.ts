/** The test bed of a statement: one world, and everything that was created in it, which is closed afterwards. */
import { type EventEmitter, once } from 'node:events';
import { setImmediate as nextTurn } from 'node:timers/promises';
import type {
  Address,
  ClientOption,
  Connection,
  ConnectionOptions,
  Dial,
  Environment,
  PartialOptions,
  ProtocolTypes,
  SendOptions,
  Server,
  ServerSettings,
  Transport,
  TransportHandler,
} from 'serpy-core';
import { generateKey, systemEnvironment } from 'serpy-core';
import type { Slicing } from 'serpy-core/testing';
import { MemoryNetwork } from 'serpy-core/testing';
import { expect, test, vi } from 'vitest';
// Not exported by name: programs have no use for it.
import { securityOf } from '../../core/src/security/security.js';
import { TrackedEnvironment } from './resource-tracker.js';

/** The options of a server that every protocol has. */
export type ServerOptions = PartialOptions<ServerSettings> & Omit<ConnectionOptions, ClientOption>;

/** A value, and the result of `getData` at the other end. */
export interface Sample<T extends ProtocolTypes> {
  readonly value: T['value'];
  readonly data: T['data'];
}

/** A protocol under test. */
export interface ProtocolUnderTest<T extends ProtocolTypes> {
  createConnection(options: ConnectionOptions, environment: Environment): Connection<T>;
  createServer(options: ServerOptions, environment: Environment): Server<T, Connection<T>>;
  /** One value of each kind that the protocol supports. */
  readonly samples: readonly Sample<T>[];
  /** A message of about `sizeBytes` bytes that differs from those of other numbers. */
  numbered(n: number, sizeBytes?: number): Sample<T>;
  /** The options that request an acknowledgement, if the protocol has them. */
  readonly acknowledged?: SendOptions<T>;
  /** Whether values are text only: the statements about bytes do not apply. */
  readonly textOnly?: boolean;
  /** Whether a session outlives its links: some statements are then others, and are made with the protocol's tests. */
  readonly lasting?: boolean;
  /** Whether a server cannot send before its client has. */
  readonly clientFirst?: boolean;
  /** The module that exports the protocol's `Connection` and `Server`. */
  readonly module: URL;
}

/** The environment in which the contract runs. */
export interface World {
  readonly name: string;
  /** The network in memory, if the world has one. */
  readonly network: MemoryNetwork | undefined;
  readonly environment: Environment;
  /** Whether bytes arrive in slices of a few bytes, so that many bytes take long. */
  readonly sliced?: boolean;
  /** Options of every connection and server. */
  readonly options?: Pick<ConnectionOptions, 'key'>;
}

/** The worlds in which every protocol must pass. Random numbers are fixed, so that a wait before a reconnect has a known length. */
export const worlds: readonly { readonly name: string; create(): World }[] = [
  { name: 'memory', create: () => memoryWorld('memory', 'writes') },
  { name: 'memory in small slices', create: () => memoryWorld('memory in small slices', 'small') },
  {
    name: 'TCP',
    create: () => ({ name: 'TCP', network: undefined, environment: { ...systemEnvironment, random: () => 0.5 } }),
  },
  { name: 'TLS with a key', create: () => keyWorld('TLS with a key') },
];

/** A world in which every link is encrypted, including links of silent peers. */
function keyWorld(name: string): World {
  const options = { key: generateKey() };
  const security = securityOf(options);
  const environment: Environment = {
    ...systemEnvironment,
    random: () => 0.5,
    dial: (given) => systemEnvironment.dial({ security, ...given }),
    listen: (given) => systemEnvironment.listen({ security, ...given }),
  };
  return { name, network: undefined, environment, options };
}

function memoryWorld(name: string, slicing: Slicing): World {
  const network = new MemoryNetwork({ slicing });
  network.clock.runFreely();
  const { clock, dial, listen } = network;
  const sliced = slicing === 'small';
  return { name, network, sliced, environment: { clock, dial, listen, random: () => 0.5 } };
}

/** What a group of statements gets: a fresh test bed for each statement, and a way to declare those that need no wire. */
export interface TestBedSource<T extends ProtocolTypes> {
  (): TestBed<T>;
  /** `test` of vitest in memory and nothing in the other worlds: for arguments, options, states and errors that no wire can change. */
  readonly inMemory: typeof test;
}

const undeclared = Object.assign(() => {}, { each: () => () => {} }) as unknown as typeof test;

/** @param wired whether the world has a wire that cuts or delays bytes */
export function testBedSource<T extends ProtocolTypes>(current: () => TestBed<T>, wired: boolean): TestBedSource<T> {
  return Object.assign(() => current(), { inMemory: wired ? undeclared : test });
}

export interface Pair<T extends ProtocolTypes> {
  readonly server: Server<T, Connection<T>>;
  readonly client: Connection<T>;
  /** The connection of the server. */
  readonly accepted: Connection<T>;
  readonly address: Address;
}

export class TestBed<T extends ProtocolTypes> {
  readonly subject: ProtocolUnderTest<T>;
  readonly network: MemoryNetwork | undefined;
  readonly environment: TrackedEnvironment;
  readonly sliced: boolean;
  readonly #options: World['options'];
  readonly #connections: Connection<T>[] = [];
  readonly #servers: Server<T, Connection<T>>[] = [];
  readonly #emitWarning;

  constructor(subject: ProtocolUnderTest<T>, world: World) {
    this.subject = subject;
    this.network = world.network;
    this.sliced = world.sliced ?? false;
    this.#options = world.options;
    this.environment = new TrackedEnvironment(world.environment);
    this.#emitWarning = vi.spyOn(process, 'emitWarning').mockImplementation(() => {});
  }

  /** The codes of the warnings that `process.emitWarning` got. */
  get processWarnings(): (string | undefined)[] {
    return this.#emitWarning.mock.calls.map(([, options]) => (options as { code?: string } | undefined)?.code);
  }

  /** Whether links in this world are encrypted. */
  get encrypted(): boolean {
    return this.#options !== undefined;
  }

  connection(options: ConnectionOptions = {}, environment: Environment = this.environment): Connection<T> {
    const connection = this.subject.createConnection(this.#withWorlds(options), environment);
    this.#connections.push(connection);
    return connection;
  }

  server(options: ServerOptions): Server<T, Connection<T>> {
    const server = this.subject.createServer(this.#withWorlds(options), this.environment);
    this.#servers.push(server);
    return server;
  }

  async started(options: ServerOptions = { port: 0 }): Promise<{ server: Server<T, Connection<T>>; address: Address }> {
    const server = await this.server(options).start();
    return { server, address: server.address as Address };
  }

  /** A client, connected to a server of its own. */
  async pair(options: ConnectionOptions = {}, serverOptions: Omit<ServerOptions, 'port'> = {}): Promise<Pair<T>> {
    const { server, address } = await this.started({ port: 0, ...serverOptions });
    const client = await this.connection(options).connect(address.host, address.port);
    const accepted = await server.getConnection();
    return { server, client, accepted, address };
  }

  /**
   * A client that has lost its server and waits to reconnect: for a long time, or as the options say.
   * In memory, the clock stands still until `letTimePass`.
   */
  async stranded(options: ConnectionOptions = {}): Promise<Pair<T>> {
    const reconnect = { baseDelayMs: 600_000, maxDelayMs: 600_000, ...options.reconnect };
    const pair = await this.pair({ ...options, autoRestart: true, reconnect });
    this.network?.clock.stop();
    const waiting = once(pair.client, 'reconnecting');
    await pair.server.close();
    pair.accepted.destroy();
    await waiting;
    return pair;
  }

  letTimePass(): void {
    this.network?.clock.runFreely();
  }

  /** The environment of this test bed, but connection attempts get no answer. */
  withUnansweredAttempts(): Environment {
    const { clock, random, listen } = this.environment;
    const dial: Dial = ({ signal }) =>
      new Promise((_, reject) => signal.addEventListener('abort', () => reject(signal.reason), { once: true }));
    return { clock, random, listen, dial };
  }

  /**
   * A port that accepts connections and never writes or closes.
   * @param react handles a connection; without it, the peer does not read either
   */
  async silentPeer(
    react?: (transport: Transport) => Partial<TransportHandler>,
  ): Promise<{ address: Address; disconnect(): void }> {
    const transports: Transport[] = [];
    const nothing = () => {};
    const listener = await this.environment.listen({
      host: '127.0.0.1',
      port: 0,
      keepAliveMs: 0,
      accept: (transport) => {
        transports.push(transport);
        if (!react) return;
        transport.start({ received: nothing, drained: nothing, ended: nothing, closed: nothing, ...react(transport) });
      },
      failed: () => {},
    });
    return {
      address: listener.address,
      disconnect: () => {
        listener.close();
        for (const transport of transports) transport.destroy();
      },
    };
  }

  /** A port without a listener. */
  async freeAddress(): Promise<Address> {
    const { server, address } = await this.started();
    await server.close();
    return address;
  }

  /** Adds the options of the world to an object. */
  #withWorlds<O extends object>(options: O): O {
    const isObject = options !== null && typeof options === 'object' && !Array.isArray(options);
    return isObject ? { ...this.#options, ...options } : options;
  }

  /** Closes everything and checks that nothing is left. */
  async end(): Promise<void> {
    this.network?.clock.stop();
    for (const connection of this.#connections) connection.destroy();
    for (const server of this.#servers) {
      await server.close();
      for (const connection of server) connection.destroy();
    }
    try {
      await waitFor(
        () => this.environment.inUse.length === 0,
        () => `left behind: ${this.environment.inUse}`,
      );
      expect(this.environment.violations).toEqual([]);
    } finally {
      await nextTurn(); // warnings without a listener become process warnings one turn later
      this.#emitWarning.mockRestore();
    }
  }
}

/** How long a condition may take to come true, in milliseconds. */
const conditionTimeoutMs = 15_000;

/** Resolves when the condition is true. */
export async function waitFor(condition: () => boolean, failure = () => 'it did not become true'): Promise<void> {
  const endMs = performance.now() + conditionTimeoutMs;
  while (!condition()) {
    if (performance.now() > endMs) throw new Error(failure());
    await nextTurn();
  }
}

/** Records the events of an emitter from now on, with their arguments, in order. */
export function record(emitter: EventEmitter, names: readonly string[]): { name: string; info: unknown }[] {
  const events: { name: string; info: unknown }[] = [];
  for (const name of names) emitter.on(name, (info: unknown) => events.push({ name, info }));
  return events;
}

/** Records whether and how a promise settles. */
export function trackPromise(promise: Promise<unknown>): { settled: 'no' | 'resolved' | 'rejected'; code?: unknown } {
  const state: { settled: 'no' | 'resolved' | 'rejected'; code?: unknown } = { settled: 'no' };
  promise.then(
    () => {
      state.settled = 'resolved';
    },
    (error) => {
      state.settled = 'rejected';
      state.code = (error as { code?: unknown }).code;
    },
  );
  return state;
}
