import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createConnection } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Connection, connect, float, listen, type PortableValue } from 'serpy';
import { encodeNpy } from 'serpy-arrays';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { Run, runToEnd } from '../run.js';

let folder = '';
let run: Run | undefined;
const connections: Connection[] = [];

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'serpy-listen-'));
});

afterEach(async () => {
  for (const connection of connections.splice(0)) connection.destroy();
  run?.interrupt();
  await run?.ended;
  run = undefined;
  rmSync(folder, { recursive: true });
});

/** A listener on a free port. */
async function start(...args: string[]): Promise<[run: Run, port: number]> {
  run = new Run(['listen', '--port', '0', ...args]);
  const [, port] = await run.until(/listening on 127\.0\.0\.1:(\d+)/);
  return [run, Number(port)];
}

async function connectTo(port: number, protocol: 'v1' | 'v2' | 'auto' = 'auto'): Promise<Connection> {
  const connection = (await connect({ autoRestart: false, protocol, port } as {
    protocol: 'auto';
    port: number;
  })) as Connection;
  connections.push(connection);
  return connection;
}

async function sendAll(port: number, values: readonly unknown[], protocol: 'v1' | 'v2' | 'auto' = 'auto') {
  const connection = await connectTo(port, protocol);
  for (const value of values) await connection.sendData(value as PortableValue);
  return connection;
}

const image = encodeNpy({ data: Float32Array.of(0, 0.25, 0.5, 1, Number.NaN, 2), shape: [2, 3] });

