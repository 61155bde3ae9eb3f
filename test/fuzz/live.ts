/**
 * The same inputs against a running server, over TCP on the loopback interface: each on a separate connection, while a valid client
 * exchanges messages on another one and must not be affected.
 */
import { once } from 'node:events';
import { createServer, type Server as NetServer, type Socket, connect as tcpConnect } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { connect, listen, type ProtocolName } from 'serpy';
import { Inputs } from './inputs.js';
import { InputRandom } from './random.js';
import { maxMessageBytes } from './seeds.js';
import { RuleBroken, type Target } from './target.js';
import { targets } from './targets.js';
import type { Shift } from './worker.js';

const host = '127.0.0.1';

/** The number of concurrent hostile connections. */
export const hostileConnections = 12;

/** Milliseconds within which a valid message must be echoed, and a hostile connection closed. */
const patienceMs = 10_000;

/** The clients of a server. */
interface Guests {
  readonly protocol: ProtocolName;
  /** The target whose inputs the hostile connections send. */
  readonly material: string;
  /** Whether the valid client has a session. Then its link is cut sometimes, and it resumes on the next one. */
  readonly lasting?: boolean;
}

const guests: Readonly<Record<string, Guests>> = {
  'live-v1': { protocol: 'v1', material: 'v1' },
  'live-v2': { protocol: 'v2', material: 'v2' },
  'live-auto': { protocol: 'auto', material: 'auto-server' },
  'live-session': { protocol: 'v2', material: 'v2-server-prefer', lasting: true },
};

export const liveTargets: readonly string[] = Object.keys(guests);

/** The target whose inputs a live target uses. */
export function materialOf(name: string): string {
  return guestsOf(name).material;
}

function guestsOf(name: string): Guests {
  const found = guests[name];
  if (found === undefined) throw new Error(`there is no target ${name}: there are ${liveTargets.join(', ')}`);
  return found;
}

/** The link of a client with a session is cut after this number of its messages. */
const tripsPerLink = 10;

/** Milliseconds that the server keeps the session of a hostile connection. A valid client resumes much sooner. */
const resumeWindowMs = 1_000;

/** Each kept session counts as a connection. They would fill the default of 64, and the server would reject the valid client. */
const maxConnections = 10_000;

type Serving = Awaited<ReturnType<typeof listen>> & { readonly address: { readonly port: number } };

/** An echo server, and its valid client. */
class Place {
  /** The number of echoes that the valid client received, and the longest round trip. */
  trips = 0;
  longestTripMs = 0;
  readonly port: number;
  readonly #server: Serving;
  readonly #client: Awaited<ReturnType<typeof connect>>;
  readonly #relay: Relay | undefined;
  #closing = false;
  readonly #exchanging: Promise<void>;

  private constructor(server: Serving, client: Awaited<ReturnType<typeof connect>>, relay: Relay | undefined) {
    this.#server = server;
    this.#client = client;
    this.#relay = relay;
    this.port = server.address.port;
    this.#exchanging = this.#exchange();
    this.#exchanging.catch(() => {}); // awaited at the end
  }

  static async open({ protocol, lasting }: Guests): Promise<Place> {
    if (lasting) return Place.#openLasting();
    const settings = { protocol, maxMessageBytes, encoding: 'utf-8' } as const;
    const server = await listen(
      (protocol === 'v2' ? { protocol, port: 0, maxMessageBytes, session: 'off' } : { ...settings, port: 0 }) as never,
    );
    serve(server as never);
    const { port } = (server as { address: { port: number } }).address;
    const client = await connect(
      (protocol === 'v2' ? { protocol, port, maxMessageBytes, session: 'off' } : { ...settings, port }) as never,
    );
    return new Place(server as never, client as never, undefined);
  }

  static async #openLasting(): Promise<Place> {
    const settings = { protocol: 'v2', maxMessageBytes, resumeWindowMs } as const;
    const server = await listen({ ...settings, port: 0, maxConnections });
    serve(server as never);
    const relay = await Relay.open(server.address.port);
    const reconnect = { minDelayMs: 0, baseDelayMs: 1, maxDelayMs: 20 };
    const client = await connect({
      ...settings,
      port: relay.port,
      session: 'require',
      autoRestart: true,
      resumeWindowMs: patienceMs,
      reconnect,
    });
    client.on('warning', () => {});
    return new Place(server as never, client as never, relay);
  }

  async close(): Promise<void> {
    this.#closing = true;
    await this.#exchanging;
    await this.#client.close();
    await this.#relay?.close();
    await this.#server.closeServer();
    if (this.#server.size > 0) throw new RuleBroken(`the server has ${this.#server.size} connections after its end`);
  }

  async #exchange(): Promise<void> {
    while (!this.#closing) {
      const text = `valid ${this.trips}`;
      const startMs = performance.now();
      if (this.trips % tripsPerLink === tripsPerLink - 1) this.#relay?.breakAll();
      await this.#client.sendData(text, { timeoutMs: patienceMs });
      const back = String(await this.#client.getData({ timeoutMs: patienceMs }));
      if (back !== text) throw new RuleBroken(`the valid client sent "${text}" and got "${back.slice(0, 100)}"`);
      this.trips++;
      this.longestTripMs = Math.max(this.longestTripMs, performance.now() - startMs);
    }
  }
}

