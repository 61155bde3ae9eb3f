/**
 * Measures how many instruments one hub and one broker carry: instruments × rate × size, until the 99th percentile of the delay doubles.
 * Instruments, hub or bridges, and consumers are separate processes; the broker is mosquitto. Run it with `npm run bench:scaling`.
 */
import { type ChildProcess, fork, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { availableParallelism, cpus, loadavg, tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import mqtt from 'mqtt';
import { connect, listen, type Server } from 'serpy';
import { openBridge } from 'serpy-bridge';
import { openHub } from 'serpy-hub';

interface Load {
  readonly name: string;
  readonly sizeBytes: number;
  readonly rate: number;
  readonly steps: readonly number[];
}

interface Result {
  readonly count: number;
  readonly expected: number;
  readonly received: number;
  readonly p50: number;
  readonly p99: number;
}

type Way = 'hub' | 'broker';

const loads: readonly Load[] = [
  { name: 'readings of 100 B, 10/s', sizeBytes: 100, rate: 10, steps: [10, 50, 100, 200, 300, 500] },
  { name: 'images of 256 KiB, 5/s', sizeBytes: 262_144, rate: 5, steps: [1, 2, 5, 10, 20, 40] },
  { name: 'images of 1 MB, 5/s', sizeBytes: 999_000, rate: 5, steps: [1, 2, 5, 10, 20] },
];

const self = fileURLToPath(import.meta.url);
const nowNs = () => process.hrtime.bigint(); // one clock for all processes of a computer

// ---------- the roles of child processes

const roles: Record<string, (task: Record<string, unknown>) => Promise<unknown>> = {
  instruments,
  hub,
  bridges,
  consumers,
};

/** Servers that send a time stamp with padding. They start on the message `go`. */
async function instruments({ count, sizeBytes, rate }: Record<string, unknown>): Promise<readonly number[]> {
  const servers: Server<'v2'>[] = [];
  for (let at = 0; at < Number(count); at++)
    servers.push(await listen({ protocol: 'v2', port: 0, sendQueue: { whenFull: 'drop-oldest' } }));
  let sent = 0;
  process.on('message', async (message: { go?: number }) => {
    if (message.go === undefined) return;
    const everyMs = 1000 / Number(rate);
    const due = servers.map((_, at) => performance.now() + (everyMs * at) / servers.length); // not all at the same moment
    const endMs = performance.now() + message.go;
    while (performance.now() < endMs) {
      for (const [at, server] of servers.entries()) {
        if (performance.now() < (due[at] as number)) continue;
        due[at] = (due[at] as number) + everyMs;
        const bytes = Buffer.allocUnsafe(Number(sizeBytes));
        bytes.writeBigUInt64LE(nowNs());
        for (const client of server) void client.sendData(bytes).catch(() => {});
        sent++;
      }
      await sleep(1);
    }
    process.send?.({ sent });
  });
  return servers.map(({ address }) => (address as { port: number }).port);
}

async function hub({ ports }: Record<string, unknown>): Promise<readonly number[]> {
  const sources = Object.fromEntries((ports as number[]).map((port, at) => [`i${at}`, `serpy2://127.0.0.1:${port}`]));
  const made = await openHub({ sources });
  const servers = [];
  for (const name of Object.keys(sources)) {
    const consumers = { policy: 'all', sources: [name], whenFull: 'drop-oldest' } as const;
    servers.push(await made.serve({ protocol: 'v2', port: 0 }, { consumers }));
  }
  while ([...made.sources.values()].some((each) => each.status().state !== 'connected')) await sleep(20);
  return servers.map(({ address }) => address.port);
}

async function bridges({ ports, broker }: Record<string, unknown>): Promise<readonly number[]> {
  const made = [];
  for (const [at, port] of (ports as number[]).entries())
    made.push(
      await openBridge({
        name: `i${at}`,
        source: `serpy2://127.0.0.1:${port}`,
        broker: broker as string,
        topic: 'bench/{name}/{kind}',
      }),
    );
  while (
    made.some((each) => each.stats().broker.state !== 'connected' || each.stats().instrument.state !== 'connected')
  )
    await sleep(20);
  return [];
}

/** One consumer for each instrument; over the broker one for all of them. */
async function consumers({ ports, broker }: Record<string, unknown>): Promise<readonly number[]> {
  const delays: number[] = [];
  const add = (bytes: Uint8Array) =>
    void delays.push(Number(nowNs() - Buffer.from(bytes.buffer, bytes.byteOffset, 8).readBigUInt64LE()) / 1e6);
  if (broker !== undefined) {
    const client = await mqtt.connectAsync(broker as string, { protocolVersion: 5 });
    await client.subscribeAsync('bench/+/bytes', { qos: 1 });
    client.on('message', (_, payload) => add(payload));
  } else
    for (const port of ports as number[]) {
      const connection = await connect({ protocol: 'v2', port });
      void (async () => {
        for await (const value of connection) {
          add(value as Uint8Array);
          connection.release(value as Buffer);
        }
      })();
    }
  process.on('message', (message: { stop?: true }) => {
    if (message.stop) process.send?.({ delays });
  });
  return [];
}

// ---------- the measurement

interface Child {
  readonly process: ChildProcess;
  readonly ports: readonly number[];
}

async function child(role: string, task: object): Promise<Child> {
  const started = fork(self, [role, JSON.stringify(task)], { execArgv: ['--import', 'tsx'] });
  const [message] = (await once(started, 'message')) as [{ ready: readonly number[] }];
  return { process: started, ports: message.ready };
}

async function reply<T>({ process: each }: Child, message: object): Promise<T> {
  const answer = once(each, 'message');
  each.send(message);
  return (await answer)[0] as T;
}

async function measure(way: Way, load: Load, count: number, broker: string, durationMs: number): Promise<Result> {
  const children: Child[] = [];
  const start = async (role: string, task: object) => {
    const made = await child(role, task);
    children.push(made);
    return made;
  };
  try {
    const source = await start('instruments', { count, ...load });
    const middle = await start(way === 'hub' ? 'hub' : 'bridges', { ports: source.ports, broker });
    const sink = await start('consumers', way === 'hub' ? { ports: middle.ports } : { broker });
    await reply(source, { go: 1000 }); // warm
    await sleep(500);
    const { delays: warm } = await reply<{ delays: number[] }>(sink, { stop: true });
    const { sent: before } = { sent: warm.length };
    const { sent } = await reply<{ sent: number }>(source, { go: durationMs });
    await sleep(1000);
    const { delays } = await reply<{ delays: number[] }>(sink, { stop: true });
    const sorted = Float64Array.from(delays.slice(before)).sort();
    const at = (part: number) => sorted[Math.min(sorted.length - 1, Math.floor(part * sorted.length))] ?? Number.NaN;
    return { count, expected: sent - before, received: sorted.length, p50: at(0.5), p99: at(0.99) };
  } finally {
    for (const { process: each } of children) each.kill('SIGKILL');
  }
}

async function withMosquitto<T>(work: (url: string) => Promise<T>): Promise<T> {
  const probe = createServer().listen(0, '127.0.0.1');
  await once(probe, 'listening');
  const { port } = probe.address() as { port: number };
  probe.close();
  const folder = mkdtempSync(join(tmpdir(), 'serpy-scaling-'));
  const lines = [
    `listener ${port} 127.0.0.1`,
    'allow_anonymous true',
    'persistence false',
    'max_queued_messages 10000',
  ];
  writeFileSync(join(folder, 'mosquitto.conf'), `${lines.join('\n')}\n`);
  const broker = spawn('mosquitto', ['-c', join(folder, 'mosquitto.conf')], {
    stdio: 'ignore',
    env: { ...process.env, PATH: `${process.env.PATH}:/usr/sbin` },
  });
  const failed = once(broker, 'error').then(([error]) => {
    throw new Error(`mosquitto cannot be started: install the package mosquitto (${(error as Error).message})`);
  });
  try {
    await Promise.race([sleep(1000), failed]);
    return await work(`mqtt://127.0.0.1:${port}`);
  } finally {
    broker.kill('SIGKILL');
    rmSync(folder, { recursive: true });
  }
}

async function main(args: readonly string[]): Promise<void> {
  const seconds = Number(args[args.indexOf('--seconds') + 1] ?? Number.NaN);
  const durationMs = args.includes('--seconds') ? 1000 * seconds : 5000;
  const part = args.includes('--load') ? (args[args.indexOf('--load') + 1] ?? '') : '';
  const chosen = loads.filter(({ name }) => name.includes(part));
  const only = args.includes('--quick') ? chosen.map((each) => ({ ...each, steps: each.steps.slice(0, 1) })) : chosen;
  const ways: readonly Way[] = args.includes('--hub')
    ? ['hub']
    : args.includes('--broker')
      ? ['broker']
      : ['hub', 'broker'];
  console.log(
    `${availableParallelism()} cores, ${cpus()[0]?.model}, Node ${process.version}; load before: ${loadavg()[0]?.toFixed(1)}`,
  );
  console.log(
    'Instruments, hub or bridges, and consumers are a process each on this computer. Delays are from instrument to consumer.\n',
  );
  console.log('| over | load | instruments | messages/s | MB/s | arrived | delay p50, ms | p99, ms | |');
  console.log('| --- | --- | --- | --- | --- | --- | --- | --- | --- |');
  for (const way of ways)
    for (const load of only) await withMosquitto((broker) => series(way, load, broker, durationMs));
}

/** Raises the number of instruments until the delay doubles, or messages do not arrive. */
async function series(way: Way, load: Load, broker: string, durationMs: number): Promise<void> {
  let first: number | undefined;
  for (const count of load.steps) {
    const { expected, received, p50, p99 } = await measure(way, load, count, broker, durationMs);
    first ??= p99;
    const isOver = p99 > 2 * first || received < 0.98 * expected;
    const perSecond = (1000 * received) / durationMs;
    const cells = [
      way === 'hub' ? 'a hub' : 'bridges and mosquitto',
      load.name,
      count,
      Math.round(perSecond),
      ((perSecond * load.sizeBytes) / 1e6).toFixed(1),
      `${Math.min(100, Math.round((100 * received) / expected))} %`,
      p50.toFixed(1),
      p99.toFixed(1),
      isOver ? 'over' : '',
    ];
    console.log(`| ${cells.join(' | ')} |`);
    if (isOver) return;
  }
}

const [, , role, task] = process.argv;
const run = roles[role ?? ''];
if (run && task !== undefined && process.send) {
  const ready = await run(JSON.parse(task));
  process.send({ ready });
} else await main(process.argv.slice(2));
