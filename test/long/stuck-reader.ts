/**
 * Fifty clients of one server, one of which does not read: measures the round trips of the others, with and without that client.
 */
import { once } from 'node:events';
import { setTimeout as sleep } from 'node:timers/promises';
import { Worker } from 'node:worker_threads';
import { connect, type ProtocolName } from 'serpy';
import type { Settings } from './settings.js';
import { table } from './table.js';

const host = '127.0.0.1';
const clients = 49;
const phaseMs = 2_000;
/** The pause between two requests of one client, so that the computer is not fully loaded. */
const pauseMs = 40;
/** The largest ratio of the p99 of the trips. The median of the rounds counts, because other programs disturb single rounds. */
const mostTimes = 2;

const protocols: readonly ProtocolName[] = ['v1', 'v2', 'auto'];

type Client = Awaited<ReturnType<typeof connectTo>>;

function connectTo(protocol: ProtocolName, port: number, more: object = {}) {
  return connect({ protocol, host, port, ...more } as never);
}

/** The times of the trips of one protocol: medians of the rounds. */
export interface StuckRow {
  readonly protocol: ProtocolName;
  readonly trips: number;
  /** Idle p50 and p99, stuck p50 and p99, in milliseconds. */
  readonly figures: readonly number[];
  /** The ratio of the p99 with a stuck reader to the p99 without it. */
  readonly times: number;
}

/** Measures. @returns whether the bound holds */
export async function stuckReader(settings: Settings): Promise<boolean> {
  const rows = await measureStuckReader(settings);
  console.log(
    `\nstuck-reader: round trips of ${clients} clients in ms, beside one that is idle, and beside one that does not read`,
  );
  const shown = rows.map(({ protocol, trips, figures, times }) => {
    return [protocol, trips, ...[...figures, times].map((each) => each.toFixed(2))];
  });
  console.log(table(['protocol', 'trips', 'idle p50', 'idle p99', 'stuck p50', 'stuck p99', 'p99 ratio'], shown));
  return rows.every(({ times }) => times <= mostTimes);
}

export async function measureStuckReader({ rounds }: Settings): Promise<StuckRow[]> {
  const rows: StuckRow[] = [];
  for (const protocol of protocols) {
    const quiet: number[][] = [];
    const stuck: number[][] = [];
    const worker = new Worker(new URL('./stuck-server.mjs', import.meta.url), { workerData: protocol });
    const [port] = (await once(worker, 'message')) as [number];
    const others = await Promise.all(Array.from({ length: clients }, () => connectTo(protocol, port)));
    await trips(others); // warms up
    for (let round = 0; round < rounds; round++) {
      const idle = await connectTo(protocol, port);
      quiet.push(await trips(others));
      idle.destroy();
      const reader = await stick(protocol, port);
      stuck.push(await trips(others));
      reader.destroy();
    }
    for (const each of others) each.destroy();
    await worker.terminate();
    const middle = (phases: number[][], percent: number) =>
      percentile(
        phases.map((each) => percentile(each, percent)),
        50,
      );
    const times = middle(stuck, 99) / middle(quiet, 99);
    const figures = [middle(quiet, 50), middle(quiet, 99), middle(stuck, 50), middle(stuck, 99)];
    rows.push({ protocol, trips: [...quiet, ...stuck].flat().length, figures, times });
  }
  return rows;
}

/** A client to which the server sends endlessly, and which does not read. Resolves when the server cannot send more. */
async function stick(protocol: ProtocolName, port: number): Promise<Client> {
  const receiveQueue = { maxMessages: 1, whenFull: 'block' };
  const reader = await connectTo(protocol, port, { receiveQueue });
  await reader.sendData('flood');
  for (let before = -1; before !== reader.stats().bytesReceived || before < 1; await sleep(50)) {
    before = reader.stats().bytesReceived;
  }
  return reader;
}

/** The times of the trips of one phase. */
async function trips(others: readonly Client[]): Promise<number[]> {
  const took: number[] = [];
  const endMs = performance.now() + phaseMs;
  await Promise.all(
    others.map(async (client, n) => {
      await sleep((pauseMs * n) / clients);
      for (let i = 0; performance.now() < endMs; i++) {
        const startMs = performance.now();
        await client.sendData(`question ${i}`);
        await client.getData();
        took.push(performance.now() - startMs);
        await sleep(pauseMs);
      }
    }),
  );
  return took;
}

function percentile(all: readonly number[], percent: number): number {
  const sorted = [...all].sort((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.floor((sorted.length * percent) / 100))] ?? Number.NaN;
}
