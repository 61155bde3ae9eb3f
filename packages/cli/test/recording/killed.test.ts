/** A recorder that is killed at any moment leaves a recording that can be read, as a client and as a server: many of them, run as a user runs the command. `npm run test:long -- record-kills` kills more. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setImmediate as immediate } from 'node:timers/promises';
import { connect, listen, type PortableConnection } from 'serpy';
import { encodeNpy, readNpyHeader } from 'serpy-arrays';
import { verifyRecording } from 'serpy-recording';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { files } from '../../../serpy-recording/src/format/format.js';
import { hasNumpy, mapWithNumpy } from '../../../serpy-recording/test/numpy.js';
import { readRecording } from '../../../serpy-recording/test/read.js';
import { seededRandom } from '../../src/instruments/random.js';
import { installedCommand } from '../command.js';

const kills = Number(process.env.TEST_KILLS ?? 30);
const listeningKills = 12;
const atATime = 4;
/** The latest message after which one is killed, of those that the instrument has sent. */
const lastMessage = 3000;

let place = '';
/** The file that `serpy` runs, installed. */
let main = '';

beforeAll(async () => {
  place = mkdtempSync(join(tmpdir(), 'serpy-killed-'));
  ({ main } = await installedCommand());
}, 240_000);

afterAll(() => rmSync(place, { recursive: true, force: true }));

/** The n-th message of the instrument: images of two sizes, numbers, texts and bytes. */
function message(n: number): Buffer | number | string {
  if (n % 3 === 0) return encodeNpy({ data: Uint16Array.from({ length: 2304 }, (_, at) => n + at), shape: [48, 48] });
  if (n % 7 === 1) return encodeNpy({ data: Float32Array.of(n, -n, 0.5), shape: [3] });
  if (n % 5 === 2) return Buffer.alloc(n % 1000, n);
  return n % 2 === 0 ? n : `text ${n}`;
}

/** Records to a folder, and kills the recorder after a number of messages. */
async function recordAndKill(folder: string, afterMessages: number): Promise<void> {
  const server = await listen({ protocol: 'v2', port: 0, sendQueue: { maxMessages: 8 }, resumeWindowMs: 100 });
  const sending = new Promise<void>((resolve) => {
    server.on('connection', (connection) =>
      resolve(send(connection, recorder.kill.bind(recorder, 'SIGKILL'), afterMessages)),
    );
  });
  const url = `serpy2://127.0.0.1:${server.address.port}`;
  const recorder = spawn(process.execPath, [main, 'record', url, folder], {
    stdio: ['ignore', 'ignore', 'pipe'],
  });
  let said = '';
  recorder.stderr.setEncoding('utf8').on('data', (text: string) => {
    said += text;
  });
  const [code, signal] = (await once(recorder, 'close')) as [number | null, string | null];
  expect(`${code} ${signal} ${said}`).toMatch(/^null SIGKILL (recording .*\n)?$/);
  await sending;
  await server.closeServer();
}

async function send(connection: PortableConnection, kill: () => void, afterMessages: number): Promise<void> {
  try {
    for (let n = 0; ; n++) {
      if (n === afterMessages) kill();
      await connection.sendData(message(n));
      if (n % 16 === 0) await immediate(); // the others want to send, too
    }
  } catch {
    // It was killed.
  }
}

/** Everything that a reader of the folder relies on. Returns how many messages it has. */
function check(folder: string): number {
  if (!existsSync(join(folder, files.about))) return 0; // killed before it had begun
  let messages = 0;
  for (const { n, value } of readRecording(folder)) {
    expect(n).toBe(messages);
    checkMessage(value, messages++);
  }
  checkArrays(folder);
  return messages;
}

/** Whether it is the n-th of its instrument. */
function checkMessage(value: unknown, n: number): void {
  const expected = message(n);
  if (Buffer.isBuffer(expected)) expect(expected.equals(value as Buffer), `message ${n}`).toBe(true);
  else expect(value).toBe(expected);
}

/** No header promises more than there is. */
function checkArrays(folder: string): void {
  for (const name of arraysOf(folder)) {
    const npy = readFileSync(join(folder, name));
    const { headerBytes, dataBytes } = readNpyHeader(npy);
    expect(statSync(join(folder, name)).size, name).toBeGreaterThanOrEqual(headerBytes + dataBytes);
  }
}

