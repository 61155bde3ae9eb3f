/**
 * Measures the time from `connect()` to the first message delivered, for each kind of server, on loopback: for the first connection of a process
 * to an address, and for later ones, which use what the first has detected. Run it: `npm run bench:connect`.
 */
import { once } from 'node:events';
import { type AddressInfo, createServer, type Socket } from 'node:net';
import { performance } from 'node:perf_hooks';
import { connect, generateKey, type Key, listen } from 'serpy';

interface Measured {
  readonly port: number;
  /** Resolves when the next message has been delivered. */
  delivered(): Promise<void>;
  close(): Promise<void>;
}

const rounds = 7;
/** The Python modules read their socket every 10 ms. */
const pollMs = 10;

async function withSerpy(key?: Key): Promise<Measured> {
  const server = await listen({ port: 0, key });
  return {
    port: server.address.port,
    delivered: async () => void (await (await server.getConnection()).getData()),
    close: () => server.closeServer(),
  };
}

/** A server that reads like a Python one. @param answer what it sends after its first read */
async function likePython(answer: Buffer | undefined, after: Buffer): Promise<Measured> {
  let onMessage = () => {};
  const sockets = new Set<Socket>();
  const server = createServer((socket) => {
    sockets.add(socket);
    const chunks: Buffer[] = [];
    let hasAnswered = false;
    const timer = setInterval(() => {
      if (chunks.length > 0 && !hasAnswered && answer) socket.write(answer);
      hasAnswered ||= chunks.length > 0;
      if (Buffer.concat(chunks).includes(after)) onMessage();
    }, pollMs);
    socket.on('data', (chunk) => chunks.push(chunk));
    socket.on('close', () => clearInterval(timer));
    socket.on('error', () => {});
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  return {
    port: (server.address() as AddressInfo).port,
    delivered: () =>
      new Promise((resolve) => {
        onMessage = resolve;
      }),
    close: async () => {
      for (const socket of sockets) socket.destroy();
      server.close();
    },
  };
}

async function once1(server: Measured, key: Key | undefined): Promise<number> {
  const arrived = server.delivered();
  const startMs = performance.now();
  const connection = await connect({ port: server.port, key, autoRestart: false });
  await connection.sendData('first message');
  await arrived;
  const elapsedMs = performance.now() - startMs;
  await new Promise((resolve) => setTimeout(resolve, silenceMs));
  await connection.close();
  return elapsedMs;
}

/** Long enough for a client to be sure that a server is silent. */
let silenceMs = 0;

async function measure(name: string, make: () => Promise<Measured>, key?: Key): Promise<void> {
  const first: number[] = [];
  const later: number[] = [];
  for (let round = 0; round < rounds; round++) {
    const server = await make();
    first.push(await once1(server, key));
    silenceMs = 0;
    later.push(await once1(server, key));
    await server.close();
    if (name === pythonV2) silenceMs = 5500;
  }
  console.log(`${name.padEnd(34)} ${shown(first)}  ${shown(later)}`);
}

function shown(times: number[]): string {
  const median = times.sort((a, b) => a - b)[Math.floor(times.length / 2)] as number;
  return `${median.toFixed(1)} ms`.padStart(12);
}

const pythonV2 = 'Python v2 (reads every 10 ms)';
const key = generateKey();
const v1Answer = Buffer.from('\x01ACKMODCG\x1f', 'latin1');
const message = Buffer.from('first message');
console.log(`${'server'.padEnd(34)} ${'first'.padStart(12)}  ${'later'.padStart(12)}   medians of ${rounds}`);
await measure('serpy for Node', () => withSerpy());
await measure('serpy for Node, with a key', () => withSerpy(key), key);
await measure('Python v1 (reads every 10 ms)', () => likePython(v1Answer, message));
silenceMs = 5500;
await measure(pythonV2, () => likePython(undefined, message));
