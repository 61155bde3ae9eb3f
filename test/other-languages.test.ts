/** docs/how-to/other-languages.md: its programs exchange messages with serpy, and its bytes are those that serpy sends. */
import { spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { type AddressInfo, connect as connectSocket, createServer, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type ConnectOptions, connect } from 'serpy';
import { float, type Value } from 'serpy-v2';
import { afterAll, afterEach, beforeEach, describe, expect, test } from 'vitest';
import { frameOf, receive } from '../packages/serpy-v2/test/conversation.js';
import { instruments, runMatlab } from './docs/matlab.js';
import { codeIn, readPages } from './docs/pages.js';
import { freePort, programOf } from './docs/run.js';
import { hasPython, titled } from './interop/python-peer.js';
import { killPrograms, Program } from './program.js';
import { root } from './workspace.js';

const path = 'docs/how-to/other-languages.md';
const page = readPages().find((each) => each.path === path) as ReturnType<typeof readPages>[number];
const folder = mkdtempSync(join(tmpdir(), 'serpy-peers-'));
const image = Buffer.from(new Float32Array([1.5, -2, 3.25]).buffer);

afterEach(killPrograms);
afterAll(() => rmSync(folder, { recursive: true }));

/** The blocks of a language on the page, with another address. */
function blocks(language: string, port = 5001): string[] {
  return page.blocks
    .filter((block) => block.language === language)
    .map(({ code }) =>
      code.replace('192.168.1.20', '127.0.0.1').replace('0.0.0.0', '127.0.0.1').replace('5001', `${port}`),
    );
}

/** The bytes of all code spans with hexadecimal digits in a text, one after another. */
function bytesIn(cell = ''): Buffer {
  const spans = [...cell.matchAll(/`((?:[0-9A-F]{2} ?)+)`/g)].map(([, hex = '']) => hex.replaceAll(' ', ''));
  return Buffer.from(spans.join(''), 'hex');
}

/** A float message with this text. */
function asFloat(text: string): Buffer {
  const bytes = frameOf(Buffer.from(text));
  bytes[5] = 0x11;
  return bytes;
}

/** The tables of the page that have these headings. */
function tables(...headings: string[]) {
  const found = page.tables.filter((table) => headings.every((heading) => table.headings.includes(heading)));
  expect(found.length, headings.join(', ')).toBeGreaterThan(0);
  return found.map(({ rows }) => rows);
}

const python = (name: string, code: string, ...args: string[]) => {
  const file = join(folder, `${name}.py`);
  writeFileSync(file, code);
  return new Program('python3', ['-u', file, ...args], { PYTHONDONTWRITEBYTECODE: '1' });
};

/** The first bytes of a serpy client to an unknown server. */
async function firstBytes(options: object, count: (bytes: Buffer) => number): Promise<Buffer> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  const heard = once(server, 'connection').then(async ([socket]: Socket[]) => {
    let all = Buffer.alloc(0);
    while (all.length < 14 || all.length < count(all)) all = Buffer.concat([all, ...(await once(socket!, 'data'))]);
    socket?.destroy();
    return all;
  });
  const single = { ...options, port, autoRestart: false } as ConnectOptions;
  const [bytes] = await Promise.all([heard, connect(single).catch(() => {})]);
  server.close();
  return bytes;
}

/** The requests that no program of the page can answer, and each must ignore. Computed once, because each needs a connection. */
async function questions(): Promise<[name: string, bytes: Buffer][]> {
  const wrong = frameOf('21.5°');
  wrong.writeUInt8(wrong.readUInt8(18) ^ 1, 18);
  const hello = await firstBytes({ protocol: 'v2', session: 'prefer' }, (bytes) => 14 + bytes.readUInt32LE(10));
  const probe = await firstBytes({ protocol: 'auto' }, () => 14);
  return [
    ['a HELLO', hello],
    ['the probe', probe],
    ['a message with a wrong sum', wrong],
    ['all three, one behind the other', Buffer.concat([wrong, probe, hello])],
  ];
}

