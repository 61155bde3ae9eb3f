/**
 * Three messages with handshake and close frame. Their first link is cut in every way and at every byte of both directions: in memory,
 * over sockets, and over TLS.
 */
import { type Environment, generateKey } from 'serpy-core';
import { DeliveryChecker, MemoryNetwork, outcomeOfSend } from 'serpy-core/testing';
import { FaultProxy } from 'serpy-fault-proxy';
import { Connection, Server } from 'serpy-v2';

export const waysToCut = ['fin', 'reset', 'stall'] as const;

/** The cut of the first link. */
export interface CutCase {
  readonly direction: 'up' | 'down';
  /** The number of bytes before the cut. */
  readonly atByte: number;
  readonly how: (typeof waysToCut)[number];
}

export interface EveryByteReport {
  readonly cases: number;
  /** Bytes of the exchange: from the client, and from the server. */
  readonly bytes: readonly [up: number, down: number];
  readonly faults: readonly string[];
}

/** The network of the exchange. */
interface Place {
  readonly port: number;
  readonly environment?: Environment;
  readonly options: object;
  /** The timeout of the first connection attempt, whose link is cut. The others have more time, for busy computers. */
  readonly firstAttemptMs?: number;
  /** The bytes of the first link. */
  bytes(): readonly [up: number, down: number];
  close(): Promise<void>;
}

const maxAttempts = 20;

/** Runs one case. Without a case nothing is cut. @returns the errors, as sentences */
async function exchange(place: Place, server: Server): Promise<string[]> {
  const checker = new DeliveryChecker({ order: 'stream' });
  const back = new DeliveryChecker({ order: 'stream' });
  const client = new Connection(
    { session: 'require', autoRestart: true, reconnect: { baseDelayMs: 1, maxDelayMs: 10 }, ...place.options },
    place.environment,
  );
  client.on('warning', () => {});
  const serve = async (connection: Connection) => {
    connection.on('warning', () => {});
    for await (const data of connection) {
      checker.received('the server', String(data));
      if (data === 'one') await send(connection, back, 'two', 'received');
    }
  };
  const accepting = (async () => {
    for await (const connection of server) void serve(connection);
  })();
  for (let attempts = 1; ; attempts++) {
    try {
      const timeoutMs = attempts === 1 ? place.firstAttemptMs : undefined;
      await client.connect('127.0.0.1', place.port, timeoutMs === undefined ? {} : { timeoutMs });
      break;
    } catch (error) {
      if (attempts === maxAttempts) throw error;
    }
  }
  await send(client, checker, 'one', 'received');
  back.received('the client', String(await client.getData()));
  await send(client, checker, 'three', 'consumed');
  await client.close();
  for (const connection of server) connection.destroy();
  await server.close();
  await accepting;
  const faults = [...checker.verify({ allowMissing: 0 }), ...back.verify({ allowMissing: 0 })];
  if (checker.arrived + back.arrived !== 3) faults.push(`${checker.arrived + back.arrived} of 3 messages arrived`);
  return faults;
}

async function send(from: Connection, checker: DeliveryChecker, text: string, acknowledge: 'received' | 'consumed') {
  const attempt = checker.attempted(text);
  await from.sendData(text, { acknowledge }).then(
    (sent) => attempt.ended(outcomeOfSend(true, sent)),
    ({ code }) => attempt.ended(outcomeOfSend(true, code)),
  );
}

/** In memory, with simulated time. */
async function inMemory(cut: CutCase | undefined): Promise<[Place, Server]> {
  let bytes = () => [0, 0] as const as readonly [number, number];
  const network = new MemoryNetwork({
    linked: (link) => {
      if (link.index > 0) return;
      bytes = () => [link.toServer.carriedBytes, link.toClient.carriedBytes];
      if (cut) (cut.direction === 'up' ? link.toServer : link.toClient).cutAfter(cut.atByte, cut.how);
    },
  });
  network.clock.runFreely();
  const server = await new Server({ port: 5000 }, network).start();
  const close = async () => network.clock.stop();
  return [{ port: 5000, environment: network, options: {}, bytes: () => bytes(), close }, server];
}

/** Over sockets, with short timeouts. */
async function overSockets(cut: CutCase | undefined, key: string | undefined): Promise<[Place, Server]> {
  const session = { peerTimeoutMs: 600, pingIntervalMs: 200, closeTimeoutMs: 400 };
  const secret = key === undefined ? {} : { key };
  const server = await new Server({ port: 0, ...session, ...secret }).start();
  server.on('warning', () => {});
  const counts: [number, number] = [0, 0];
  const proxy = await new FaultProxy({
    target: server.address,
    seed: 1,
    plan: (index) => {
      if (index > 0 || cut === undefined) return {};
      const how = cut.how === 'reset' ? 'rst' : cut.how;
      return { [cut.direction]: { cut: { atByte: cut.atByte, how } } };
    },
  }).start();
  proxy.on('linkClose', (link) => {
    if (link.index === 0) counts.splice(0, 2, link.up.bytesIn, link.down.bytesIn);
  });
  const options = { ...session, ...secret, sessionTimeoutMs: 5_000, connectTimeoutMs: 5_000 };
  const place = { port: proxy.address.port, options, firstAttemptMs: 1_000 };
  return [{ ...place, bytes: () => counts, close: () => proxy.close() }, server];
}

export type PlaceName = 'memory' | 'sockets' | 'tls';

/** Runs every case, with a limited number at a time. */
export async function everyByte(name: PlaceName, atATime: number, step = 1): Promise<EveryByteReport> {
  const key = name === 'tls' ? generateKey() : undefined;
  const make = (cut?: CutCase) => (name === 'memory' ? inMemory(cut) : overSockets(cut, key));
  const run = async (cut?: CutCase) => {
    const [place, server] = await make(cut);
    let faults: string[];
    try {
      faults = await exchange(place, server);
    } catch (error) {
      faults = [String(error)];
      await server.closeServer();
    }
    await place.close();
    return { faults, bytes: place.bytes() };
  };
  const whole = await run();
  const faults = whole.faults.map((fault) => `without a cut: ${fault}`);
  const cases: CutCase[] = [];
  for (const [i, direction] of (['up', 'down'] as const).entries()) {
    for (let atByte = 0; atByte <= (whole.bytes[i] as number); atByte += step) {
      for (const how of waysToCut) cases.push({ direction, atByte, how });
    }
  }
  const { length } = cases;
  const work = async () => {
    for (let cut = cases.pop(); cut !== undefined; cut = cases.pop()) {
      const { direction, atByte, how } = cut;
      faults.push(
        ...(await run(cut)).faults.map((fault) => `${name}, ${how} after ${atByte} bytes ${direction}: ${fault}`),
      );
    }
  };
  await Promise.all(Array.from({ length: atATime }, work));
  return { cases: length, bytes: whole.bytes, faults };
}
