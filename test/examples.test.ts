/** Runs each example like a user, in separate processes, until it has shown its feature. */
import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { decodeNpy, generateKey } from 'serpy';
import { Connection as V1Connection } from 'serpy-v1';
import { float, Connection as V2Connection, Server as V2Server } from 'serpy-v2';
import { afterEach, describe, expect, test } from 'vitest';
import { exampleCommand, killPrograms, Program } from './program.js';
import { Screen } from './screen.js';
import { root } from './workspace.js';

afterEach(killPrograms);

const servers = [
  'serpy-v1/broadcast-server.ts',
  'serpy-v2/broadcast-server.ts',
  'serpy-v2/ping-pong-server.ts',
  'serpy-v2/image-server.ts',
  'serpy/auto-server.ts',
];
const clients = ['serpy-v1/chat.ts', 'serpy-v2/chat.ts', 'serpy-v2/ping-pong.ts', 'serpy-v2/image-client.ts'];

/** Starts a server on a free port, and resolves with it and its port as an argument of a client. */
async function start(path: string, port = '0'): Promise<[server: Program, port: string]> {
  const server = Program.example(path, ['--port', port]);
  const [, found] = await server.until(/listening on 127\.0\.0\.1:(\d+)\n/);
  return [server, found as string];
}

describe.each(['serpy-v1', 'serpy-v2'])('the chat of %s', (folder) => {
  async function join(port: string, name: string): Promise<Program> {
    const chat = Program.example(`${folder}/chat.ts`, ['--port', port, '--name', name]);
    await chat.until(/connected to/);
    return chat;
  }

  test('passes messages to the others, and /KTHXBYE ends the server and every chat', async () => {
    const [server, port] = await start(`${folder}/broadcast-server.ts`);
    const [anna, bob, carl] = await Promise.all(['Anna', 'Bob', 'Carl'].map((name) => join(port, name)));
    for (let count = 0; count < 3; count++) await server.until(/ connected\n/);

    anna!.type('good morning, µ\n');
    await bob!.until(/^Anna: good morning, µ\n/m);
    await carl!.until(/^Anna: good morning, µ\n/m);
    bob!.type('/name Robert\nhello\n');
    await anna!.until(/^Robert: hello\n/m);
    await carl!.until(/^Robert: hello\n/m);
    carl!.type('/stop\n');
    expect(await carl!.ended).toMatchObject({ status: 0, stderr: '' });
    await server.until(/disconnected\n/);
    anna!.type('/KTHXBYE\n');

    for (const each of [server, anna!, bob!]) expect(await each.ended).toMatchObject({ status: 0, stderr: '' });
    expect(anna!.stdout).not.toMatch(/Anna:/);
    expect(bob!.stdout).toMatch(/the server closed the connection\n$/);
    expect(bob!.stdout).not.toMatch(/KTHXBYE$/m);
  });

  test('ends when the input ends, after sending all of it', async () => {
    const [, port] = await start(`${folder}/broadcast-server.ts`);
    const listener = await join(port, 'listener');
    const chat = Program.example(`${folder}/chat.ts`, ['--port', port]);
    chat.type('first\n/nonsense\n\nlast');
    chat.endInput();
    await listener.until(/guest: first\nguest: last\n/);
    const { status, stdout, stderr } = await chat.ended;
    expect([status, stderr]).toEqual([0, '']);
    expect(stdout).toMatch(/there is no command \/nonsense/);
  });
});

