/** `serpy view` of a recording and with `--record`; the page over HTTPS; `--open`. */
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { chmod } from 'node:fs/promises';
import { get } from 'node:https';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import { type Connection, connect, listen } from 'serpy';
import { createRecording, openRecording, verifyRecording } from 'serpy-recording';
import { afterAll, afterEach, beforeAll, describe, expect, test, vi } from 'vitest';
import { WebSocket } from 'ws';
import { makeCertificate } from '../../../core/test/transport/certificates.js';
import { Run, runToEnd } from '../run.js';

/** A busy computer needs longer than the second that `waitFor` has by default. */
const until = <R>(check: () => R) => vi.waitFor(check, { timeout: 15_000 });

const closing: (() => unknown)[] = [];
let place = '';
let folders = 0;
const newFolder = () => join(place, `run-${folders++}`);

beforeAll(() => {
  place = mkdtempSync(join(tmpdir(), 'serpy-view-command-'));
});

afterAll(() => rmSync(place, { recursive: true }));

afterEach(async () => {
  for (const close of closing.splice(0).reverse()) await close();
});

async function start(...args: string[]): Promise<[run: Run, url: URL]> {
  const run = new Run(['view', '--page-port', '0', ...args]);
  closing.push(async () => {
    run.interrupt();
    await run.ended;
  });
  const [, url = ''] = await run.until(/(https?:\/\/\S+)\n/, 'stdout');
  return [run, new URL(url)];
}

type Seen = Readonly<Record<'state' | 'time' | 'marks', Record<string, unknown> | undefined>>;

/** What a page gets: the last message of each type. */
function watch({ protocol, port, hash }: URL, ca?: string): { seen: Seen; send(message: unknown): void } {
  const protocols = ['serpy-view', ...(hash === '' ? [] : [`token.${hash.slice(1)}`])];
  const scheme = protocol === 'https:' ? 'wss' : 'ws';
  const origin = `${protocol}//127.0.0.1:${port}`;
  const socket = new WebSocket(`${scheme}://127.0.0.1:${port}/`, protocols, { origin, ...(ca ? { ca } : {}) });
  const seen: Record<string, Record<string, unknown>> = {};
  socket.on('message', (data, isBinary) => {
    if (isBinary) return;
    const message = JSON.parse(String(data)) as { type: string };
    seen[message.type] = message;
  });
  closing.push(() => socket.terminate());
  return { seen: seen as Seen, send: (message) => socket.send(JSON.stringify(message)) };
}

function recorded(names: readonly (string | undefined)[] = [undefined]): string {
  const folder = newFolder();
  const writer = createRecording(folder, { note: 'a test' });
  for (const name of names) writer.add({ type: 'float', value: 20.5 }, name);
  writer.close();
  return folder;
}

async function instrument(values: readonly unknown[]) {
  const server = await listen({ protocol: 'v2', port: 0, closeTimeoutMs: 100 });
  closing.push(() => server.closeServer());
  server.on('connection', (client) => {
    for (const value of values) void client.sendData(value as string);
  });
  return { server, url: `serpy2://127.0.0.1:${server.address.port}` };
}

describe('serpy view of a recording', () => {
  test('shows its instruments as panels, with the unit', async () => {
    const [, url] = await start(recorded(['one', 'other']), '--unit', 'K');
    const { seen } = watch(url);
    await until(() => expect(seen.time).toMatchObject({ messages: 2, isClosed: true }));
    expect(seen.state).toMatchObject({
      panels: [
        { source: 'one', kind: 'trend', unit: 'K', message: 0 },
        { source: 'other', kind: 'trend', unit: 'K', message: 1 },
      ],
    });
  });

  test.each([
    [(folder: string) => [folder, folder], 'a page shows one recording'],
    [(folder: string) => [folder, 'serpy2://127.0.0.1:9'], 'a page shows one recording'],
    [(folder: string) => [folder, '--record', 'x'], 'is a recording: --listen and --record need the URL'],
    [(folder: string) => [folder, '--listen'], 'is a recording: --listen and --record need the URL'],
  ])('refuses other sources beside it (%#)', async (argsOf, sentence) => {
    const { status, stderr } = await runToEnd(['view', '--page-port', '0', ...argsOf(recorded())]);
    expect([status, stderr]).toEqual([2, expect.stringContaining(sentence)]);
  });

  test('refuses a folder that is not one', async () => {
    const { status, stderr } = await runToEnd(['view', '--page-port', '0', place]);
    expect([status, stderr]).toEqual([2, expect.stringContaining('is not a recording')]);
  });
});