describe('serpy listen', () => {
  test('prints texts, numbers, arrays and bytes, one line each', async () => {
    const [listening, port] = await start('--count', '6');
    await sendAll(port, ['hello', 42, float(0.5), image, Buffer.from('010203', 'hex'), Buffer.alloc(20, 7)], 'v2');
    const { status, stdout } = await listening.ended;
    expect(stdout.split('\n')).toEqual([
      'hello',
      '42',
      '0.5',
      'float32 2×3, min 0, max 2, mean 0.75, 1 NaN',
      '3 bytes: 01 02 03',
      '20 bytes: 07 07 07 07 07 07 07 07 07 07 07 07 07 07 07 07 …',
      '',
    ]);
    expect(status).toBe(0);
  });

  test('shows the name of a peer that has one, in logs, before messages and in JSON', async () => {
    const [listening, port] = await start('--show-sender');
    const connection = await connect({ protocol: 'auto', port, name: 'camera 2' });
    connections.push(connection as Connection);
    await connection.sendData('hello');
    await listening.until(/camera 2 \(127\.0\.0\.1:\d+\) connected\n/);
    await listening.until(/camera 2 \(127\.0\.0\.1:\d+\) {2}hello\n/);
    await connection.close();
    await listening.until(/camera 2 \(127\.0\.0\.1:\d+\) disconnected\n/);
    listening.interrupt();
    await listening.ended;
    const [inJson, other] = await start('--json', '--count', '1');
    const second = await connect({ protocol: 'auto', port: other, name: 'camera 2' });
    connections.push(second as Connection);
    await second.sendData('hello');
    const { stdout } = await inJson.ended;
    expect(JSON.parse(stdout)).toMatchObject({ name: 'camera 2', protocol: 'v2', value: 'hello' });
  });

  test('prints lines of text, which nc, LabVIEW and instruments send', async () => {
    const [listening, port] = await start('--protocol', 'lines', '-o', 'terminator=\\r\\n', '--count', '2');
    const peer = createConnection({ host: '127.0.0.1', port });
    peer.on('error', () => {});
    peer.write('+1.042E+03\r\n20 µs\r\n');
    const { status, stdout, stderr } = await listening.ended;
    peer.destroy();
    expect([status, stdout]).toEqual([0, '+1.042E+03\n20 µs\n']);
    expect(stderr).toContain('(lines of text); Ctrl-C stops it');
  });

  test('prints what a text holds so that it can do nothing to a terminal, on one line', async () => {
    const [listening, port] = await start('--count', '1');
    await sendAll(port, ['two\nlines, \x1b[2J\u202Eand a bell\x07']);
    const { stdout } = await listening.ended;
    expect(stdout).toBe('two\\nlines, \\u001b[2J\\u202eand a bell\\u0007\n');
  });

  test('reports connections and the total on stderr', async () => {
    const [listening, port] = await start();
    const connection = await sendAll(port, ['hello']);
    await listening.until(/hello\n/);
    await connection.close();
    const [, peer] = await listening.until(/(127\.0\.0\.1:\d+) disconnected\n/);
    listening.interrupt();
    const { status, stdout, stderr } = await listening.ended;
    expect([status, stdout]).toEqual([0, 'hello\n']);
    expect(stderr.split('\n').slice(1)).toEqual([
      `${peer} connected`,
      `${peer} disconnected`,
      expect.stringMatching(/^received 1 message, 5 bytes in \d+\.\d s$/),
      '',
    ]);
  });

  test('says nothing of it with --quiet', async () => {
    const port = await freePort();
    run = new Run(['listen', '--port', String(port), '--quiet', '--count', '1']);
    await useWhenUp(port, (connection) => connection.sendData('hello'));
    expect(await run.ended).toEqual({ status: 0, stdout: 'hello\n', stderr: '' });
  });

  test('tells from whom a message is with --show-sender', async () => {
    const [listening, port] = await start('--count', '1', '--show-sender');
    await sendAll(port, ['hello']);
    expect((await listening.ended).stdout).toMatch(/^127\.0\.0\.1:\d+ {2}hello\n$/);
  });

  test('with --json prints one object for each message, with times', async () => {
    const [listening, port] = await start('--count', '8', '--json');
    const values = ['a\n"b"', 7, 2n ** 60n, float(Number.NaN), float(1.5), image, Buffer.of(1, 2), Buffer.alloc(5000)];
    await sendAll(port, values, 'v2');
    const { stdout } = await listening.ended;
    const objects = stdout
      .trimEnd()
      .split('\n')
      .map((line) => JSON.parse(line) as Record<string, unknown>);
    for (const { time, elapsedMs, from, protocol } of objects) {
      expect(Math.abs(Date.parse(time as string) - Date.now())).toBeLessThan(60_000);
      expect(elapsedMs).toBeGreaterThanOrEqual(0);
      expect(from).toMatch(/^127\.0\.0\.1:\d+$/);
      expect(protocol).toBe('v2');
    }
    expect(objects.map(({ time, elapsedMs, from, protocol, ...rest }) => rest)).toEqual([
      { type: 'text', value: 'a\n"b"' },
      { type: 'int', value: 7 },
      { type: 'int', value: '1152921504606846976' },
      { type: 'float', value: 'NaN' },
      { type: 'float', value: 1.5 },
      { type: 'array', dtype: 'float32', shape: [2, 3], min: 0, max: 2, mean: 0.75, nan: 1, bytes: image.length },
      { type: 'bytes', bytes: 2, base64: 'AQI=' },
      { type: 'bytes', bytes: 5000 },
    ]);
  });

  test('writes bytes and arrays to numbered files with --out, and overwrites none', async () => {
    const out = join(folder, 'new', 'folder');
    mkdirSync(out, { recursive: true });
    writeFileSync(join(out, '000007.bin'), 'mine');
    const [listening, port] = await start('--count', '4', '--out', out);
    const png = Buffer.from('89504e470d0a1a0a00', 'hex');
    await sendAll(port, ['text', image, Buffer.of(1, 2), png], 'v2');
    const { status, stdout } = await listening.ended;
    expect(status).toBe(0);
    expect(readdirSync(out).sort()).toEqual(['000007.bin', '000008.npy', '000009.bin', '000010.png']);
    expect(readFileSync(join(out, '000007.bin'), 'utf8')).toBe('mine');
    expect(readFileSync(join(out, '000008.npy'))).toEqual(image);
    expect(readFileSync(join(out, '000009.bin'))).toEqual(Buffer.of(1, 2));
    expect(stdout).toContain(`2 bytes: 01 02  → ${join(out, '000009.bin')}\n`);
  });

  test('--json has numbers wherever JSON has them: small ones of 64 bits, and -0', async () => {
    const [listening, port] = await start('--count', '5', '--json');
    const values = [
      { data: BigInt64Array.of(-3n, 2n ** 53n - 1n) },
      { data: BigUint64Array.of(7n, 2n ** 53n) },
      float(-0),
      { data: Float32Array.of(-0) },
      [-0, { a: -0, b: ['"-0"', undefined] }],
    ];
    await sendAll(port, values.slice(0, 4) as never, 'v2');
    const v1 = await connect({ autoRestart: false, protocol: 'v1', port });
    await v1.sendData(values[4] as never, { mode: 4 });
    await v1.close();
    const { stdout } = await listening.ended;
    const parts = stdout
      .trimEnd()
      .split('\n')
      .map((line) => line.replace(/^.*?"type":/, ''));
    expect(parts[0]).toContain('"min":-3,"max":9007199254740991,"mean":');
    expect(parts[1]).toContain('"min":7,"max":"9007199254740992","mean":');
    expect(parts[2]).toBe('"float","value":-0}');
    expect(parts[3]).toContain('"min":-0,"max":-0,"mean":0,');
    expect(parts[4]).toBe('"object","value":[-0,{"a":-0,"b":["\\"-0\\"",null]}]}');
  });

  test('names the files in --json', async () => {
    const [listening, port] = await start('--count', '1', '--out', folder, '--json');
    await sendAll(port, [Buffer.of(1, 2)], 'v2');
    const { stdout } = await listening.ended;
    expect(JSON.parse(stdout)).toMatchObject({ type: 'bytes', file: join(folder, '000001.bin') });
  });

  test('ends with a sentence when --out cannot be a folder', async () => {
    const file = join(folder, 'file');
    writeFileSync(file, '');
    const { status, stderr } = await runToEnd(['listen', '--port', '0', '--out', file]);
    expect([status, stderr]).toEqual([2, `serpy: ${file}: it already exists (EEXIST): name another folder\n`]);
  });

  test('ends with a sentence when a file cannot be written, after what was received', async () => {
    const out = join(folder, 'out');
    const [listening, port] = await start('--out', out);
    rmSync(out, { recursive: true });
    await sendAll(port, ['whole', Buffer.of(1)], 'v2');
    const { status, stderr } = await listening.ended;
    expect(status).toBe(1);
    expect(stderr).toMatch(
      /received 1 message, 5 bytes.*\nserpy: .*000001\.bin: no such file or folder \(ENOENT\)\n$/s,
    );
  });

  test('shows Python objects and arrays that come over v1', async () => {
    const [listening, port] = await start('--count', '2');
    const connection = await connect({ autoRestart: false, protocol: 'v1', port });
    connections.push(connection as unknown as Connection);
    await connection.sendData({ gain: 2, names: ['a', 'b'] }, { mode: 4 });
    await connection.sendData('last');
    const { stdout } = await listening.ended;
    expect(stdout).toBe('{"gain":2,"names":["a","b"]}\nlast\n');
  });

  test('acknowledges a message before it ends', async () => {
    const [listening, port] = await start('--count', '1');
    const connection = await sendAll(port, ['hello']);
    await listening.ended;
    await connection.close();
    expect(connection.closeInfo).toMatchObject({ unsentMessages: 0, unacknowledgedMessages: 0 });
  });

  test('takes no more than --count, of however many peers', async () => {
    const [listening, port] = await start('--count', '5');
    await Promise.all([1, 2, 3].map((n) => sendAll(port, Array(4).fill(`peer ${n}`))));
    const { status, stdout, stderr } = await listening.ended;
    expect(status).toBe(0);
    expect(stdout.trimEnd().split('\n')).toHaveLength(5);
    expect(stderr).toContain('received 5 messages');
  });

  test('writes no more files than --count either, while one is being written', async () => {
    const [listening, port] = await start('--count', '1', '--out', folder);
    const bytes = Buffer.alloc(8 * 1024 * 1024);
    await Promise.all([1, 2, 3].map(() => sendAll(port, [bytes, bytes], 'v2').catch(() => {})));
    expect(await listening.ended).toMatchObject({ status: 0 });
    expect(readdirSync(folder)).toEqual(['000001.bin']);
  });

  test('--timeout without a message fails, and says so', async () => {
    const { status, stdout, stderr } = await runToEnd(['listen', '--port', '0', '--timeout', '20ms']);
    expect([status, stdout]).toEqual([1, '']);
    expect(stderr).toMatch(/\nserpy: received 0 messages, then none for 0.02 s: is the sender running\?\n$/);
  });

  test('--timeout after a message ends well', async () => {
    const [listening, port] = await start('--timeout', '0.3s');
    await sendAll(port, ['hello']);
    expect(await listening.ended).toMatchObject({ status: 0, stdout: 'hello\n' });
  });

  test('--timeout before --count messages fails', async () => {
    const [listening, port] = await start('--timeout', '0.3s', '--count', '2');
    await sendAll(port, ['hello']);
    const { status, stderr } = await listening.ended;
    expect(status).toBe(1);
    expect(stderr).toMatch(/serpy: received 1 message of 2, then none for 0.3 s/);
  });

  test('Ctrl-C before --count messages fails', async () => {
    const [listening] = await start('--count', '2');
    listening.interrupt();
    const { status, stderr } = await listening.ended;
    expect(status).toBe(1);
    expect(stderr).toMatch(
      /received 0 messages, 0 bytes in \d+\.\d s\nserpy: interrupted: received 0 of 2 messages\n$/,
    );
  });

  test('a reader that goes, as head does, ends it with 0 and without a word', async () => {
    const [listening, port] = await start();
    await sendAll(port, ['hello']);
    await listening.until(/hello\n/);
    listening.interrupt('closed pipe');
    const { status, stderr } = await listening.ended;
    expect(status).toBe(0);
    expect(stderr).not.toContain('received');
  });

  test('--connect connects to a server, and ends when it closes', async () => {
    const server = await listen({ protocol: 'v2', port: 0 });
    run = new Run(['listen', '--connect', '--no-reconnect', `serpy2://127.0.0.1:${server.address.port}`]);
    const peer = await server.getConnection();
    await peer.sendData('from the server');
    await run.until(/from the server\n/);
    await server.closeServer();
    const { status, stderr } = await run.ended;
    expect(status).toBe(0);
    expect(stderr).toMatch(/ connected\n.* disconnected\nreceived 1 message/);
  });

  test('--connect continues after a broken connection, and reports it', async () => {
    const server = await listen({ protocol: 'v2', port: 0 });
    const url = `serpy2://127.0.0.1:${server.address.port}?reconnect.minDelayMs=1&reconnect.baseDelayMs=1`;
    run = new Run(['listen', '--connect', url, '--count', '2']);
    const first = await server.getConnection();
    await first.sendData('before');
    await run.until(/before\n/);
    first.destroy();
    await (await server.getConnection()).sendData('after');
    const { status, stdout, stderr } = await run.ended;
    expect([status, stdout]).toEqual([0, 'before\nafter\n']);
    expect(stderr).toMatch(/ lost the connection.*; waiting for it\n.* reconnected after \d+\.\d s\n/);
    await server.closeServer();
  });

  test('says in a sentence that no program listens', async () => {
    const port = await freePort();
    const { status, stdout, stderr } = await runToEnd([
      'listen',
      '--connect',
      '--no-reconnect',
      '--port',
      String(port),
    ]);
    expect([status, stdout]).toEqual([1, '']);
    expect(stderr).toMatch(/^serpy: cannot connect to 127\.0\.0\.1:\d+: nothing listens there: [^\n]*\n$/);
  });

  test('says in a sentence that the port is taken', async () => {
    const [, port] = await start();
    const { status, stderr } = await runToEnd(['listen', '--port', String(port)]);
    expect(status).toBe(1);
    expect(stderr).toMatch(/^serpy: [^\n]*EADDRINUSE[^\n]*\n$/);
  });

  test('accepts other computers only with a key or --insecure', async () => {
    const { status, stderr } = await runToEnd(['listen', 'serpy2://0.0.0.0:0']);
    expect(status).toBe(2);
    expect(stderr).toMatch(
      /^serpy: the server was not started: on 0\.0\.0\.0 everybody .*--key-file.*--insecure \[ERR_SERPY_INSECURE\]\n$/,
    );
    expect(existsSync(join(folder, 'nothing'))).toBe(false);
  });

  test('says in --json that a message came over v1', async () => {
    const [listening, port] = await start('--count', '2', '--json');
    await sendAll(port, ['42', Buffer.of(0, 255)], 'v1');
    const { stdout } = await listening.ended;
    const [text, bytes] = stdout
      .trimEnd()
      .split('\n')
      .map((line) => JSON.parse(line));
    expect(text).toMatchObject({ protocol: 'v1', type: 'text', value: '42' });
    expect(bytes).toMatchObject({ protocol: 'v1', type: 'bytes', base64: 'AP8=' });
  });
});

async function freePort(): Promise<number> {
  const server = await listen({ protocol: 'v2', port: 0 });
  await server.closeServer();
  return server.address.port;
}

/** Connects as soon as the server listens. */
async function useWhenUp(port: number, use: (connection: Connection) => Promise<unknown>): Promise<void> {
  for (;;) {
    const connection = await connectTo(port).catch(() => undefined);
    if (!connection) continue;
    await use(connection);
    return;
  }
}