describe('a chat in a terminal', () => {
  const columns = 40;
  const python = spawnSync('python3', ['-c', 'import pty']).status === 0;

  /** Uses the module `pty` of Python, because the command `script` differs between systems. */
  function inTerminal(path: string, ...args: string[]): Program {
    const [command, all] = exampleCommand(path, args);
    const inside = ['sh', '-c', `stty rows 24 cols ${columns} -echo && exec "$0" "$@"`, command, ...all];
    const spawn = 'import os, pty, sys; sys.exit(os.waitstatus_to_exitcode(pty.spawn(sys.argv[1:])))';
    return new Program('python3', ['-c', spawn, ...inside], { TERM: 'xterm' });
  }

  const lastRows = (program: Program, count: number) => Screen.rows(program.stdout, columns).slice(-count);
  const shows = (program: Program, ...rows: string[]) =>
    program.untilOutput(() => JSON.stringify(lastRows(program, rows.length)) === JSON.stringify(rows), rows.join('|'));

  const wrapped = (text: string) =>
    Array.from({ length: Math.ceil(text.length / columns) }, (_, row) =>
      text.slice(row * columns, (row + 1) * columns).trimEnd(),
    );

  test.skipIf(!python)('keeps the line that is being typed when a message arrives (needs python3)', async () => {
    const [server, port] = await start('serpy-v2/broadcast-server.ts');
    const anna = inTerminal('serpy-v2/chat.ts', '--port', port, '--name', 'Anna');
    await shows(anna, 'Anna>');
    await server.until(/ connected\n/); // the server accepts a connection before it passes messages to it
    const bob = await new V2Connection().connect('127.0.0.1', Number(port));

    anna.type('half a line');
    await shows(anna, 'Anna> half a line');
    await bob.sendData('Bob: in between');
    await shows(anna, 'Bob: in between', 'Anna> half a line');

    anna.type(` and ${'more '.repeat(14)}`);
    const three = wrapped(`Anna> half a line and ${'more '.repeat(14)}`);
    await shows(anna, 'Bob: in between', ...three);
    await bob.sendData('Bob: and once more');
    await shows(anna, 'Bob: in between', 'Bob: and once more', ...three);

    anna.type('\x1b[D'.repeat(20)); // back into the second row
    await bob.sendData('Bob: clear the screen\x1b[2J');
    await shows(anna, 'Bob: and once more', 'Bob: clear the screen?[2J', ...three);
    // One character at a time, because readline appends pasted text at the end.
    anna.type('+');
    const line = `half a line and ${'more '.repeat(10)}+${'more '.repeat(4)}`;
    await shows(anna, 'Bob: clear the screen?[2J', ...wrapped(`Anna> ${line}`));
    anna.type('\r');
    expect(await bob.getData()).toBe(`Anna: ${line}`);
    anna.type('/name A\r');
    await shows(anna, 'A>');
    anna.type('\x03');
    expect(await anna.ended).toMatchObject({ status: 0, stderr: '' });
    await bob.close();
  });
});

describe('ping-pong', () => {
  test('compares messages of all types and sizes', async () => {
    const [, port] = await start('serpy-v2/ping-pong-server.ts');
    const client = Program.example('serpy-v2/ping-pong.ts', ['--port', port, '--messages', '80']);
    const { status, stdout, stderr } = await client.ended;
    expect({ status, stderr }).toEqual({ status: 0, stderr: '' });
    expect(stdout).toMatch(/^80 messages, 0 errors, \d+ messages\/s\n$/);
  });

  test('continues when the server stops and starts again, until Ctrl-C', async () => {
    const [server, port] = await start('serpy-v2/ping-pong-server.ts');
    const client = Program.example('serpy-v2/ping-pong.ts', ['--port', port, '--messages', '0']);
    await client.until(/500 messages so far\n/);
    server.interrupt();
    await client.until(/the connection is lost\n/);
    expect(await server.ended).toMatchObject({ status: 0 });
    await start('serpy-v2/ping-pong-server.ts', port);
    await client.until(/reconnected after \d+ ms\n/);
    await client.until(/messages so far\n/);
    client.interrupt();
    const { status, stdout, stderr } = await client.ended;
    expect({ status, stderr }).toEqual({ status: 0, stderr: '' });
    expect(stdout).toMatch(/\d{4,} messages, 0 errors, \d+ messages\/s\n$/);
  });

  test('counts changed echoes, and ends with status 1', async () => {
    const server = await new V2Server({ port: 0 }).start();
    server.on('connection', async (connection) => {
      for await (const { type, value } of connection.messages()) {
        connection.sendData(type === 'float' ? float(value) : type === 'int' ? float(Number(value)) : value);
      }
    });
    const client = Program.example('serpy-v2/ping-pong.ts', [
      '--port',
      String(server.address?.port),
      '--messages',
      '8',
    ]);
    const { status, stdout } = await client.ended;
    await server.closeServer();
    expect(status).toBe(1);
    expect(stdout).toMatch(/message 4: sent int, received a different float\n8 messages, 2 errors/);
  });
});

