/** Eight clients flood a server: measures the round trips of a valid client, and whether its link survives. */
import { once } from 'node:events';
import { setTimeout as sleep } from 'node:timers/promises';
import { Worker } from 'node:worker_threads';
import { connect } from 'serpy';
import type { Figure } from './figure.js';
import { type Flood, floods } from './flood.js';
import type { Settings } from './settings.js';
import { table } from './table.js';

const flooders = 8;
const quietMs = 1_000;
const floodMs = 5_000;
const pauseMs = 5;
/** The bound of the p99 of the valid round trips. */
const mostMs = 50;

interface Row {
  readonly flood: string;
  readonly trips: number;
  readonly quietP99: number;
  readonly p50: number;
  readonly p99: number;
  readonly worst: number;
  /** The cores that the server, the flooders and the clients got together. On a busy computer they get fewer, and the times are longer. */
  readonly cores: number;
  /** Links of valid clients that were closed. */
  readonly lost: number;
}

type Client = Awaited<ReturnType<typeof connectTo>>;

/** Measures. @returns whether the bound holds */
export async function floodsPart(settings: Settings): Promise<boolean> {
  const rows = await measureAll(settings);
  console.log(`\nfloods: round trips of a valid client in ms, alone and during a flood by ${flooders} clients`);
  const cells = rows.map(({ flood, trips, quietP99, p50, p99, worst, cores, lost }) => {
    return [flood, trips, ...[quietP99, p50, p99, worst, cores].map((each) => each.toFixed(1)), lost];
  });
  console.log(table(['flood', 'trips', 'alone p99', 'p50', 'p99', 'max', 'cores', 'links lost'], cells));
  return rows.every(isWell);
}

export async function measureFloods(settings: Settings): Promise<Figure> {
  const rows = await measureAll(settings);
  return {
    what: `p99 of the round trips of a valid client during floods of ${flooders} peers`,
    bound: `≤ ${mostMs} ms, no link of a valid client lost`,
    measured: `${rows.map(({ p99 }) => p99.toFixed(0)).join(', ')} ms; ${rows.reduce((sum, { lost }) => sum + lost, 0)} lost`,
    ok: rows.every(isWell),
    faults: rows.filter((row) => !isWell(row)).map(({ flood, p99, lost }) => `${flood}: ${p99} ms, ${lost} links lost`),
  };
}

function isWell({ p99, lost }: Row): boolean {
  return p99 <= mostMs && lost === 0;
}

async function measureAll({ target }: Settings): Promise<Row[]> {
  const rows: Row[] = [];
  for (const [kind, flood] of floods.entries()) {
    if (target === undefined || flood.name.includes(target)) rows.push(await measure(flood, kind));
  }
  return rows;
}

async function measure(flood: Flood, kind: number): Promise<Row> {
  const server = new Worker(new URL('./stuck-server.mjs', import.meta.url), { workerData: flood.protocol });
  const [port] = (await once(server, 'message')) as [number];
  const clients = await Promise.all([
    connectTo(flood, port, false),
    ...(flood.protocol === 'v2' ? [connectTo(flood, port, true)] : []),
  ]);
  let lost = 0;
  for (const client of clients) client.on('disconnect', () => lost++);
  await trips(clients, quietMs); // warms up
  const quiet = await trips(clients, quietMs);
  const workerData = { port, kind, flooders };
  const attackers = new Worker(new URL('./flooders.mjs', import.meta.url), { workerData });
  await once(attackers, 'message');
  await sleep(200);
  const [before, startMs] = [process.cpuUsage(), performance.now()];
  const flooded = await trips(clients, floodMs);
  const { user, system } = process.cpuUsage(before);
  const cores = (user + system) / 1000 / (performance.now() - startMs);
  const seen = lost;
  await attackers.terminate();
  for (const client of clients) client.destroy();
  await server.terminate();
  return {
    flood: flood.name,
    trips: flooded.length,
    quietP99: percentile(quiet, 99),
    p50: percentile(flooded, 50),
    p99: percentile(flooded, 99),
    worst: Math.max(...flooded),
    cores,
    lost: seen,
  };
}

function connectTo({ protocol }: Flood, port: number, inSession: boolean) {
  const session = inSession ? { session: 'require', autoRestart: true } : {};
  return connect({ protocol, host: '127.0.0.1', port, ...session } as never);
}

async function trips(clients: readonly Client[], forMs: number): Promise<number[]> {
  const took: number[] = [];
  const endMs = performance.now() + forMs;
  await Promise.all(
    clients.map(async (client) => {
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