/** A server that sends these bytes to each client. */
async function saying(bytes: Buffer) {
  const received: Buffer[] = [];
  const server = createServer((socket) => {
    socket.on('error', () => {});
    socket.on('data', (chunk) => received.push(chunk));
    socket.end(bytes);
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  const over = once(server, 'connection').then(([socket]: Socket[]) => once(socket!, 'close'));
  return { port, over, received: () => Buffer.concat(received), close: () => server.close() };
}

/** The server of the page at work. */
async function start(): Promise<{ server: Program; port: number }> {
  const [program = ''] = blocks('js', 0);
  const server = programOf(join(folder, 'server.mts'), program);
  const [, port] = await server.until(/listening on port (\d+)\n/);
  return { server, port: Number(port) };
}

describe('bytes on the page', () => {
  test('of the message are those of hello', () => {
    const [rows = []] = tables('bytes', 'field', 'of `hello`');
    expect(Buffer.concat(rows.map((row) => bytesIn(row['of `hello`'])))).toEqual(frameOf('hello'));
  });

  test('of floats are what a v2 peer reads and writes', () => {
    const floats = [...page.prose.matchAll(/`(-?0x[0-9A-Fa-f.]+p[+-]?\d+)`/g)].map(([, text = '']) => text);
    expect(new Set(floats)).toEqual(new Set(['0x1.5800000000000p+4', '0xAC0000p-19']));
    for (const text of [...floats, '21.5']) {
      expect(receive([asFloat(text)]).messages).toEqual([{ type: 'float', value: text === '21.5' ? 33.3125 : 21.5 }]);
    }
    expect(frameOf(float(21.5)).subarray(14).toString()).toBe('0x1.5800000000000p+4');
  });

  test('of each step in LabVIEW are those of the message', () => {
    const [hello = []] = tables('step', 'function', 'settings', 'gives');
    expect(Buffer.concat(hello.map((row) => bytesIn(row.gives)))).toEqual(frameOf('hello'));
    const values: Record<string, Value> = {
      'the I64 42': 42,
      'the DBL 21.5, as a string': '21.5',
      'an array of SGL, 1.5 and −2': image.subarray(0, 8),
    };
    const [others = []] = tables('to send', 'payload', 'step 2', 'step 3', 'step 4', 'step 5');
    expect(others.map((row) => row['to send'])).toEqual(Object.keys(values));
    for (const row of others) {
      const steps = ['step 2', 'step 3', 'step 4', 'step 5'].map((step) => bytesIn(row[step]));
      const sent = Buffer.concat([bytesIn(hello[0]?.gives), ...steps]);
      expect(sent, row['to send']).toEqual(frameOf(values[row['to send'] ?? ''] as Value));
    }
  });

  test('of each read in LabVIEW are those of the message', () => {
    const [steps = []] = tables('step', 'function', 'settings', 'gives, for `hello`');
    const bytes = steps.map((row) => bytesIn(row['gives, for `hello`']));
    const hello = frameOf('hello');
    expect([bytes[0], bytes[4], bytes[5], bytes[6]]).toEqual([
      hello.subarray(0, 14),
      hello.subarray(14),
      hello.subarray(6, 10),
      hello.subarray(5, 6),
    ]);
    expect(steps[3]?.['gives, for `hello`']).toBe(String(hello.readUInt32LE(10)));
    expect(bytesIn(steps[2]?.function)).toEqual(hello.subarray(0, 5));
  });

  test('of the probe are those that auto sends, in all places', async () => {
    const probe = await firstBytes({ protocol: 'auto' }, () => 14);
    const [steps = []] = tables('step', 'function', 'settings', 'gives, for `hello`');
    expect(bytesIn(steps[1]?.function)).toEqual(probe);
    expect(bytesIn(/^- `'auto'` first sends .*$/m.exec(page.prose)?.[0])).toEqual(probe);
    const inPython = probe
      .toString('latin1')
      .replaceAll(/[^!-~]/g, (c) => `\\x${c.charCodeAt(0).toString(16).padStart(2, '0')}`);
    for (const code of blocks('python')) expect(code).toContain(`b"${inPython}"`);
  });

  /** The steps of the table that receives, one by one. */
  function received(stream: Buffer): Buffer {
    const [steps = []] = tables('step', 'function', 'settings', 'gives, for `hello`');
    const probe = bytesIn(steps[1]?.function);
    const magic = bytesIn(steps[2]?.function);
    for (let at = 0; ; ) {
      const header = stream.subarray(at, at + 14);
      at += 14;
      if (header.equals(probe)) continue;
      expect(header.subarray(0, 5)).toEqual(magic);
      const length = header.readUInt32LE(10);
      const payload = stream.subarray(at, at + length);
      at += length;
      if (payload.reduce((sum, byte) => sum + byte, 0) === header.readUInt32LE(6)) return payload;
    }
  }

  test('lead through each request in LabVIEW, step by step', async () => {
    for (const [name, bytes] of await questions()) {
      expect(received(Buffer.concat([bytes, frameOf('hello')])), name).toEqual(Buffer.from('hello'));
    }
  });

  test('in the prose of Arduino are those that are sent', () => {
    const said = /42 is sent as (`[^`]+`)/.exec(page.prose)?.[1];
    expect(bytesIn(said)).toEqual(frameOf(42));
  });
});

test('a peer needs as few lines as the pages say', () => {
  const lines = (language: string) =>
    blocks(language).map((code) => code.split('\n').filter((line) => line.trim()).length);
  const most = Math.max(...lines('python'), ...lines('matlab'), ...lines('cpp'));
  expect(blocks('cpp').length).toBe(2);
  for (const { path: where, text } of readPages()) {
    for (const [, count] of text.matchAll(/peer (?:takes|in) (\d+) lines/g)) expect(count, where).toBe(String(most));
  }
});

test('a line of the sketch has one statement', () => {
  for (const line of blocks('cpp').flatMap((code) => code.split('\n'))) {
    const statements =
      line
        .replace(/\/\/.*/, '')
        .replace(/for \([^)]*\)/, '')
        .match(/;/g) ?? [];
    expect(statements.length, line).toBeLessThan(2);
  }
});

describe('headers in the code', () => {
  test.each([
    ['python', /b"((?:\\x..){5})"/g, (text: string) => text.replaceAll('\\x', '')],
    ['matlab', /((?:0x[0-9A-F]{2},? ?){5})/g, (text: string) => text.replaceAll(/0x|,| /g, '')],
    ['cpp', /\{((?:0x[0-9A-F]{2}, ){5})(?:type|0x01)\}/g, (text: string) => text.replaceAll(/0x|,| /g, '')],
  ])('in %s start like every message', (language, form, hex) => {
    const found = blocks(language).flatMap((code) => [...code.matchAll(form)].map(([, text = '']) => hex(text)));
    expect(found.length).toBeGreaterThan(0);
    for (const each of found) expect(each.toLowerCase()).toBe(frameOf('').subarray(0, 5).toString('hex'));
  });
});

describe('Python without a library', () => {
  const [client = '', server = ''] = blocks('python');

  test.skipIf(!hasPython)(titled('asks a serpy server, and receives the answer', hasPython), async () => {
    const ours = await start();
    const { status, stdout, stderr } = await python('client', client.replace('5001', `${ours.port}`)).ended;
    expect({ status, stdout, stderr }).toEqual({ status: 0, stdout: '21.5\n', stderr: '' });
    await ours.server.until(
      /int 42\nfloat 21\.5\nbytes <Buffer 00 00 c0 3f 00 00 00 c0 00 00 50 40>\nstr temperature\?\n/,
    );
  });

  test.skipIf(!hasPython)(titled('ignores each request before the answer', hasPython), async () => {
    for (const [name, bytes] of await questions()) {
      const other = await saying(Buffer.concat([bytes, frameOf(float(21.5))]));
      const outcome = await python('client', client.replace('5001', `${other.port}`)).ended;
      expect(outcome, name).toEqual({ status: 0, stdout: '21.5\n', stderr: '' });
      other.close();
    }
  });

  test.skipIf(!hasPython)(titled('reports invalid data, and missing data', hasPython), async () => {
    for (const [bytes, error] of [
      ['HTTP/1.1 400 Bad Request', 'ValueError: not a message'],
      ['', 'EOFError: the other end has closed the connection'],
    ] as const) {
      const other = await saying(Buffer.from(bytes));
      const { status, stderr } = await python('client', client.replace('5001', `${other.port}`)).ended;
      expect([status, stderr]).toEqual([1, expect.stringContaining(error)]);
      other.close();
    }
  });

  /** The server of the page at work. */
  async function listening(): Promise<{ peer: Program; port: number }> {
    const port = await freePort();
    const telling = server.replace('5001', `${port}`).replace('as server:', 'as server, print("ready") or server:');
    const peer = python('server', telling);
    await peer.until(/ready\n/);
    return { peer, port };
  }

  test.skipIf(!hasPython)(titled('receives everything that a serpy client sends', hasPython), async () => {
    const { peer, port } = await listening();
    const connection = await connect({ protocol: 'v2', port });
    const values = [-42, 2n ** 62n, float(2), -0.1, 'µ', '', Buffer.from([0, 255])];
    for (const value of values) await connection.sendData(value);
    await connection.close();
    await peer.until(/b'.*'\n/);
    expect(peer.stdout).toBe(`ready\n-42\n${2n ** 62n}\n2.0\n-0.1\nµ\n\nb'\\x00\\xff'\n`);
  });

  test.skipIf(!hasPython)(
    titled('ignores each request, disconnects clients of other protocols, and serves the next', hasPython),
    async () => {
      const { peer, port } = await listening();
      for (const [name, bytes] of await questions()) {
        const socket = connectSocket(port, '127.0.0.1');
        socket.write(Buffer.concat([bytes, frameOf(name)]));
        await peer.until(new RegExp(`^${name}\n`, 'm'));
        socket.destroy();
      }
      const foreign = connectSocket(port, '127.0.0.1', () => foreign.write('GET / HTTP/1.1\r\n\r\n')).on(
        'error',
        () => {},
      );
      await peer.until(/not a message: the connection is closed\n/);
      await once(foreign.resume(), 'close');
      const half = connectSocket(port, '127.0.0.1', () => half.end(frameOf('half of it').subarray(0, 18)));
      await once(half.resume(), 'close');
      for (const options of [{ protocol: 'auto' }, { protocol: 'v2', session: 'prefer' }] as const) {
        const connection = await connect({ ...options, port });
        await connection.sendData(`from ${options.protocol}`);
        await peer.until(new RegExp(`^from ${options.protocol}\n`, 'm'));
        expect(connection.inSession).toBe(false);
        await connection.close();
      }
      expect(peer.stderr).toBe('');
    },
  );

  test.skipIf(!hasPython)(titled('receives what the command sends, and passes its checks', hasPython), async () => {
    const { peer, port } = await listening();
    const serpy = (...args: string[]) => {
      const main = join(root, 'packages', 'cli', 'src', 'main.ts');
      return new Program(process.execPath, ['--import', 'tsx', main, ...args]).ended;
    };
    const url = `serpy://127.0.0.1:${port}`;
    const outcomes = await Promise.all([serpy('doctor', url), serpy('send', url, 'from the command')]);
    expect(outcomes).toMatchObject([{ status: 0 }, { status: 0 }]);
    await peer.until(/^from the command\n/m);
    expect(peer.stderr).toBe('');
  });
});

describe('MATLAB', () => {
  const [program = ''] = blocks('matlab');
  let given: ReturnType<typeof instruments>;

  beforeEach(() => {
    given = instruments();
  });
  afterEach(() => given.close());

  /** How a payload of a type becomes a value: the first statement, and the expression. */
  function reading(kind: string): [before: string, expression: string] {
    if (kind === '11') {
      const [, parts = '', value = ''] = /^(parts = .*\n)value = (.*);$/m.exec(blocks('matlab')[1] ?? '') ?? [];
      return [parts, value];
    }
    const [rows = []] = tables('received `kind`', 'value');
    const cell = rows.find((row) => codeIn(row['received `kind`'] ?? '') === kind)?.value ?? '';
    const spans = [...cell.matchAll(/`([^`]+)`/g)].map(([, code = '']) => code);
    return ['', spans[0] ?? ''];
  }

  test('asks a serpy server, and receives the answer', async () => {
    const ours = await start();
    const [before, value] = reading('11');
    const asking = program.replace('5001', `${ours.port}`) + before;
    expect(await runMatlab(asking, `[double(kind), ${value}]`, given)).toEqual([[0x11], 21.5]);
    await ours.server.until(/str temperature\?\n/);
  });

  /** Runs the program against a server that answers with these bytes. */
  async function answered(bytes: Buffer, expression: string): Promise<unknown> {
    const server = createServer((socket) => socket.resume().end(bytes)).listen(0, '127.0.0.1');
    await once(server, 'listening');
    const { port } = server.address() as AddressInfo;
    try {
      return await runMatlab(program.replace('5001', `${port}`), expression, given);
    } finally {
      server.close();
    }
  }

  test('receives a message without a payload', async () => {
    expect(await answered(frameOf(''), '[double(kind), numel(payload)]')).toEqual([[0x21], 0]);
  });

  test('ignores each request before the answer', async () => {
    for (const [name, bytes] of await questions()) {
      const came = Buffer.concat([bytes, frameOf('21.5')]);
      expect(await answered(came, 'native2unicode(payload, "UTF-8")'), name).toBe('21.5');
    }
  });

  test('detects invalid data', async () => {
    await expect(answered(Buffer.from('HTTP/1.1 400 Bad Request'), '0')).rejects.toThrow(/^not a message/);
  });

  test('sends the bytes that the page states', async () => {
    const [rows = []] = tables('to send', 'expression', 'bytes');
    const values: Value[] = [42, '20 µs', '21.5', image.subarray(0, 8)];
    expect(rows).toHaveLength(values.length);
    const frame = program.slice(0, program.indexOf('peer = '));
    for (const [i, { expression = '', bytes }] of rows.entries()) {
      const sent = Buffer.from(((await runMatlab(frame, codeIn(expression))) as number[]).flat(2));
      expect(sent, expression).toEqual(bytesIn(bytes));
      expect(sent, expression).toEqual(frameOf(values[i] as Value));
    }
  });

  test.each([
    ['01', -42, [-42n]],
    ['01', -(2n ** 63n), [-(2n ** 63n)]],
    ['21', '20 µs', '20 µs'],
    ['11', -0.1, -0.1],
    ['11', 5e-324, 5e-324],
    ['11', Number.MAX_VALUE, Number.MAX_VALUE],
    ['11', float(0), 0],
  ] as const)('reads a message of type %s: %s', async (kind, value, expected) => {
    const [before, expression] = reading(kind);
    const result = await runMatlab(before, expression, { payload: [...frameOf(value).subarray(14)] });
    expect(Array.isArray(result) ? [...result] : result).toEqual(expected);
  });
});

describe('Arduino', () => {
  const there = process.platform !== 'win32' && spawnSync('g++', ['--version']).status === 0;
  const [sketch = '', floatFunctions = ''] = blocks('cpp');

  const quiet = { status: 0, stdout: '', stderr: '' };

  /** Compiles a sketch and runs it. */
  async function run(code: string, send: string, kind: 'whole' | 'real', values: readonly string[], port: number) {
    const source = join(folder, `${send}.ino`);
    const stubs = join(root, 'test', 'docs', 'arduino');
    writeFileSync(source, code.replace('5001', `${port}`));
    const program = join(folder, send);
    const settings = ['-std=gnu++11', '-Wall', '-Wextra', '-Werror', `-I${stubs}`];
    const names = [`-DSKETCH="${source}"`, `-DSEND=${send}`, `-DVALUE=${kind}`];
    const built = spawnSync('g++', [...settings, ...names, join(stubs, 'main.cpp'), '-o', program]);
    expect(String(built.stderr)).toBe('');
    return new Program(program, values).ended;
  }

  /** Compiles a sketch, runs it, and resolves with the output of the server. @param values sent after three measurements, by this function of the sketch */
  async function printed(
    code: string,
    send: string,
    kind: 'whole' | 'real',
    values: readonly string[],
  ): Promise<string[]> {
    const ours = await start();
    expect(await run(code, send, kind, values, ours.port)).toEqual(quiet);
    const [lines] = await ours.server.until(new RegExp(`(?:.+\n){${3 + values.length}}`));
    return lines.trim().split('\n');
  }

  test.skipIf(!there)(titled('sends its measurements, and every integer', there, 'g++'), async () => {
    const values = ['42', '-1', '0', `${2n ** 63n - 1n}`, `${-(2n ** 63n)}`, `${2n ** 32n}`, '-1099511627776'];
    const received = await printed(sketch, 'sendInt', 'whole', values);
    expect(received.map((line) => line.replace(/n$/, ''))).toEqual(
      ['2200', '1100', '0', ...values].map((value) => `int ${value}`),
    );
  });

  test.skipIf(!there)(titled('continues after each request', there, 'g++'), async () => {
    for (const [name, bytes] of await questions()) {
      const other = await saying(bytes);
      expect(await run(sketch, 'sendInt', 'whole', ['7'], other.port), name).toEqual(quiet);
      await other.over;
      expect(other.received(), name).toEqual(Buffer.concat([2200, 1100, 0, 7].map((value) => frameOf(value))));
      other.close();
    }
  });

  test.skipIf(!there)(
    titled('sends volts with the other functions, and every float, bit for bit', there, 'g++'),
    async () => {
      const call = codeIn(/`(sendFloat\([^`]+)`/.exec(page.text)?.[0] ?? '');
      const whole = /^void sendInt\(.*?^\}$/ms;
      const floating = sketch.replace(whole, () => floatFunctions).replace(/sendInt\(.+\);$/m, `${call};`);
      expect(floating).not.toContain('sendInt');
      const floats = [21.5, -0.1, 0, 1e-45, 3.4028234e38, 16777217, -1.1754942e-38].map(Math.fround);
      const measured = [2730, 1365, 0].map((reading) => Math.fround((reading * 3.3) / 4095));
      expect(await printed(floating, 'sendFloat', 'real', floats.map(String))).toEqual(
        [...measured, ...floats].map((value) => `float ${value}`),
      );
    },
  );

  test.skipIf(!there)(titled('sends text as the page says', there, 'g++'), async () => {
    const call = codeIn(/`(sendFrame\(0x21[^`]+)`/.exec(page.text)?.[0] ?? '');
    const telling = sketch
      .replace(/^void sendInt\(.*?^\}$/ms, () => floatFunctions)
      .replace(/sendInt\(.+\);$/m, `{\n${call};\n(void)sendFloat;\n}`);
    expect(await printed(telling, 'sendFloat', 'real', [])).toEqual(['str ready', 'str ready', 'str ready']);
  });
});