describe('the image server', () => {
  test('sends images that are bit for bit those of the simulation', async () => {
    const [, port] = await start('serpy-v2/image-server.ts');
    const { status, stdout, stderr } = await Program.example('serpy-v2/image-client.ts', ['--port', port]).ended;
    expect({ status, stderr }).toEqual({ status: 0, stderr: '' });
    expect(stdout.match(/^image \d+: 1048576 bytes in [\d.]+ ms, [\d.]+ in the center$/gm)).toHaveLength(24);
    expect(stdout).toMatch(/24 images, 0 wrong, \d+ MB\/s\n$/);
  });

  test('answers an invalid request with the valid form', async () => {
    const [, port] = await start('serpy-v2/image-server.ts');
    const connection = await new V2Connection().connect('127.0.0.1', Number(port));
    await connection.sendData('cheese');
    expect(await connection.getData()).toBe('request an image by its number, not by cheese');
    await connection.close();
  });

  test('with a key sends them to clients with the key, and does not start unprotected by mistake', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'serpy-examples-'));
    const keyFile = ['--key-file', join(folder, 'lab.key')];
    writeFileSync(join(folder, 'lab.key'), `${generateKey()}\n`, { mode: 0o600 });
    try {
      const server = Program.example('serpy-v2/image-server.ts', ['--port', '0', ...keyFile]);
      const [, port] = await server.until(/listening on 127\.0\.0\.1:(\d+)\n/);
      const ask = ['--port', port as string, '--images', '2'];
      const [withKey, withoutKey, unprotected] = await Promise.all([
        Program.example('serpy-v2/image-client.ts', [...ask, ...keyFile]).ended,
        Program.example('serpy-v2/image-client.ts', ask).ended,
        Program.example('serpy-v2/image-server.ts', ['--port', '0', '--host', '0.0.0.0']).ended,
      ]);
      expect(withKey).toMatchObject({ status: 0, stderr: '', stdout: expect.stringMatching(/2 images, 0 wrong/) });
      expect(withoutKey).toMatchObject({ status: 1, stderr: expect.stringContaining('it looks like TLS') });
      expect(unprotected).toMatchObject({
        status: 1,
        stderr: expect.stringMatching(/^the server was not started: on 0\.0\.0\.0 everybody .*insecure: true\n$/),
      });
    } finally {
      rmSync(folder, { recursive: true });
    }
  });

  test('sends a wrong image, and its client detects it', async () => {
    const server = await new V2Server({ port: 0 }).start();
    server.on('connection', async (connection) => {
      for await (const _ of connection) connection.sendData(Buffer.alloc(2 ** 20));
    });
    const args = ['--port', String(server.address?.port), '--images', '2'];
    const { status, stdout } = await Program.example('serpy-v2/image-client.ts', args).ended;
    await server.closeServer();
    expect(status).toBe(1);
    expect(stdout).toMatch(/image 1 differs from the simulation\n2 images, 2 wrong, 0 MB\/s\n$/);
  });
});

describe.each(['v1', 'v2'])('the portable program over %s', (protocol) => {
  const config = join('examples/serpy', `portable.${protocol}.json`);
  const summary = /^photons in 10 ms, 100 times: 421795 in total\nimage 3: 1048576 bytes, 0\.999970 on average\n$/m;

  test('prints the summary in one process', async () => {
    const args = ['--config', config, '--both'];
    const { status, stdout, stderr } = await Program.example('serpy/portable.ts', args, { SERPY_PORT: '0' }).ended;
    expect({ status, stderr }).toEqual({ status: 0, stderr: '' });
    expect(stdout).toMatch(summary);
  });

  test('prints the summary in two processes', async () => {
    const server = Program.example('serpy/portable.ts', ['--config', config, '--listen'], { SERPY_PORT: '0' });
    const [, port] = await server.until(/listening on 127\.0\.0\.1:(\d+)\n/);
    const { status, stdout } = await Program.example('serpy/portable.ts', ['--config', config], { SERPY_PORT: port })
      .ended;
    expect(status).toBe(0);
    expect(stdout).toMatch(summary);
    server.interrupt();
    expect(await server.ended).toMatchObject({ status: 0, stderr: '' });
  });
});