/** The proxy between a valid client and its server, if its links are cut. */
class Relay {
  readonly port: number;
  readonly #server: NetServer;
  readonly #sockets: Set<Socket>;

  private constructor(server: NetServer, sockets: Set<Socket>) {
    this.#server = server;
    this.#sockets = sockets;
    this.port = (server.address() as { port: number }).port;
  }

  static async open(port: number): Promise<Relay> {
    const sockets = new Set<Socket>();
    const server = createServer((inward) => {
      const outward = tcpConnect({ host, port, noDelay: true });
      const ends = [inward, outward] as const;
      for (const [i, end] of ends.entries()) {
        const other = ends[1 - i] as Socket;
        sockets.add(end);
        end.on('error', () => {});
        end.on('close', () => {
          sockets.delete(end);
          other.destroy();
        });
        end.pipe(other);
      }
    });
    await new Promise<void>((resolve) => server.listen(0, host, resolve));
    return new Relay(server, sockets);
  }

  breakAll(): void {
    for (const socket of this.#sockets) socket.resetAndDestroy();
  }

  async close(): Promise<void> {
    const closed = once(this.#server, 'close');
    this.#server.close();
    this.breakAll();
    await closed;
  }
}

function serve(server: { on(event: 'warning' | 'connection', listener: (connection: Echoing) => void): void }): void {
  server.on('warning', () => {});
  server.on('connection', (connection) => {
    connection.on('warning', () => {});
    void echo(connection);
  });
}

interface Echoing extends AsyncIterable<unknown> {
  on(event: 'warning', listener: () => void): void;
  sendData(value: unknown): Promise<boolean>;
}

async function echo(connection: Echoing): Promise<void> {
  for await (const data of connection) {
    try {
      await connection.sendData(data);
    } catch {
      // some pickles cannot be sent, and the peer can have disconnected
    }
  }
}

function* range(from: number, count: number): Iterable<number> {
  for (let index = from; index < from + count; index++) yield index;
}

/** One hostile connection: sends the input in pieces, and ends in one of several ways; with `stays` it waits until the server closes it. */
async function intrude(port: number, bytes: Buffer, random: InputRandom, stays: boolean): Promise<void> {
  const socket = tcpConnect({ host, port, noDelay: true });
  socket.on('error', () => {}); // a reset is a valid reaction
  socket.on('data', () => {});
  const closed = once(socket, 'close');
  await once(socket, 'connect').catch(() => {});
  const middle = random.below(bytes.length + 1);
  socket.write(bytes.subarray(0, middle));
  if (random.below(4) === 0) await new Promise(setImmediate);
  socket.write(bytes.subarray(middle));
  switch (stays ? 'stay' : random.below(4)) {
    case 'stay':
      break;
    case 0:
      socket.resetAndDestroy();
      break;
    case 1:
      await new Promise(setImmediate);
      socket.destroy();
      break;
    default:
      socket.end();
  }
  const late = new AbortController();
  const tooLate = sleep(patienceMs, 'late', { signal: late.signal }).catch(() => 'in time');
  const outcome = await Promise.race([closed, tooLate]);
  late.abort();
  socket.destroy();
  if (outcome === 'late') throw new RuleBroken(`the connection was not over after ${patienceMs} ms`);
}

/** The part of a shift that a live target needs. */
export type LiveShift = Pick<Shift, 'target' | 'seed' | 'from' | 'count' | 'kept'>;

/** Runs inputs against a live server. `progress` receives the index of each input before it is sent. */
export async function runLive(
  { target: name, seed, from, count, kept }: LiveShift,
  progress: (index: number) => void,
): Promise<{ inputs: Inputs; longestTripMs: number }> {
  const here = guestsOf(name);
  const material = targets.find((each) => each.name === here.material) as Target;
  const inputs = new Inputs({ ...material, name }, seed);
  const place = await Place.open(here);
  const indices = kept ? kept.map(({ index }) => index) : range(from, count);
  const bytesAt = new Map(kept?.map(({ index, input }) => [index, Buffer.from(input, 'hex')]));
  let last = from;
  const all = indices[Symbol.iterator]();
  const intruders = Array.from({ length: hostileConnections }, async () => {
    for (let next = all.next(); !next.done && !inputs.over; next = all.next()) {
      const index = next.value;
      last = index;
      progress(index);
      const bytes = bytesAt.get(index) ?? Buffer.from(inputs.make(index));
      inputs.tally.inputs++;
      inputs.tally.bytes += bytes.length;
      try {
        const random = new InputRandom(seed, index, 'cuts');
        // A rejected client is disconnected. For auto and sessions, a rejection also depends on time.
        const stays = index % 4 === 0 && here.material === here.protocol && material.run(bytes, random).refused;
        if (stays) inputs.tally.refused++;
        await intrude(place.port, bytes, random, stays);
      } catch (error) {
        inputs.fail(index, bytes, error);
      }
    }
  });
  await Promise.all(intruders);
  try {
    await place.close();
  } catch (error) {
    inputs.fail(last, Buffer.alloc(0), error);
  }
  if (place.trips === 0) inputs.fail(from, Buffer.alloc(0), new RuleBroken('the valid client exchanged nothing'));
  inputs.tally.messages = place.trips;
  return { inputs, longestTripMs: place.longestTripMs };
}
