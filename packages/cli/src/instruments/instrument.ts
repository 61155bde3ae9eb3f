/** A simulated instrument at work: a server that sends what it measures, at its own rate, to whoever is connected. */
import { type ListenOptions, listen, type PortableConnection } from 'serpy';
import type { Clock } from '../environment/context.js';

/** What an instrument measures: the n-th value since somebody was there to see the first. */
export type Measure = (n: number) => Uint8Array | number;

export interface InstrumentOptions {
  /** Where it listens. */
  readonly listen: ListenOptions;
  readonly measure: Measure;
  /** Values in a second. */
  readonly rate: number;
  readonly clock: Clock;
  /** It stops to measure after so many. */
  readonly maxCount?: number | undefined;
}

export interface Instrument {
  /** Where it listens: with port 0, the port that was found. */
  readonly address: { readonly host: string; readonly port: number };
  /** Values measured, and messages dropped: for readers that were too slow, and for those whose protocol is not known. */
  readonly counts: { readonly measured: number; readonly dropped: number; readonly unknown: number };
  /** How many are connected. */
  readonly size: number;
  onPeer(tell: (connection: PortableConnection) => void): void;
  /** Resolves when it has measured `maxCount` values. */
  readonly finished: Promise<void>;
  /** Hangs up on everybody, as a cable that is pulled does, and frees the port. */
  cut(): Promise<void>;
  /** Sends what is queued, hangs up, and frees the port. */
  stop(): Promise<void>;
}

/** Frames that wait for a slow reader. One that reads again gets fresh ones. */
const waitingMessages = 4;

/** What an instrument missed for longer than this it does not make up for. */
const maxLagMs = 100;

export async function startInstrument(options: InstrumentOptions): Promise<Instrument> {
  const { measure, rate, clock, maxCount = Number.POSITIVE_INFINITY } = options;
  const sendQueue = { maxMessages: waitingMessages, whenFull: 'drop-oldest', ...options.listen.sendQueue } as const;
  const server = await listen({ ...options.listen, sendQueue } as ListenOptions);
  let measured = 0;
  const droppedByGone = { dropped: 0, unknown: 0 };
  let timer: unknown;
  let dueMs = 0;
  let finish = () => {};
  const finished = new Promise<void>((resolve) => {
    finish = resolve;
  });

  const work = () => {
    timer = undefined;
    const now = clock.now();
    if (dueMs < now - maxLagMs) dueMs = now - maxLagMs;
    for (; dueMs <= now && measured < maxCount; dueMs += 1000 / rate) {
      const value = measure(measured++);
      for (const connection of server) connection.sendData(value).catch(() => {}); // it has left
    }
    if (measured >= maxCount) finish();
    else if (server.getConnectionsList().length > 0) timer = clock.setTimeout(work, Math.max(0, dueMs - now));
  };

  server.on('connection', (connection) => {
    connection.on('close', () => {
      droppedByGone[causeOf(connection)] += connection.stats().droppedSending;
    });
    connection.on('warning', () => {}); // drops are counted
    if (timer !== undefined) return;
    dueMs = clock.now();
    timer = clock.setTimeout(work, 0);
  });

  const rest = () => {
    clock.clearTimeout(timer);
    timer = undefined;
  };

  return {
    address: server.address,
    finished,
    get counts() {
      const counts = { measured, ...droppedByGone };
      for (const connection of server.getConnectionsList()) {
        counts[causeOf(connection)] += connection.stats().droppedSending;
      }
      return counts;
    },
    get size() {
      return server.size;
    },
    onPeer: (tell) => void server.on('connection', tell),
    async cut() {
      rest();
      await server.close();
      for (const connection of server) connection.destroy();
    },
    async stop() {
      rest();
      await server.closeServer();
    },
  };
}

/** Why messages to a peer were dropped: nothing can be sent before it is known what the peer speaks. */
function causeOf({ peerProtocol }: PortableConnection): 'dropped' | 'unknown' {
  return peerProtocol === undefined ? 'unknown' : 'dropped';
}