test('the auto server welcomes v1 and v2 clients, and sends their messages back', async () => {
  const [server, port] = await start('serpy/auto-server.ts');
  const first = await new V1Connection({ encoding: 'utf-8' }).connect('127.0.0.1', Number(port));
  const second = await new V2Connection().connect('127.0.0.1', Number(port));
  for (const [connection, name] of [
    [first, 'v1'],
    [second, 'v2'],
  ] as const) {
    await connection.sendData('µ');
    expect(await connection.getMessage()).toMatchObject({ value: `welcome, you speak ${name}` });
    expect(await connection.getMessage()).toMatchObject({ value: 'µ' });
    await connection.sendData(Buffer.from([0, 1, 0x1f, 255]));
    expect(await connection.getMessage()).toMatchObject({ type: 'bytes', value: Buffer.from([0, 1, 0x1f, 255]) });
  }
  await second.sendData(float(3));
  expect(await second.getMessage()).toEqual({ type: 'float', value: 3 });
  await first.sendData(new Map([['lens', 50]]), { mode: 5 });
  expect(String(await first.getData())).toMatch(/^objects cannot be sent back/);
  server.interrupt();
  expect(await server.ended).toMatchObject({ status: 0, stderr: '' });
  await Promise.all([first.close(), second.close()]);
});

test('requests shows two answers, a failure and a timeout', async () => {
  const { status, stdout, stderr } = await Program.example('serpy/requests.ts').ended;
  expect([status, stderr]).toEqual([0, '']);
  expect(stdout).toBe(
    'answers: exposed, 21.5\npressure? ERR_SERPY_REQUEST_FAILED EQUESTION\nexpose ERR_SERPY_TIMEOUT \n',
  );
});

test('the main job receives everything over both protocols and prints a table', async () => {
  const { status, stdout } = await Program.example('serpy/main-job.ts').ended;
  expect(stdout).toMatch(/'v2' +│ +520 +│ +\d+ +│ +1 +│ +0 /);
  expect(stdout).toMatch(/'v1' +│ +520 +│ +\d+ +│ +1 +│ +0 /);
  expect(status).toBe(0);
}, 60_000);

describe.each(['v1', 'v2', 'auto'])('the camera that sends arrays, over %s', (protocol) => {
  const summary =
    /^image 0: float32 \[512, 512\], .* on average\nimage 1: uint16 \[128, 256\], .*\nimage 2: float16 \[512, 512\], .*\nimage 3: .*\n4 images, 0 wrong\n$/m;
  const args = ['--protocol', protocol, '--images', '4'];

  test('prints the summary in one process and in two', async () => {
    const both = Program.example('serpy/array-camera.ts', [...args, '--both', '--port', '0']);
    const server = Program.example('serpy/array-camera.ts', ['--protocol', protocol, '--listen', '--port', '0']);
    const [, port] = await server.until(/listening on 127\.0\.0\.1:(\d+)\n/);
    const client = Program.example('serpy/array-camera.ts', [...args, '--port', port as string]);
    for (const each of [both, client]) {
      const { status, stdout, stderr } = await each.ended;
      expect({ status, stderr }).toEqual({ status: 0, stderr: '' });
      expect(stdout).toMatch(summary);
    }
    server.interrupt();
    expect(await server.ended).toMatchObject({ status: 0, stderr: '' });
  });
});

