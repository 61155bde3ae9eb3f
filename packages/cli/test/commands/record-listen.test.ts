/** `serpy record --listen`: instruments that connect to the recorder. */
import { once } from 'node:events';
import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { type AddressInfo, connect as connectTcp, createServer, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setImmediate as immediate } from 'node:timers/promises';
import { type Connection, connect, float, generateKey, listen, type PortableValue } from 'serpy';
import { encodeNpy, readNpyHeader } from 'serpy-arrays';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { readRecording } from '../../../serpy-recording/test/read.js';
import { Run, runToEnd } from '../run.js';

let place = '';
let folder = '';
const runs: Run[] = [];
const instruments: Connection[] = [];

beforeEach(() => {
  place = mkdtempSync(join(tmpdir(), 'serpy-record-listen-'));
  folder = join(place, 'run');
});

afterEach(async () => {
  for (const instrument of instruments.splice(0)) instrument.destroy();
  for (const run of runs.splice(0)) {
    run.interrupt();
    await run.ended;
  }
  rmSync(place, { recursive: true });
});

/** A recorder on a free port. */
async function start(...args: string[]): Promise<[run: Run, port: number]> {
  const run = new Run(['record', '--listen', 'serpy://127.0.0.1:0', folder, ...args]);
  runs.push(run);
  const [, port] = await run.until(/listening on 127\.0\.0\.1:(\d+)/);
  return [run, Number(port)];
}

/** An instrument that connects, and its address as the recorder sees it. */
async function connectInstrument(run: Run, port: number, protocol: 'v1' | 'v2' | 'auto' = 'v2', more: object = {}) {
  const before = run.stderr.length;
  const connection = (await connect({
    autoRestart: false,
    protocol,
    port,
    ...(protocol === 'v2' && { session: 'off' }),
    ...more,
  } as {
    protocol: 'auto';
    port: number;
  })) as Connection;
  instruments.push(connection);
  const [, from = ''] = await run.until(new RegExp(`^.{${before}}.*?(127\\.0\\.0\\.1:\\d+) connected`, 's'), 'stderr');
  return { connection, from };
}

/** One that is known at once, as it speaks first. */
const connectInSession = (run: Run, port: number) => connectInstrument(run, port, 'v2', { session: 'prefer' });

/** Waits until the index has this many messages. */
async function recorded(count: number): Promise<void> {
  while (readFileSync(join(folder, 'index.jsonl'), 'utf8').split('"file":"').length <= count) await immediate();
}

/** Sends until the recorder disconnects. */
async function sendForever(connection: Connection, value: PortableValue): Promise<void> {
  try {
    for (;;) {
      await connection.sendData(value);
      await immediate();
    }
  } catch {
    // It has enough.
  }
}

const image = (n: number) =>
  encodeNpy({ data: Uint16Array.from({ length: 6 }, (_, at) => 10 * n + at), shape: [2, 3] });
const read = () => [...readRecording(folder)];
const contents = () => read().map(({ n, timeMs, wallMs, ...message }) => message);