describe('serpy view --record', () => {
  test('records what arrives under the names of the page, with metadata, until Ctrl-C', async () => {
    const folder = newFolder();
    const { url: camera } = await instrument(['hello', 1.5, Float32Array.of(1, 2)]);
    const [run, url] = await start(`cam=${camera}`, '--record', folder, '--note', 'second sample', '--meta', 'a=b');
    const { seen, send } = watch(url);
    await until(() => expect(seen.time).toMatchObject({ messages: 3, mode: 'live', cannotMark: null }));
    send({ type: 'mark', first: 0, last: 1, label: 'begin' });
    await until(() => expect(seen.marks).toMatchObject({ marks: [{ first: 0, last: 1, label: 'begin' }] }));
    run.interrupt();
    const { status, stderr } = await run.ended;
    expect([status, stderr]).toEqual([0, expect.stringContaining(`recorded 3 messages in ${folder}`)]);
    const recording = openRecording(folder);
    expect(recording.about).toMatchObject({ url: camera, note: 'second sample', meta: { a: 'b' } });
    expect([...recording.messages()].map(({ from }) => from)).toEqual(['cam', 'cam', 'cam']);
    recording.close();
    expect(await verifyRecording(folder)).toMatchObject({ isUnaltered: true, isClosed: true, marks: 1 });
    expect((await runToEnd(['verify', folder])).stdout).toContain('1 mark\n');
    expect((await runToEnd(['doctor', folder])).stdout).toContain('1 marked:\n  messages 0 to 1: begin');
  });

  test('with --listen records each instrument that connects', async () => {
    const folder = newFolder();
    const [run] = await start('--listen', 'serpy2://127.0.0.1:0', '--record', folder);
    const [, port] = await run.until(/instruments connect to serpy2:\/\/127\.0\.0\.1:(\d+)/);
    const send = async (value: number) => {
      const options = { protocol: 'v2', port: Number(port), closeTimeoutMs: 100 } as const;
      const connection = (await connect(options)) as unknown as Connection;
      closing.push(() => connection.destroy());
      await connection.sendData(value, { acknowledge: 'received' });
    };
    await send(1);
    await send(2);
    const names = () => [...openRecording(folder).messages()].map(({ from, value }) => `${from} ${value}`);
    await until(() => expect(names()).toEqual(['127.0.0.1 1', '127.0.0.1 2 2']));
  });

  test('makes no folder if an option is wrong, and refuses one that is not empty', async () => {
    const folder = newFolder();
    const wrong = await runToEnd(['view', '--page-port', '0', 'http://127.0.0.1', '--record', folder]);
    expect([wrong.status, existsSync(folder)]).toEqual([2, false]);
    const { status, stderr } = await runToEnd(['view', '--page-port', '0', 'serpy2://127.0.0.1:9', '--record', place]);
    expect([status, stderr]).toEqual([2, expect.stringContaining('is not empty')]);
  });

  test('at --max-bytes goes on with the page, and ends with status 1', async () => {
    const folder = newFolder();
    const { url: camera } = await instrument(Array.from({ length: 300 }, (_, n) => `text ${n}`));
    const [run, url] = await start(camera, '--record', folder, '--max-bytes', '20kB');
    const { seen } = watch(url);
    await run.until(/its largest size is reached; the page continues/, 'stderr');
    await until(() => expect(seen.state).toMatchObject({ sources: [{ messages: 300 }] }));
    run.interrupt();
    expect((await run.ended).status).toBe(1);
    expect(await verifyRecording(folder)).toMatchObject({ isUnaltered: true, isClosed: true });
  });
});

test('--page-cert serves the page and its values over HTTPS', async () => {
  const { cert, key } = makeCertificate({ name: '127.0.0.1' });
  const [certFile, keyFile] = [join(place, 'cert.pem'), join(place, 'key.pem')];
  writeFileSync(certFile, cert);
  writeFileSync(keyFile, key);
  const [, url] = await start(recorded(), '--page-cert', certFile, '--page-key', keyFile);
  expect(url.protocol).toBe('https:');
  const page = await new Promise<string>((resolve, reject) => {
    get({ host: '127.0.0.1', port: url.port, path: '/', ca: cert, agent: false }, (response) => {
      let text = '';
      response.setEncoding('utf8').on('data', (chunk: string) => {
        text += chunk;
      });
      response.on('end', () => resolve(text));
    }).on('error', reject);
  });
  expect(page).toMatch(/serpy view|the page is not built/);
  const { seen } = watch(url, cert);
  await until(() => expect(seen.time).toMatchObject({ messages: 1 }));
});

test.skipIf(process.platform !== 'linux')(
  '--open opens the address in the browser of the system, with the token',
  async () => {
    const opened = join(place, 'opened');
    const program = join(place, 'xdg-open');
    writeFileSync(program, `#!/bin/sh\nprintf '%s' "$*" > "${opened}.part"\nmv "${opened}.part" "${opened}"\n`);
    await chmod(program, 0o755);
    const before = process.env['PATH'];
    process.env['PATH'] = `${place}${delimiter}${before}`;
    try {
      const [run] = await start(recorded(), '--open', '--lan');
      await until(() => expect(existsSync(opened)).toBe(true));
      const address = readFileSync(opened, 'utf8');
      expect(address).toMatch(/^http:\/\/127\.0\.0\.1:\d+\/#[\w-]{32}$/);
      expect(run.stderr).toContain(`on this computer: ${address}`);
    } finally {
      process.env['PATH'] = before;
    }
  },
);

test.skipIf(process.platform !== 'linux')('--open without a browser changes nothing', async () => {
  const before = process.env['PATH'];
  process.env['PATH'] = join(place, 'empty');
  try {
    const [, url] = await start(recorded(), '--open');
    const { seen } = watch(url);
    await until(() => expect(seen.time).toMatchObject({ messages: 1 }));
  } finally {
    process.env['PATH'] = before;
  }
});
