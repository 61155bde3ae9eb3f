/** A simulated instrument: a server that sends its values to all clients, at its own rate. */
import { type ListenOptions, listen, type PortableConnection } from 'serpy';
import type { Clock } from '../environment/context.js';

/** The n-th value of an instrument. It starts with the first client. */
export type Measure = (n: number) => Uint8Array | number;

export interface InstrumentOptions {
  /** The address, and other options of the server. */
  readonly listen: ListenOptions;
  readonly measure: Measure;
  /** Values per second. */
  readonly rate: number;
  readonly clock: Clock;
  /** Stops after this many values. */
  readonly maxCount?: number | undefined;
}

export interface Instrument {
  /** The address of the server; with port 0, the port that the system chose. */
  readonly address: { readonly host: string; readonly port: number };
  /** Values measured, and messages dropped: for slow clients, and for clients of unknown protocol. */
  readonly counts: { readonly measured: number; readonly dropped: number; readonly unknown: number };
  /** The number of clients. */
  readonly size: number;
  onPeer(callback: (connection: PortableConnection) => void): void;
  /** Resolves when it has measured `maxCount` values. */
  readonly finished: Promise<void>;
  /** Closes all connections at once, like a pulled cable, and frees the port. */
  cut(): Promise<void>;
  /** Sends queued values, closes all connections, and frees the port. */
  stop(): Promise<void>;
}

/** Values queued for a slow client. A client that reads again gets recent ones. */
const queuedMessages = 4;

/** After a longer delay, the instrument skips the missed values. */
const maxLagMs = 100;

export async function startInstrument(options: InstrumentOptions): Promise<Instrument> {
  const { measure, rate, clock, maxCount = Number.POSITIVE_INFINITY } = options;
  const sendQueue = { maxMessages: queuedMessages, ...options.listen.sendQueue };
  const server = await listen({ ...options.listen, sendQueue } as ListenOptions);
  let measured = 0;
  const droppedByGone = { dropped: 0, unknown: 0 };
  let timer: unknown;
  let dueMs = 0;
  let finish = () => {};
  const finished = new Promise<void>((resolve) => {
    finish = resolve;
  });

  const measureDue = () => {
    timer = undefined;
    const now = clock.now();
    if (dueMs < now - maxLagMs) dueMs = now - maxLagMs;
    for (; dueMs <= now && measured < maxCount; dueMs += 1000 / rate) {
      const value = measure(measured++);
      void server.broadcast(value);
    }
    if (measured >= maxCount) finish();
    else if (server.getConnectionsList().length > 0) timer = clock.setTimeout(measureDue, Math.max(0, dueMs - now));
  };

  server.on('connection', (connection) => {
    connection.on('close', () => {
      droppedByGone[causeOf(connection)] += connection.stats().droppedSending;
    });
    connection.on('warning', () => {}); // dropped values are counted
    if (timer !== undefined) return;
    dueMs = clock.now();
    timer = clock.setTimeout(measureDue, 0);
  });

  const pause = () => {
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
    onPeer: (callback) => void server.on('connection', callback),
    async cut() {
      pause();
      await server.close();
      for (const connection of server) connection.destroy();
    },
    async stop() {
      pause();
      await server.closeServer();
    },
  };
}

/** Why messages to a client were dropped: nothing can be sent before its protocol is known. */
function causeOf({ peerProtocol }: PortableConnection): 'dropped' | 'unknown' {
  return peerProtocol === undefined ? 'unknown' : 'dropped';
}