test('the camera that sends arrays saves a file for numpy, and rejects a message without an array', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'serpy-examples-'));
  try {
    const file = join(folder, 'image.npy');
    const args = ['--both', '--port', '0', '--images', '2', '--save-to', file];
    expect(await Program.example('serpy/array-camera.ts', args).ended).toMatchObject({ status: 0, stderr: '' });
    const { dtype, shape } = decodeNpy(readFileSync(file));
    expect([dtype, shape]).toEqual(['uint16', [128, 256]]);
  } finally {
    rmSync(folder, { recursive: true });
  }
  const server = await new V2Server({ port: 0 }).start();
  server.on('connection', async (connection) => {
    for await (const _ of connection) connection.sendData('the shutter is stuck');
  });
  const { status, stderr } = await Program.example('serpy/array-camera.ts', ['--port', String(server.address?.port)])
    .ended;
  await server.closeServer();
  expect(status).toBe(1);
  expect(stderr).toMatch(/^the message is text \("the shutter is stuck"\), not an array\..*\n$/);
});

test('the gauges for Prometheus show the current counts of the connection', async () => {
  const metrics = Program.example('serpy/metrics.ts', ['--port', '0']);
  const [, page] = await metrics.until(/gauges on (http:\S+)\n/);
  const gauges = async () => {
    const response = await fetch(page as string);
    expect(response.headers.get('content-type')).toMatch(/^text\/plain; version=/);
    const rows = (await response.text()).matchAll(/^(\w+) (\S+)$/gm);
    return Object.fromEntries([...rows].map(([, name, value]) => [name, Number(value)]));
  };
  const received = async () => (await gauges()).serpy_messages_received ?? 0;
  const first = await received();
  while ((await received()) < first + 3);
  const { photons, ...counts } = await gauges();
  expect(photons).toBeGreaterThan(3000);
  const names = Object.keys(new V2Connection().stats()).map(
    (name) => `serpy_${name.replace(/[A-Z]/g, (c) => `_${c.toLowerCase()}`)}`,
  );
  expect(Object.keys(counts).sort()).toEqual([...names, 'serpy_connected'].sort());
  expect(counts).toMatchObject({ serpy_connected: 1, serpy_reconnects: 0, serpy_bad_frames: 0 });
  metrics.interrupt();
  expect(await metrics.ended).toMatchObject({ status: 0, stderr: '' });
});

test('the web page sends counts to several browsers, and continues when one disconnects', async () => {
  const server = Program.example('serpy/web-page.ts', ['--port', '0']);
  const [, page] = await server.until(/page on (http:\S+)\n/);
  expect(await (await fetch(page as string)).text()).toContain("new EventSource('/counts')");
  expect((await fetch(`${page}nowhere`)).status).toBe(404);
  const browsers = await Promise.all([1, 2].map(() => fetch(`${page}counts`)));
  const [first, second] = browsers.map(({ body }) =>
    body!.pipeThrough(new TextDecoderStream())[Symbol.asyncIterator](),
  );
  /** Reads the events of one browser until there are at least `count` counts. */
  async function counts(events: AsyncIterator<string>, count: number): Promise<number[]> {
    let text = '';
    for (;;) {
      const found = [...text.matchAll(/^data: "(\d+)"\n\n/gm)].map(([, number]) => Number(number));
      if (found.length >= count) return found;
      text += (await events.next()).value;
    }
  }
  expect(browsers[0]!.headers.get('content-type')).toBe('text/event-stream');
  for (const number of await counts(first!, 3)) expect(number).toBeGreaterThan(3000);
  await first!.return?.();
  expect((await counts(second!, 5)).length).toBeGreaterThanOrEqual(5);
  server.interrupt();
  expect(await server.ended).toMatchObject({ status: 0, stderr: '' });
  await second!.return?.().catch(() => {}); // its server has closed
});

const pages = ['serpy/metrics.ts', 'serpy/web-page.ts'];

test.each(pages)('%s says in one sentence that it waits for its instrument, and ends with Ctrl-C', async (path) => {
  const alone = Program.example(path, ['--url', 'serpy2://127.0.0.1:1', '--port', '0']);
  const [, page = ''] = await alone.until(/ on (http:\S+)\n/);
  await alone.untilStderr(/^no server at 127\.0\.0\.1:1 yet: nothing listens there: .+ Still trying\..+\n$/);
  const text = await (await fetch(page)).text();
  expect(text).toContain(path.includes('metrics') ? '\nserpy_connected 0\n' : 'no count yet');
  alone.interrupt();
  expect(await alone.ended).toMatchObject({ status: 0 });
});

