// The main job: a simulated instrument in a process of its own sends images and counts to a workstation, this program,
// over v2 and over v1. In the middle of an image the cable is pulled. Everything that arrives is compared bit for bit.
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { performance } from 'node:perf_hooks';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { connect, isSerpyError, type PortableConnection } from 'serpy';
import { layCable } from './cable.ts';
import { film, photonCount, side } from './simulation.ts';

const imagesPerProtocol = 120;
const countsPerProtocol = 400;
/** The cable is pulled while this image is on its way. */
const cutAtImage = 60;

interface Result {
  readonly protocol: string;
  messages: number;
  bytes: number;
  seconds: number;
  reconnects: number;
  errors: number;
}

const frames = film();
const results: Result[] = [];
for (const protocol of ['v2', 'v1'] as const) results.push(await run(protocol));

console.log('');
console.table(
  results.map(({ protocol, messages, bytes, seconds, reconnects, errors }) => ({
    protocol,
    messages,
    'MB/s': Math.round(bytes / seconds / 1e6),
    reconnects,
    errors,
  })),
);
const failed = results.some(({ errors, reconnects }) => errors > 0 || reconnects !== 1);
console.log(failed ? 'Something is wrong: see above.' : 'Every image and every count arrived as it was sent.');
process.exitCode = failed ? 1 : 0;

/** The whole exchange over one protocol. */
async function run(protocol: 'v1' | 'v2'): Promise<Result> {
  const instrument = spawn(
    process.execPath,
    ['--import', 'tsx', fileURLToPath(new URL('instrument.ts', import.meta.url)), protocol],
    {
      stdio: ['pipe', 'pipe', 'inherit'],
    },
  );
  const cable = await layCable(await portOf(instrument));
  const reconnect = { minDelayMs: 0 }; // the instrument is no original: it takes a new link at once
  const connection: PortableConnection = await connect({ protocol, port: cable.port, autoRestart: true, reconnect });
  console.log(`${protocol}: connected to the instrument (process ${instrument.pid})`);
  const result: Result = { protocol, messages: 0, bytes: 0, seconds: 0, reconnects: 0, errors: 0 };

  connection.on('warning', (error) => console.log(`${protocol}: ${error.message}`));
  connection.on('disconnect', ({ reason }) => console.log(`${protocol}: the link is down (${reason})`));
  connection.on('reconnecting', ({ attempt, delayMs }) => console.log(`${protocol}: dial ${attempt} in ${delayMs} ms`));
  connection.on('reconnect', ({ downMs }) => {
    result.reconnects++;
    console.log(`${protocol}: the link is up again after ${Math.round(downMs)} ms`);
  });

  const start = performance.now();
  for (let frame = 0; frame < imagesPerProtocol; frame++) {
    const expected = frames[frame % frames.length] as Buffer;
    if (frame === cutAtImage) {
      console.log(
        `${protocol}: ${frame} images of ${side} × ${side} float32 so far; pulling the cable in the middle of the next`,
      );
      cable.cutAfter(expected.length / 2);
    }
    check(result, `image ${frame}`, await askForImage(connection, frame), expected);
  }
  console.log(`${protocol}: ${imagesPerProtocol} images compared bit for bit`);
  await receiveCounts(connection, result);
  console.log(`${protocol}: ${countsPerProtocol} photon counts compared`);
  result.seconds = (performance.now() - start) / 1000;

  await connection.close();
  cable.close();
  instrument.stdin?.end();
  if (instrument.exitCode === null) await once(instrument, 'exit');
  return result;
}

/** Asks for an image, again if the answer went down with the link: a request that was on the wire then is lost. */
async function askForImage(connection: PortableConnection, frame: number): Promise<Buffer> {
  for (;;) {
    await connection.sendData(`image ${frame}`);
    const linkLost = new AbortController();
    const onDisconnect = () => linkLost.abort();
    connection.once('disconnect', onDisconnect);
    try {
      const message = await connection.getMessage({ signal: linkLost.signal, timeoutMs: 30_000 });
      return message.bytes();
    } catch (error) {
      if (!isSerpyError(error) || error.code !== 'ERR_SERPY_ABORTED') throw error;
      console.log(`asking for image ${frame} again`);
    } finally {
      connection.off('disconnect', onDisconnect);
    }
  }
}

/** Counts come as numbers and as text; both answer to `text()`. */
async function receiveCounts(connection: PortableConnection, result: Result): Promise<void> {
  await connection.sendData(`counts 0 ${countsPerProtocol}`);
  for (let index = 0; index < countsPerProtocol; index++) {
    const message = await connection.getMessage({ timeoutMs: 30_000 });
    const expected = index % 2 === 0 ? String(photonCount(index)) : `count ${index}: ${photonCount(index)}`;
    check(result, `count ${index}`, message.bytes(), Buffer.from(expected));
  }
}

function check(result: Result, what: string, actual: Buffer, expected: Buffer): void {
  result.messages++;
  result.bytes += actual.length;
  if (actual.equals(expected)) return;
  result.errors++;
  console.log(`${result.protocol}: ${what} differs: ${actual.length} bytes came, ${expected.length} were expected`);
}

/** The port that the instrument prints once it listens. */
async function portOf(instrument: ChildProcess): Promise<number> {
  const lines = createInterface({ input: instrument.stdout as NodeJS.ReadableStream });
  const [line] = await Promise.race([
    once(lines, 'line') as Promise<[string]>,
    once(instrument, 'exit').then(([code]) => {
      throw new Error(`the instrument ended with status ${code} before it listened`);
    }),
  ]);
  return Number(line);
}
