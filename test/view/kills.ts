/** `serpy view --record`, killed at random moments while a page looks back and marks; and what is left of the recording. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { setImmediate as immediate } from 'node:timers/promises';
import { listen, type PortableConnection } from 'serpy';
import { encodeNpy } from 'serpy-arrays';
import { openRecording, verifyRecording } from 'serpy-recording';
import { WebSocket } from 'ws';

export interface KillSettings {
  /** The file that `serpy` runs. */
  readonly main: string;
  readonly folder: string;
  /** After how many messages of the instrument the command is killed. */
  readonly afterMessages: number;
  /** Whether it is killed only after a mark stands in the recording. */
  readonly afterMark?: boolean;
}

/** The n-th message of the instrument: images, numbers, texts and bytes. */
export function viewMessage(n: number): Buffer | number | string {
  if (n % 3 === 0) return encodeNpy({ data: Uint16Array.from({ length: 2304 }, (_, at) => n + at), shape: [48, 48] });
  if (n % 7 === 1) return encodeNpy({ data: Float32Array.of(n, -n, 0.5), shape: [3] });
  if (n % 5 === 2) return Buffer.alloc(n % 1000, n);
  return n % 2 === 0 ? n : `text ${n}`;
}

/** Records in a folder, and kills the command. Resolves when it is gone. */
export async function recordAndKill({ main, folder, afterMessages, afterMark = false }: KillSettings): Promise<void> {
  const server = await listen({ protocol: 'v2', port: 0, sendQueue: { maxMessages: 8 }, resumeWindowMs: 100 });
  server.on('warning', () => {}); // of what was not sent
  const url = `serpy2://127.0.0.1:${server.address.port}`;
  const args = [main, 'view', `cam=${url}`, '--page-port', '0', '--record', folder];
  const program = spawn(process.execPath, args, { stdio: ['ignore', 'pipe', 'pipe'] });
  const closed = once(program, 'close');
  const killIfDue = (messages: number) => {
    if (messages >= afterMessages && (!afterMark || hasMark(folder))) program.kill('SIGKILL');
  };
  const sending = new Promise<void>((resolve) => {
    server.on('connection', (client) => resolve(send(client, killIfDue)));
  });
  let [said, page] = ['', undefined as WebSocket | undefined];
  program.stderr.setEncoding('utf8').on('data', (text: string) => {
    said += text;
  });
  program.stdout.setEncoding('utf8').on('data', (text: string) => {
    const [, port] = /:(\d+)/.exec(text) ?? [];
    if (port !== undefined) page ??= lookBack(Number(port));
  });
  const [code, signal] = (await closed) as [number | null, string | null];
  page?.terminate();
  if (signal === 'SIGKILL') await sending;
  await server.closeServer();
  if (signal !== 'SIGKILL') throw new Error(`the command ended by itself with ${code}: ${said}`);
}

function hasMark(folder: string): boolean {
  const index = join(folder, 'index.jsonl');
  return existsSync(index) && readFileSync(index, 'utf8').includes('"type":"mark"');
}

/** Sends until the client is gone. @param due is called before each message with the number of those before it */
async function send(client: PortableConnection, due: (messages: number) => void): Promise<void> {
  client.on('warning', () => {}); // of what was not sent
  try {
    for (let n = 0; ; n++) {
      due(n);
      await client.sendData(viewMessage(n));
      if (n % 16 === 0) await immediate();
    }
  } catch {
    // It was killed.
  }
}

/** A page that moves through the recording and marks. */
function lookBack(port: number): WebSocket {
  const socket = new WebSocket(`ws://127.0.0.1:${port}/`, ['serpy-view'], { origin: `http://127.0.0.1:${port}` });
  let count = 0;
  socket.on('message', (data, isBinary) => {
    if (isBinary) return;
    const { type, messages } = JSON.parse(String(data)) as { type: string; messages: number };
    if (type !== 'time' || messages === 0 || socket.readyState !== WebSocket.OPEN) return;
    count++;
    const request =
      count % 3 === 0
        ? { type: 'mark', first: 0, last: messages - 1, label: `mark ${count}` }
        : { type: 'seek', n: Math.floor(messages / 2) };
    socket.send(JSON.stringify(request));
  });
  socket.on('error', () => {}); // it is killed
  return socket;
}

export interface Left {
  readonly messages: number;
  readonly marks: number;
  /** Files of arrays. */
  readonly arrays: readonly string[];
}

/** Checks that what is left is a beginning of what was sent. Throws if not. Undefined for a command that was killed before it began. */
export async function checkLeft(folder: string): Promise<Left | undefined> {
  if (!existsSync(join(folder, 'recording.json'))) return undefined;
  const { problems, isClosed, messages, marks } = await verifyRecording(folder);
  if (problems.length > 0 || isClosed) throw new Error(`${folder}: ${problems.join()} closed: ${isClosed}`);
  const recording = openRecording(folder);
  let n = 0;
  for (const { value, from } of recording.messages()) {
    const expected = viewMessage(n);
    const isSame = Buffer.isBuffer(expected) ? expected.equals(value as Buffer) : expected === value;
    if (!isSame || from !== 'cam') throw new Error(`${folder}: message ${n} is not that of the instrument`);
    n++;
  }
  if (n !== messages) throw new Error(`${folder}: ${n} messages are read, and ${messages} verified`);
  const arrays = readdirSync(folder).filter((name) => name.endsWith('.npy'));
  return { messages, marks, arrays: arrays.map((name) => join(folder, name)) };
}

/** Runs work for each item, some at a time. */
export async function someAtATime<T>(
  items: readonly T[],
  count: number,
  work: (item: T) => Promise<void>,
): Promise<void> {
  const waiting = [...items];
  const worker = async () => {
    for (let item = waiting.pop(); item !== undefined; item = waiting.pop()) await work(item);
  };
  await Promise.all(Array.from({ length: count }, worker));
}