test.each(pages)('%s reports in one sentence a used port', async (path) => {
  const first = Program.example(path, ['--port', '0']);
  const [, port] = await first.until(/ on http:\/\/127\.0\.0\.1:(\d+)\//);
  const second = await Program.example(path, ['--port', port as string]).ended;
  expect(second).toMatchObject({
    status: 1,
    stdout: '',
    stderr: expect.stringMatching(/^cannot (?:show|publish) .+: .*EADDRINUSE.*\n$/),
  });
  first.interrupt();
  expect(await first.ended).toMatchObject({ status: 0, stderr: '' });
});

describe('a killed peer', () => {
  const chat = (folder: string) => ({
    server: `${folder}/broadcast-server.ts`,
    client: `${folder}/chat.ts`,
    args: [],
    busy: /connected to/,
  });
  const pairs = [
    chat('serpy-v1'),
    chat('serpy-v2'),
    {
      server: 'serpy-v2/ping-pong-server.ts',
      client: 'serpy-v2/ping-pong.ts',
      args: ['--messages', '0'],
      busy: /500 messages/,
    },
    {
      server: 'serpy-v2/image-server.ts',
      client: 'serpy-v2/image-client.ts',
      args: ['--images', '1000000'],
      busy: /image 3:/,
    },
    {
      server: 'serpy/array-camera.ts',
      client: 'serpy/array-camera.ts',
      args: ['--images', '1000000'],
      busy: /image 3:/,
    },
  ];

  async function startPair({ server: path, client, args, busy }: (typeof pairs)[number]) {
    const server = Program.example(path, ['--port', '0', ...(path === client ? ['--listen'] : [])]);
    const [, port = ''] = await server.until(/listening on 127\.0\.0\.1:(\d+)\n/);
    const connect = async () => {
      const program = Program.example(client, ['--port', port, ...args]);
      await program.until(busy);
      return program;
    };
    return { server, connect, first: await connect() };
  }

  test.each(pairs)('$client does not stop $server', async (pair) => {
    const { server, connect, first } = await startPair(pair);
    await first.kill();
    await (await connect()).kill();
    server.interrupt();
    expect(await server.ended).toMatchObject({ status: 0, stderr: '' });
  });

  const notReconnecting = pairs.filter(({ client }) => client !== 'serpy-v2/ping-pong.ts');

  test.each(notReconnecting)('$server ends $client with one sentence', async (pair) => {
    const { server, first } = await startPair(pair);
    await server.kill();
    const { status, stdout, stderr } = await first.ended;
    if (pair.client.endsWith('chat.ts')) {
      expect({ status, stderr }).toEqual({ status: 0, stderr: '' });
      expect(stdout).toMatch(/the server closed the connection\n$/);
    } else {
      expect(status).toBe(1);
      expect(stderr).toMatch(/^.+\n$/);
    }
  });

  test('is a server that ping-pong reconnects to', async () => {
    const [server, port] = await start('serpy-v2/ping-pong-server.ts');
    const client = Program.example('serpy-v2/ping-pong.ts', ['--port', port, '--messages', '0']);
    await client.until(/500 messages so far\n/);
    await server.kill();
    await client.until(/the connection is lost\n/);
    await start('serpy-v2/ping-pong-server.ts', port);
    await client.until(/reconnected after \d+ ms\n/);
    await client.until(/messages so far\n/);
    client.interrupt();
    expect(await client.ended).toMatchObject({ status: 0, stderr: '' });
  });

  test('is an instrument whose main job then ends with one sentence', async () => {
    const job = Program.example('serpy/main-job.ts');
    const [, pid] = await job.until(/connected to the instrument \(process (\d+)\)\n/);
    process.kill(Number(pid), 'SIGKILL');
    const { status, stderr } = await job.ended;
    expect(status).toBe(1);
    expect(stderr).toMatch(/^.+\n$/);
  });

  test('is an instrument that the gauges for Prometheus reconnect to', async () => {
    const instrument = Program.example('serpy/instrument.ts', ['v2']);
    const [, port = ''] = await instrument.until(/^(\d+)\n/);
    const metrics = Program.example('serpy/metrics.ts', ['--url', `serpy2://127.0.0.1:${port}`, '--port', '0']);
    const [, page = ''] = await metrics.until(/gauges on (http:\S+)\n/);
    const shows = async (gauge: string) => {
      while (!(await (await fetch(page)).text()).includes(`\n${gauge}\n`));
    };
    await metrics.until(/connected to the instrument\n/);
    await instrument.kill();
    await Program.example('serpy/instrument.ts', ['v2', port]).until(/^\d+\n/);
    await shows('serpy_reconnects 1');
    metrics.interrupt();
    expect(await metrics.ended).toMatchObject({ status: 0 });
  });
});

describe.each([
  ...servers,
  ...clients,
  ...pages,
  'serpy/portable.ts',
  'serpy/array-camera.ts',
  'serpy/main-job.ts',
  'serpy/requests.ts',
])('the command line of %s', (path) => {
  test('starts with a comment that says what it shows and how to run it', () => {
    const source = readFileSync(join(root, 'examples', path), 'utf8');
    expect(source).toMatch(/^\/\/ \S.{30,}[.:]\n/);
    const [comment = ''] = /^(?:\/\/.*\n)+/.exec(source) ?? [];
    expect(comment).toContain(`npm run example -- ${path.slice(0, -'.ts'.length)}`);
  });

  test('is in the README', () => {
    const [, folder, name] = /(.+)\/(.+)\.ts/.exec(path) as unknown as [string, string, string];
    expect(readFileSync(join(root, 'examples/README.md'), 'utf8')).toContain(`${folder}/${name}`);
  });

  test('is explained by --help, and a wrong one is rejected in one sentence', async () => {
    const [help, wrong] = await Promise.all(
      ['--help', '--no-such-option'].map((argument) => Program.exampleSource(path, [argument]).ended),
    );
    expect(help).toMatchObject({ status: 0, stderr: '' });
    expect(help?.stdout).toMatch(/^\S.*\.\n\nusage: \S+\.ts \[options\]/);
    expect(wrong).toMatchObject({ status: 2, stdout: '' });
    expect(wrong?.stderr).toMatch(/^\S+\.ts: Unknown option '--no-such-option'; .+\n$/);
  });
});

test.each([
  [['cheese'], "chat.ts: Unexpected argument 'cheese'"],
  [['--port'], "chat.ts: Option '--port <value>' argument missing"],
  [['--port', 'x'], "chat.ts: --port takes a whole number, not 'x'"],
  [['--port', '70000'], 'the option port takes a whole number from 0 to 65535, not 70000'],
])('the arguments %j are rejected in one sentence, with status 2', async (args, sentence) => {
  const { status, stdout, stderr } = await Program.exampleSource('serpy-v2/chat.ts', args).ended;
  expect({ status, stdout }).toEqual({ status: 2, stdout: '' });
  expect(stderr).toMatch(/^.+\n$/);
  expect(stderr).toContain(sentence);
});

test.each(clients)('%s reports in one sentence that there is no server', async (path) => {
  const { status, stdout, stderr } = await Program.example(path, ['--port', '1']).ended;
  expect({ status, stdout }).toEqual({ status: 1, stdout: '' });
  expect(stderr).toMatch(/^cannot connect to 127\.0\.0\.1:1: nothing listens there: .+\n$/);
});

test.each(servers)('%s reports in one sentence that its port is in use, and ends with Ctrl-C', async (path) => {
  const [server, port] = await start(path);
  const { status, stdout, stderr } = await Program.example(path, ['--port', port]).ended;
  expect({ status, stdout }).toEqual({ status: 1, stdout: '' });
  expect(stderr).toMatch(/^cannot listen on 127\.0\.0\.1:\d+: .+\n$/);
  server.interrupt();
  expect(await server.ended).toMatchObject({ status: 0, stderr: '' });
});
