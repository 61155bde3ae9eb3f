/** Unauthenticated clients of a server with a key: how many valid clients can connect, and whether a session resumes. */
import { once } from 'node:events';
import { setTimeout as sleep } from 'node:timers/promises';
import { Worker } from 'node:worker_threads';
import { connect, generateKey } from 'serpy';
import { TcpProxy } from './cut-proxy.js';
import type { Figure } from './figure.js';
import { sieges } from './intruder.js';
import type { Settings } from './settings.js';
import { table } from './table.js';

const siegeMs = 6_000;
const pauseMs = 100;
/** The share of valid connection attempts that must succeed. */
const leastPercent = 95;

interface Row {
  readonly siege: string;
  readonly tried: number;
  readonly letIn: number;
  /** How many times the session resumed, of `cuts` cuts of its link. */
  readonly cuts: number;
  readonly back: number;
}

/** Measures. @returns whether enough valid clients could connect */
export async function doorPart(settings: Settings): Promise<boolean> {
  const rows = await measureAll(settings);
  console.log('\ndoor: valid clients of a server with a key, during connections without the key');
  const cells = rows.map(({ siege, tried, letIn, cuts, back }) => [siege, tried, letIn, cuts, back]);
  console.log(
    table(['connections without the key', 'valid attempts', 'accepted', 'links of a session cut', 'resumed'], cells),
  );
  return rows.every(isWell);
}

export async function measureDoor(settings: Settings): Promise<Figure> {
  const rows = await measureAll(settings);
  const percent = rows.map(({ tried, letIn }) => Math.round((100 * letIn) / tried));
  return {
    what: `valid clients that a server with a key accepts during ${rows.length} kinds of attacks on authentication`,
    bound: `≥ ${leastPercent} %, each cut session back`,
    measured: `${percent.join(', ')} %; ${sum(rows, 'back')} of ${sum(rows, 'cuts')} cuts resumed`,
    ok: rows.every(isWell),
    faults: rows.filter((row) => !isWell(row)).map((row) => JSON.stringify(row)),
  };
}

function sum(rows: readonly Row[], name: 'back' | 'cuts'): number {
  return rows.reduce((total, row) => total + row[name], 0);
}

function isWell({ tried, letIn, cuts, back }: Row): boolean {
  return letIn >= (tried * leastPercent) / 100 && back === cuts;
}

async function measureAll({ target }: Settings): Promise<Row[]> {
  const rows: Row[] = [];
  for (const [i, { name }] of sieges.entries()) {
    if (target === undefined || name.includes(target)) rows.push(await measure(i, name));
  }
  return rows;
}

async function measure(siege: number, name: string): Promise<Row> {
  const key = generateKey();
  const server = new Worker(new URL('./door-server.mjs', import.meta.url), { workerData: key });
  const [port] = (await once(server, 'message')) as [number];
  const proxy = await TcpProxy.open(port);
  const options = { protocol: 'v2', host: '127.0.0.1', key } as const;
  const reconnect = { baseDelayMs: 50, maxDelayMs: 200, minDelayMs: 0 };
  const lasting = await connect({ ...options, port: proxy.port, autoRestart: true, reconnect });
  lasting.on('warning', () => {});
  const intruders = new Worker(new URL('./intruder.mjs', import.meta.url), { workerData: { port, siege } });
  await once(intruders, 'message');
  await sleep(500);
  const row = { siege: name, tried: 0, letIn: 0, cuts: 0, back: 0 };
  const endMs = performance.now() + siegeMs;
  const cutting = (async () => {
    for (; performance.now() < endMs; row.cuts++) {
      proxy.cut();
      const text = `after cut ${row.cuts}`;
      await lasting.sendData(text);
      if ((await lasting.getData({ timeoutMs: 5_000 }).catch(() => undefined)) === text) row.back++;
      await sleep(500);
    }
  })();
  for (; performance.now() < endMs; row.tried++) {
    const client = await connect({ ...options, port, connectTimeoutMs: 2_000 }).catch(() => undefined);
    if (client) row.letIn++;
    await client?.close();
    await sleep(pauseMs);
  }
  await cutting;
  lasting.destroy();
  await intruders.terminate();
  await server.terminate();
  proxy.close();
  return row;
}