describe('serpy record --listen', () => {
  test('records what several instruments send, over both protocols, in one recording that says from whom', async () => {
    const [run, port] = await start();
    const camera = await connectInstrument(run, port, 'v2');
    const counter = await connectInstrument(run, port, 'v1');
    const values: [typeof camera, PortableValue][] = [
      [camera, image(0)],
      [counter, 4000],
      [camera, float(0.5)],
      [counter, image(1)],
      [camera, Buffer.alloc(9000, 7)],
      [counter, 'text\n'],
      [camera, image(2)],
    ];
    for (const [n, [{ connection }, value]] of values.entries()) {
      await connection.sendData(value);
      await recorded(n + 1);
    }
    run.interrupt();
    const { status, stdout, stderr } = await run.ended;
    expect([status, stdout]).toEqual([0, '']);
    expect(stderr).toMatch(/^recording all clients to .*run\nlistening on .* \(v1 and v2\)/);
    expect(stderr).toMatch(/\nrecorded 7 messages in \d+\.\d s, [\d.]+ kB in .*run\n$/);

    const [a, b] = [camera.from, counter.from];
    expect(new Set([a, b, '']).size).toBe(3);
    expect(contents()).toEqual([
      { type: 'bytes', from: a, value: image(0) },
      { type: 'text', from: b, mode: 0, value: '4000' },
      { type: 'float', from: a, value: 0.5 },
      { type: 'bytes', from: b, mode: expect.any(Number), value: image(1) },
      { type: 'bytes', from: a, value: Buffer.alloc(9000, 7) },
      { type: 'text', from: b, mode: expect.any(Number), value: 'text\n' },
      { type: 'bytes', from: a, value: image(2) },
    ]);
    const stack = readFileSync(join(folder, 'uint16-2x3.npy'));
    expect(readNpyHeader(stack).shape).toEqual([3, 2, 3]);
    expect(stack.subarray(-36)).toEqual(Buffer.concat([0, 1, 2].map((n) => image(n).subarray(-12))));
  });

  test('continues when instruments disconnect and others connect', async () => {
    const [run, port] = await start('--count', '6');
    const first = await connectInstrument(run, port);
    const staying = await connectInstrument(run, port);
    await staying.connection.sendData(0);
    await recorded(1);
    await first.connection.sendData(1);
    await recorded(2);
    await first.connection.close();
    await run.until(/disconnected/);
    await staying.connection.sendData(2);
    await recorded(3);
    const abrupt = await connectInstrument(run, port);
    await abrupt.connection.sendData(3);
    await recorded(4);
    abrupt.connection.destroy();
    await run.until(/disconnected.*disconnected/s);
    const last = await connectInstrument(run, port, 'v1');
    await last.connection.sendData('4');
    await recorded(5);
    await staying.connection.sendData(5);
    expect(await run.ended).toMatchObject({ status: 0, stderr: expect.stringMatching(/recorded 6 messages in/) });
    const order = [staying, first, staying, abrupt, last, staying];
    expect(read().map(({ from }) => from)).toEqual(order.map(({ from }) => from));
    expect(read().map(({ value }) => Number(value))).toEqual([0, 1, 2, 3, 4, 5]);
  });

  test('an instrument whose session is resumed keeps its address, and loses nothing', async () => {
    const [run, port] = await start('--count', '2');
    const links: Socket[] = [];
    const relay = createServer((near) => {
      const far = connectTcp(port, '127.0.0.1');
      links.push(near, far);
      for (const each of [near, far]) each.on('error', () => {});
      near.pipe(far).pipe(near);
    }).listen(0, '127.0.0.1');
    await once(relay, 'listening');
    const reconnect = { minDelayMs: 0, baseDelayMs: 1 };
    const options = { session: 'require', autoRestart: true, reconnect };
    const { connection, from } = await connectInstrument(run, (relay.address() as AddressInfo).port, 'v2', options);
    await connection.sendData(1);
    await recorded(1);
    const again = once(connection, 'reconnect');
    for (const link of links.splice(0)) link.destroy();
    await again;
    await connection.sendData(2);
    expect(await run.ended).toMatchObject({ status: 0 });
    expect(contents()).toEqual([
      { type: 'int', from, value: 1 },
      { type: 'int', from, value: 2 },
    ]);
    connection.destroy();
    for (const link of links) link.destroy();
    relay.close();
  });

  test('an instrument that sends invalid data is disconnected, and the others are recorded', async () => {
    const [run, port] = await start('--protocol', 'v2', '--count', '2');
    const good = await connectInstrument(run, port);
    await good.connection.sendData(1);
    const bad = await connectInstrument(run, port, 'v1');
    await bad.connection.sendData('this is another protocol').catch(() => {});
    await run.until(/disconnected: /);
    await good.connection.sendData(2);
    expect(await run.ended).toMatchObject({ status: 0 });
    expect(read().map(({ value }) => value)).toEqual([1, 2]);
  });

  test('stops at --count, --max-bytes and --duration while several send', async () => {
    const sendTo = async (...args: string[]) => {
      const [run, port] = await start(...args);
      const both = [await connectInSession(run, port), await connectInSession(run, port)];
      const sending = both.map(({ connection }) => sendForever(connection, Buffer.alloc(1000)));
      const outcome = await run.ended;
      await Promise.all(sending);
      expect(outcome.status).toBe(0);
      const senders = new Set(read().map(({ from }) => from));
      const bytes = readdirSync(folder).reduce((sum, name) => sum + statSync(join(folder, name)).size, 0);
      const messages = read().length;
      rmSync(folder, { recursive: true });
      return { messages, bytes, senders: senders.size, stderr: outcome.stderr };
    };
    expect(await sendTo('--count', '7')).toMatchObject({ messages: 7 });

    const { bytes, senders, stderr } = await sendTo('--max-bytes', '100_000');
    expect(stderr).toMatch(/--max-bytes is reached: the next message does not fit\n/);
    expect(stderr).toMatch(/recorded \d+ messages in [^\n]*\n$/);
    expect(bytes).toBeGreaterThan(98_000);
    expect(bytes).toBeLessThanOrEqual(100_000);
    expect(senders).toBe(2);

    expect((await sendTo('--duration', '300ms')).messages).toBeGreaterThan(0);
  });

  test('ends at --duration without clients', async () => {
    const [run] = await start('--duration', '10ms');
    expect(await run.ended).toMatchObject({ status: 0, stderr: expect.stringMatching(/recorded 0 messages in/) });
    expect(read()).toEqual([]);
  });

  test('accepts only clients with the key', async () => {
    const keyFile = join(place, 'lab.key');
    writeFileSync(keyFile, generateKey(), { mode: 0o600 });
    const [run, port] = await start('--key-file', keyFile, '--count', '1');
    await expect(connectInstrument(run, port, 'v2', { key: generateKey() })).rejects.toThrow();
    const { connection } = await connectInstrument(run, port, 'v2', { key: { file: keyFile } });
    await run.until(/connected, encrypted/);
    await connection.sendData('hello');
    expect(await run.ended).toMatchObject({ status: 0 });
    expect(contents()).toMatchObject([{ value: 'hello' }]);
  });

  test('can be replayed: one peer is sent what all had sent, in the order and over the protocol of what came first', async () => {
    const [run, port] = await start('--count', '4');
    const both = [await connectInstrument(run, port, 'v1'), await connectInstrument(run, port, 'v2')];
    for (let n = 0; n < 4; n++) {
      await both[n % 2]!.connection.sendData(n < 2 ? image(n) : n);
      if (n < 3) await recorded(n + 1);
    }
    await run.ended;
    const replaying = new Run(['replay', folder, '--port', '0', '--speed', 'max']);
    runs.push(replaying);
    const [url] = await replaying.until(/^serpy1:\/\/\S+$/m, 'stdout');
    const peer = await connect(`${url}?autoRestart=false` as 'serpy1://127.0.0.1:1');
    const received: unknown[] = [];
    for await (const value of peer) received.push(value);
    expect(received).toEqual([image(0), image(1), ...['2', '3'].map((text) => Buffer.from(text))]);
    expect(await replaying.ended).toMatchObject({ status: 0 });
  });

  test('creates no recording if it cannot listen, and none in a folder that is not empty', async () => {
    const other = await listen({ protocol: 'v2', port: 0 });
    const taken = await runToEnd(['record', '--listen', `serpy2://127.0.0.1:${other.address.port}`, folder]);
    await other.closeServer();
    expect([taken.status, readdirSync(place)]).toEqual([1, []]);

    const open = await runToEnd(['record', '--listen', 'serpy2://0.0.0.0:0', folder]);
    expect([open.status, readdirSync(place)]).toEqual([2, []]);
    expect(open.stderr).toMatch(
      /^serpy: the server was not started: on 0\.0\.0\.0 everybody .*--key-file.*--insecure \[ERR_SERPY_INSECURE\]\n$/,
    );

    writeFileSync(join(place, 'notes.txt'), 'precious');
    const full = await runToEnd(['record', '--listen', 'serpy2://127.0.0.1:0', place]);
    expect(full).toMatchObject({
      status: 2,
      stderr: expect.stringMatching(/^serpy: the folder .* is not empty: name a new or empty one.*\n$/),
    });
    expect(readdirSync(place)).toEqual(['notes.txt']);
  });

  test.each([
    [['--listen', '--no-reconnect'], /^serpy: --no-reconnect is for clients, and this command is a server: omit it\n$/],
    [['--insecure'], /^serpy: --insecure is for servers, and this command is a client: omit it\n$/],
  ])('%j is a wrong command line', async (flags, sentence) => {
    const { status, stderr } = await runToEnd(['record', 'serpy2://127.0.0.1:0', folder, ...flags]);
    expect(status).toBe(2);
    expect(stderr).toMatch(sentence);
    expect(readdirSync(place)).toEqual([]);
  });
});
