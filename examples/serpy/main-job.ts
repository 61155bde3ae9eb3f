// The main job: a workstation requests images and counts from a simulated instrument in a separate process, over v2 and over v1.
// The connection breaks in the middle of an image. This program, the workstation, compares everything bit for bit.
// Run it: npm run example -- serpy/main-job
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { performance } from 'node:perf_hooks';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { connect, isSerpyError, type PortableConnection } from 'serpy';
import { readArguments } from '../arguments.ts';
import { openCable } from './cable.ts';
import { film, photonCount, side } from './simulation.ts';

const imagesPerProtocol = 120;
const countsPerProtocol = 400;
/** The connection breaks while this image is in flight. */
const cutAtImage = 60;

interface Result {
  readonly protocol: string;
  messages: number;
  bytes: number;
  seconds: number;
  reconnects: number;
  errors: number;
}

readArguments('Receives images and counts from a simulated instrument over both protocols, and compares them.', {});

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
console.log(failed ? 'Errors: see above.' : 'Every image and every count arrived as it was sent.');
process.exitCode = failed ? 1 : 0;

/** Runs the complete exchange over one protocol. */
async function run(protocol: 'v1' | 'v2'): Promise<Result> {
  const instrument = spawn(
    process.execPath,
    ['--import', 'tsx', fileURLToPath(new URL('instrument.ts', import.meta.url)), protocol],
    {
      stdio: ['pipe', 'pipe', 'inherit'],
    },
  );
  const cable = await openCable(await portOf(instrument));
  const connection: PortableConnection = await connect({ protocol, port: cable.port });
  instrument.once('exit', () => connection.destroy()); // otherwise it would reconnect forever
  console.log(`${protocol}: connected to the instrument (process ${instrument.pid})`);
  const result: Result = { protocol, messages: 0, bytes: 0, seconds: 0, reconnects: 0, errors: 0 };

  connection.on('warning', (error) => console.log(`${protocol}: ${error.message}`));
  connection.on('disconnect', ({ reason }) => console.log(`${protocol}: the connection is lost (${reason})`));
  connection.on('reconnecting', ({ attempt, delayMs }) =>
    console.log(`${protocol}: reconnect attempt ${attempt} in ${delayMs} ms`),
  );
  connection.on('reconnect', ({ downMs }) => {
    result.reconnects++;
    console.log(`${protocol}: reconnected after ${Math.round(downMs)} ms`);
  });

  const start = performance.now();
  for (let frame = 0; frame < imagesPerProtocol; frame++) {
    const expected = frames[frame % frames.length] as Buffer;
    if (frame === cutAtImage) {
      console.log(
        `${protocol}: ${frame} images of ${side} × ${side} float32 so far; breaking the connection in the middle of the next`,
      );
      cable.cutAfter(expected.length / 2);
    }
    check(result, `image ${frame}`, await ask(connection, `image ${frame}`), expected);
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

/** Requests all counts, half of which are numbers and half text. In a session, the requests travel at the same time. */
async function receiveCounts(connection: PortableConnection, result: Result): Promise<void> {
  const indices = Array.from({ length: countsPerProtocol }, (_, index) => index);
  const counts = await Promise.all(indices.map((index) => ask(connection, `count ${index}`)));
  for (const [index, count] of counts.entries()) {
    const expected = index % 2 === 0 ? String(photonCount(index)) : `count ${index}: ${photonCount(index)}`;
    check(result, `count ${index}`, count, Buffer.from(expected));
  }
}

/** Sends a request until it is answered. v2 needs one attempt, because its session survives a break. Over v1, a break loses the answer. */
async function ask(connection: PortableConnection, request: string): Promise<Buffer> {
  for (;;) {
    try {
      const answer = await connection.requestMessage(request);
      return answer.bytes();
    } catch (error) {
      if (!isSerpyError(error) || error.code !== 'ERR_SERPY_LOST') throw error;
      console.log(`requesting ${request} again`);
    }
  }
}

function check(result: Result, what: string, actual: Buffer, expected: Buffer): void {
  result.messages++;
  result.bytes += actual.length;
  if (actual.equals(expected)) return;
  result.errors++;
  console.log(`${result.protocol}: ${what} differs: received ${actual.length} bytes, expected ${expected.length}`);
}

/** The port that the instrument prints when it listens. */
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