const arraysOf = (folder: string) => readdirSync(folder).filter((name) => name.endsWith('.npy'));

test(`a recorder killed at random moments leaves a readable recording, ${kills} times`, {
  timeout: 300_000,
}, async () => {
  const random = seededRandom(20);
  const planned = Array.from({ length: kills }, (_, each) => ({
    folder: join(place, `run-${each}`),
    // Most early, where files come into being; some at once.
    afterMessages: Math.floor(lastMessage * random() ** 3),
  }));
  const waiting = [...planned];
  const work = async () => {
    for (let next = waiting.pop(); next; next = waiting.pop()) await recordAndKill(next.folder, next.afterMessages);
  };
  await Promise.all(Array.from({ length: atATime }, work));

  const counts = planned.map(({ folder }) => check(folder));
  expect(counts.filter((count) => count > 0).length).toBeGreaterThan(kills / 4);
  expect(new Set(counts).size).toBeGreaterThan(kills / 4);
  for (const { folder } of planned) {
    if (!existsSync(join(folder, files.about))) continue; // killed before it had begun
    expect(await verifyRecording(folder)).toMatchObject({ problems: [], isClosed: false });
  }
  if (!hasNumpy) return;
  const paths = planned.flatMap(({ folder }) =>
    existsSync(folder) ? arraysOf(folder).map((name) => join(folder, name)) : [],
  );
  for (const [at, { shape, dtype, elements }] of mapWithNumpy(paths).entries()) {
    expect([dtype, shape.slice(1)]).toEqual(paths[at]!.includes('48x48') ? ['<u2', [48, 48]] : ['<f4', [3]]);
    if (shape[0]! > 0 && dtype === '<u2') expect(elements.slice(0, 2)).toEqual(['0', '1']);
  }
});

/** Connects three instruments to a recorder, and kills it after one of them has sent this many messages. */
async function listenAndKill(folder: string, afterMessages: number): Promise<void> {
  const recorder = spawn(process.execPath, [main, 'record', '--listen', 'serpy2://127.0.0.1:0', folder], {
    stdio: ['ignore', 'ignore', 'pipe'],
  });
  const closed = once(recorder, 'close');
  let said = '';
  const port = new Promise<number>((resolve) => {
    recorder.stderr.setEncoding('utf8').on('data', (text: string) => {
      said += text;
      const found = /listening on .*:(\d+)/.exec(said);
      if (found) resolve(Number(found[1]));
    });
  });
  const url = `serpy2://127.0.0.1:${await port}?sendQueue.maxMessages=8&autoRestart=false`;
  const instruments = await Promise.all([1, 2, 3].map(() => connect(url as 'serpy2://127.0.0.1:1')));
  for (const each of instruments) each.on('warning', () => {}); // of what it has not sent
  await Promise.all(instruments.map((each) => send(each, () => recorder.kill('SIGKILL'), afterMessages)));
  for (const instrument of instruments) instrument.destroy();
  const [code, signal] = (await closed) as [number | null, string | null];
  expect(`${code} ${signal} ${said}`).toMatch(/^null SIGKILL recording all clients to .*\nlistening on /);
}

test(`a recorder that listens also leaves a readable recording, ${listeningKills} times`, {
  timeout: 120_000,
}, async () => {
  const random = seededRandom(21);
  const folders = Array.from({ length: listeningKills }, (_, each) => join(place, `listening-${each}`));
  const waiting = [...folders];
  const work = async () => {
    for (let next = waiting.pop(); next; next = waiting.pop())
      await listenAndKill(next, Math.floor((lastMessage / 3) * random() ** 2));
  };
  await Promise.all(Array.from({ length: atATime }, work));

  let largest = 0;
  for (const folder of folders) {
    const senders = new Map<string, number>();
    let messages = 0;
    for (const { n, from, value } of readRecording(folder)) {
      expect(n).toBe(messages++);
      const taken = senders.get(from!) ?? 0;
      checkMessage(value, taken);
      senders.set(from!, taken + 1);
    }
    checkArrays(folder);
    largest = Math.max(largest, senders.size === 3 ? messages : 0);
  }
  expect(largest).toBeGreaterThan(100);
});
