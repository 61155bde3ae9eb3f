/** Sessions on bad lines, over real sockets: a steady slow line, a link that dies after so many bytes, and one that flaps. */
import { setTimeout as sleep } from 'node:timers/promises';
import { FaultProxy, type Plan } from 'serpy-fault-proxy';
import { Connection, type ConnectionOptions, Server } from 'serpy-v2';
import { type Figure, showFigures } from './figure.js';

const KiB = 1024;

/** Goodput may fall to this part of what the line carries. */
const leastOfLine = 0.85;
/** Of what passed before the links died: below 8 KiB for each link, and from there on. */
const [leastOfBytes, leastOfManyBytes, manyBytes] = [0.4, 0.8, 8 * KiB];
const mostWithoutLink = 0.1;

const session: ConnectionOptions = {
  session: 'require',
  autoRestart: true,
  sessionTimeoutMs: 5_000,
  reconnect: { baseDelayMs: 5, maxDelayMs: 20 },
};

async function throughProxy(plan: Plan) {
  const server = await new Server({ port: 0 }).start();
  const proxy = await new FaultProxy({ target: server.address, seed: 1, plan }).start();
  const client = new Connection(session);
  const ends: string[] = [];
  client.on('warning', () => {});
  client.on('disconnect', ({ reason }) => ends.push(reason));
  await client.connect(proxy.address.host, proxy.address.port);
  const accepted = await server.getConnection();
  accepted.on('warning', () => {});
  const close = async () => {
    client.destroy();
    await server.closeServer();
    await proxy.close();
  };
  return { client, accepted, proxy, ends, close };
}

/** A message of which each byte tells its place. */
function countingBytes(size: number): Buffer {
  return Buffer.from(Uint32Array.from({ length: Math.ceil(size / 4) }, (_, i) => i).buffer, 0, size);
}

/** How much of a line is used: large messages, and small ones behind them. */
export async function measureSlowLine(bytesPerSecond: number, seconds: number): Promise<Figure> {
  const { client, accepted, ends, close } = await throughProxy(() => ({ up: { bytesPerSecond } }));
  const large = countingBytes(Math.floor((bytesPerSecond * seconds) / 2));
  const small = countingBytes(Math.ceil(large.length / 20));
  const startMs = performance.now();
  const sent = [client.sendData(large, { acknowledge: 'received' })];
  for (let n = 0; n < 20; n++) sent.push(client.sendData(small, { acknowledge: 'received' }));
  const first = (await accepted.getData()) as Buffer;
  let right = first.equals(large);
  for (let n = 0; n < 20; n++) right = ((await accepted.getData()) as Buffer).equals(small) && right;
  const tookSeconds = (performance.now() - startMs) / 1000;
  await Promise.all(sent);
  const lost = ends.length;
  await close();
  const goodput = (large.length + 20 * small.length) / tookSeconds / bytesPerSecond;
  return {
    what: `a steady line of ${bytesPerSecond.toLocaleString('en-US')} B/s: goodput in relation to the line`,
    bound: `≥ ${leastOfLine}, no link given up`,
    measured: `${goodput.toFixed(2)} in ${tookSeconds.toFixed(0)} s, ${lost} links lost`,
    ok: right && goodput >= leastOfLine && lost === 0,
  };
}

/** How much of what passes is new, where each link dies after so many bytes of its client. A reset would discard what the server has not read. */
export async function measureDyingLinks(bytes: number, messageBytes: number): Promise<Figure> {
  const { client, accepted, proxy, close } = await throughProxy(() => ({ up: { cut: { atByte: bytes, how: 'fin' } } }));
  let passed = 0;
  proxy.on('linkClose', ({ up }) => {
    passed += up.bytesOut;
  });
  const message = countingBytes(messageBytes);
  const startMs = performance.now();
  const sent = client.sendData(message, { acknowledge: 'received' });
  const right = ((await accepted.getData()) as Buffer).equals(message);
  const tookSeconds = (performance.now() - startMs) / 1000;
  await sent;
  await close();
  const goodput = messageBytes / passed;
  const least = bytes >= manyBytes ? leastOfManyBytes : leastOfBytes;
  return {
    what: `links that die after ${bytes.toLocaleString('en-US')} bytes: goodput in relation to the bytes that passed`,
    bound: `≥ ${least}`,
    measured: `${goodput.toFixed(2)} of ${passed.toLocaleString('en-US')} bytes in ${tookSeconds.toFixed(1)} s`,
    ok: right && goodput >= least,
  };
}

/** How long a client is without a link that the network would carry, where each link lives a second. */
export async function measureFlapping(seconds: number): Promise<Figure> {
  const { client, accepted, proxy, close } = await throughProxy(() => ({}));
  let count = 0;
  const reading = (async () => {
    for await (const _ of accepted) count++;
  })();
  let sent = 0;
  let downMs = 0;
  let downSinceMs: number | undefined;
  client.on('disconnect', () => {
    downSinceMs = performance.now();
  });
  client.on('reconnect', () => {
    if (downSinceMs !== undefined) downMs += performance.now() - downSinceMs;
    downSinceMs = undefined;
  });
  const untilMs = performance.now() + seconds * 1000;
  while (performance.now() < untilMs) {
    const cutMs = performance.now() + 1000;
    while (performance.now() < cutMs) {
      await client.sendData(`message ${sent++}`);
      await sleep(5);
    }
    proxy.cut('rst');
  }
  while (count < sent) await sleep(10);
  await close();
  await reading;
  const part = downMs / (seconds * 1000);
  return {
    what: 'a link that flaps every second: time without a link in relation to the time that the network was up',
    bound: `≤ ${mostWithoutLink}`,
    measured: `${part.toFixed(3)}, ${count.toLocaleString('en-US')} messages arrived`,
    ok: part <= mostWithoutLink && count === sent,
  };
}

/** All of them, as a table. */
export async function badLines(): Promise<boolean> {
  console.log('\nbad lines: sessions on slow lines, and over links that die');
  const figures = [
    await measureSlowLine(960, 60),
    await measureSlowLine(12_000, 60),
    await measureSlowLine(100_000, 20),
    ...(await inTurn([2, 4, 8, 16, 64, 250, 1024], (kib) =>
      measureDyingLinks(kib * KiB, Math.max(200, 8 * kib) * KiB),
    )),
    await measureFlapping(60),
  ];
  return showFigures(figures.map((figure) => ({ ...figure, command: 'npm run test:long -- lines' })));
}

async function inTurn<T, R>(items: readonly T[], run: (item: T) => Promise<R>): Promise<R[]> {
  const results: R[] = [];
  for (const item of items) results.push(await run(item));
  return results;
}
