/** Time and memory of links and sessions: detection of half-open links, resumption of sessions, and memory of idle ones. */
import { once } from 'node:events';
import { setTimeout as sleep } from 'node:timers/promises';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { MemoryNetwork } from 'serpy-core/testing';
import { FaultProxy } from 'serpy-fault-proxy';
import { Connection, type ConnectionOptions, Server } from 'serpy-v2';
import { type Figure, middleOf } from './figure.js';

/** The bounds, milliseconds. */
const mostNoticeMs = 16_000;
const mostResumeMs = 50;
/** The largest growth of the heap after many resumptions. */
const mostGrowth = 0.05;
const mostConnectionBytes = 256 * 1024;

const session: ConnectionOptions = { session: 'require', autoRestart: true };

async function throughProxy(options: ConnectionOptions = {}) {
  const server = await new Server({ port: 0 }).start();
  const proxy = await new FaultProxy({ target: server.address, seed: 1 }).start();
  const client = new Connection({ ...session, ...options });
  client.on('warning', () => {});
  await client.connect(proxy.address.host, proxy.address.port);
  const accepted = await server.getConnection();
  accepted.on('warning', () => {});
  const close = async () => {
    client.destroy();
    await server.closeServer();
    await proxy.close();
  };
  return { proxy, client, accepted, close };
}

/** Measures how long both ends need to detect a half-open link, with the defaults. */
export async function measureHalfOpen(): Promise<Figure> {
  const notice = async (writing: boolean) => {
    const { proxy, client, accepted, close } = await throughProxy();
    await client.sendData('all is well', { acknowledge: 'received' });
    const timer = writing ? setInterval(() => sendBoth(client, accepted), 100) : undefined;
    await sleep(200);
    const startMs = performance.now();
    proxy.stall();
    const noticed = [client, accepted].map(async (end) => {
      const [{ reason }] = (await once(end, 'disconnect')) as [{ reason: string }];
      return { tookMs: performance.now() - startMs, reason };
    });
    const ends = await Promise.all(noticed);
    clearInterval(timer);
    await close();
    return ends;
  };
  const [idle, writing] = await Promise.all([notice(false), notice(true)]);
  const all = [...idle, ...writing];
  const seconds = (ends: typeof idle) => ends.map(({ tookMs }) => (tookMs / 1000).toFixed(1)).join(' and ');
  return {
    what: 'a half-open connection is detected by both ends, with the default options',
    bound: '≤ 16 s',
    measured: `idle ${seconds(idle)} s, writing ${seconds(writing)} s`,
    ok: all.every(({ tookMs, reason }) => tookMs <= mostNoticeMs && reason === 'timeout'),
  };
}

function sendBoth(...ends: readonly Connection[]): void {
  for (const end of ends) void end.sendData('more').catch(() => {});
}

/** Measures the time from the new link to the acknowledgement of the messages that waited. */
export async function measureResume(rounds: number): Promise<Figure> {
  const { proxy, client, accepted, close } = await throughProxy({ reconnect: { baseDelayMs: 2, maxDelayMs: 5 } });
  const reading = (async () => {
    for await (const _ of accepted);
  })();
  const took: number[] = [];
  for (let round = 0; round < rounds; round++) {
    const up = once(proxy, 'linkOpen').then(() => performance.now());
    proxy.cut('rst');
    const sent = client.sendData(`message ${round}`, { acknowledge: 'received' });
    const upMs = await up;
    await sent;
    took.push(performance.now() - upMs);
  }
  await close();
  await reading;
  const middle = middleOf(took);
  return {
    what: 'a session is resumed: from the TCP connection to the acknowledgement of what waited, on loopback',
    bound: 'median ≤ 50 ms',
    measured: `median ${middle.toFixed(1)} ms, longest ${Math.max(...took).toFixed(1)} ms of ${rounds}`,
    ok: middle <= mostResumeMs,
  };
}

function collector(): () => void {
  setFlagsFromString('--expose-gc');
  return runInNewContext('gc') as () => void;
}

async function heapBytes(collect: () => void): Promise<number> {
  for (let i = 0; i < 3; i++) {
    await sleep(10);
    collect();
  }
  const { heapUsed, external, arrayBuffers } = process.memoryUsage();
  return heapUsed + external + arrayBuffers;
}

/** Measures whether the memory of both ends, in one process, grows with the number of resumptions. */
export async function measureResumes(resumes: number): Promise<Figure> {
  const collect = collector();
  const network = new MemoryNetwork();
  network.clock.runFreely();
  const server = await new Server({ port: 5000 }, network).start();
  const client = new Connection({ ...session, reconnect: { baseDelayMs: 1, maxDelayMs: 2 } }, network);
  client.on('warning', () => {});
  await client.connect('127.0.0.1', 5000);
  const accepted = await server.getConnection();
  accepted.on('warning', () => {});
  const resume = async (times: number) => {
    for (let n = 0; n < times; n++) {
      network.links[0]?.reset();
      await Promise.all([client.sendData(`up ${n}`, { acknowledge: 'received' }), accepted.sendData(`down ${n}`)]);
      await accepted.getData();
      await client.getData();
    }
  };
  const warmUps = Math.ceil(resumes / 2);
  await resume(warmUps);
  const before = await heapBytes(collect);
  await resume(resumes);
  const after = await heapBytes(collect);
  const { reconnects } = client.stats();
  client.destroy();
  await server.closeServer();
  network.clock.stop();
  const growth = after / before - 1;
  const MiB = (bytes: number) => (bytes / 2 ** 20).toFixed(2);
  return {
    what: `memory of both ends after ${resumes.toLocaleString('en-US')} resumes`,
    bound: 'flat within 5 %',
    measured: `${MiB(before)} MiB before, ${MiB(after)} MiB after: ${growth < 0 ? '−' : '+'}${Math.abs(100 * growth).toFixed(1)} %`,
    ok: growth <= mostGrowth && reconnects >= resumes,
  };
}

/** Measures the memory of an idle connection in a session, both ends. */
export async function measureWeight(connections: number): Promise<Figure> {
  const collect = collector();
  const network = new MemoryNetwork();
  network.clock.runFreely();
  const server = await new Server({ port: 5000, maxConnections: connections }, network).start();
  const before = await heapBytes(collect);
  const clients: Connection[] = [];
  for (let n = 0; n < connections; n++) {
    const client = new Connection(session, network);
    await client.connect('127.0.0.1', 5000);
    await client.sendData('hello', { acknowledge: 'received' });
    clients.push(client);
  }
  for (const connection of server) {
    connection.on('warning', () => {});
    await connection.getData();
  }
  const each = ((await heapBytes(collect)) - before) / connections;
  for (const client of clients) client.destroy();
  await server.closeServer();
  network.clock.stop();
  return {
    what: 'memory of an idle connection in a session, without its queues: both ends, in memory',
    bound: '≤ 256 KiB',
    measured: `${(each / 1024).toFixed(1)} KiB`,
    ok: each <= mostConnectionBytes,
  };
}
