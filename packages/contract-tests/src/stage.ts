/** What a statement of the contract plays on: one world, and everything that was made in it, to be cleared away after. */
import { type EventEmitter, once } from 'node:events';
import { setImmediate as nextTurn } from 'node:timers/promises';
import type {
  Address,
  Connection,
  ConnectionOptions,
  Dial,
  DiallingOption,
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

/** Options of a server, as every protocol has them. */
export type ServerOptions = PartialOptions<ServerSettings> & Omit<ConnectionOptions, DiallingOption>;

/** A value and what `getData` gives for it at the other end. */
export interface Sample<T extends ProtocolTypes> {
  readonly value: T['value'];
  readonly data: T['data'];
}

/** What a protocol brings to the contract. */
export interface ProtocolUnderTest<T extends ProtocolTypes> {
  createConnection(options: ConnectionOptions, environment: Environment): Connection<T>;
  createServer(options: ServerOptions, environment: Environment): Server<T, Connection<T>>;
  /** One of each kind that the protocol knows. */
  readonly samples: readonly Sample<T>[];
  /** A message of about so many bytes that differs from those of other numbers. */
  numbered(n: number, sizeBytes?: number): Sample<T>;
  /** The options that ask for an acknowledgement, where the protocol has any. */
  readonly acknowledged?: SendOptions<T>;
  /** Whether values are text only: the statements about bytes do not apply. */
  readonly textOnly?: boolean;
  /** Whether a session outlives its links: some statements are then others, and are made with the protocol's tests. */
  readonly lasting?: boolean;
  /** The module that exports the protocol's `Connection` and `Server`. */
  readonly module: URL;
}

/** Where the contract is played. */
export interface World {
  readonly name: string;
  /** The network in memory, where it is one. */
  readonly network: MemoryNetwork | undefined;
  readonly environment: Environment;
  /** Whether bytes come in it in slices of a few, so that many of them take long. */
  readonly sliced?: boolean;
  /** Options that every connection and server in it has. */
  readonly options?: Pick<ConnectionOptions, 'key'>;
}

/** The worlds in which every protocol must hold. Chance is fixed, so that a wait to redial has a known length. */
export const worlds: readonly { readonly name: string; create(): World }[] = [
  { name: 'memory', create: () => memoryWorld('memory', 'writes') },
  { name: 'memory in slices of 3 bytes', create: () => memoryWorld('memory in slices of 3 bytes', 3) },
  {
    name: 'TCP',
    create: () => ({ name: 'TCP', network: undefined, environment: { ...systemEnvironment, random: () => 0.5 } }),
  },
  { name: 'TLS with a key', create: () => keyWorld('TLS with a key') },
];

/** All that happens in it is encrypted, strangers and silent peers too. */
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
  const sliced = typeof slicing === 'number';
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
  /** The server's end. */
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

  /** What went to `process.emitWarning`: the codes. */
  get processWarnings(): (string | undefined)[] {
    return this.#emitWarning.mock.calls.map(([, options]) => (options as { code?: string } | undefined)?.code);
  }

  /** Whether links in this world are. */
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
   * A client that has lost its server and is waiting to dial again, for long, or as long as the options say.
   * In memory, time stands still until `letTimePass`.
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

  /** An environment like the stage's whose dials are never answered. */
  withSilentDials(): Environment {
    const { clock, random, listen } = this.environment;
    const dial: Dial = ({ signal }) =>
      new Promise((_, reject) => signal.addEventListener('abort', () => reject(signal.reason), { once: true }));
    return { clock, random, listen, dial };
  }

  /**
   * A port that accepts connections and never writes or hangs up.
   * @param react what it does with a connection; without it, it does not even read
   */
  async silentPeer(
    react?: (transport: Transport) => Partial<TransportHandler>,
  ): Promise<{ address: Address; hangUp(): void }> {
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
      hangUp: () => {
        listener.close();
        for (const transport of transports) transport.destroy();
      },
    };
  }

  /** A port where nothing listens. */
  async freeAddress(): Promise<Address> {
    const { server, address } = await this.started();
    await server.close();
    return address;
  }

  /** What is no object of options stays what it is. */
  #withWorlds<O extends object>(options: O): O {
    const isObject = options !== null && typeof options === 'object' && !Array.isArray(options);
    return isObject ? { ...this.#options, ...options } : options;
  }

  /** Clears everything away and checks that nothing was left. */
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
      await nextTurn(); // the first warnings that nobody hears go to the process a turn later
      this.#emitWarning.mockRestore();
    }
  }
}

/** How long a condition may take to come true, in milliseconds. */
const patienceMs = 15_000;

/** Resolves when the condition holds. */
export async function waitFor(
  condition: () => boolean,
  failure = () => 'the condition never came true',
): Promise<void> {
  const endMs = performance.now() + patienceMs;
  while (!condition()) {
    if (performance.now() > endMs) throw new Error(failure());
    await nextTurn();
  }
}

/** The names of the events of an emitter and what they carried, in order, from now on. */
export function record(emitter: EventEmitter, names: readonly string[]): { name: string; info: unknown }[] {
  const events: { name: string; info: unknown }[] = [];
  for (const name of names) emitter.on(name, (info: unknown) => events.push({ name, info }));
  return events;
}

/** Counts how often a promise settled, and how. */
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
