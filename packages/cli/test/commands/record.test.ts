import { once } from 'node:events';
import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { type AddressInfo, createServer } from 'node:net';
import { arch, hostname, tmpdir } from 'node:os';
import { join } from 'node:path';
import { setImmediate as immediate } from 'node:timers/promises';
import { connect, float, generateKey, int, listen, type PortableConnection, type PortableValue } from 'serpy';
import { encodeNpy, readNpyHeader } from 'serpy-arrays';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { readRecording } from '../../../serpy-recording/test/read.js';
import { Run, runToEnd, type World } from '../run.js';
import { intFrame } from '../v2-frames.js';

let place = '';
const runs: Run[] = [];
const closing: (() => Promise<void>)[] = [];

beforeEach(() => {
  place = mkdtempSync(join(tmpdir(), 'serpy-record-'));
});

afterEach(async () => {
  for (const run of runs.splice(0)) {
    run.interrupt();
    await run.ended;
  }
  for (const close of closing.splice(0)) await close();
  rmSync(place, { recursive: true });
});

function start(args: readonly string[], world?: World): Run {
  const run = new Run(args, world);
  runs.push(run);
  return run;
}

const image = (n: number) =>
  encodeNpy({ data: Uint16Array.from({ length: 6 }, (_, at) => 10 * n + at), shape: [2, 3] });

const values: PortableValue[] = [
  ...[
    image(0),
    int(3),
    int(2n ** 60n),
    float(3),
    float(-0),
    'text\n',
    '',
    image(1),
    Buffer.alloc(9000, 7),
    Buffer.alloc(0),
  ],
];

/** An instrument that sends these to each client, and then closes. */
async function instrument(
  protocol: 'v1' | 'v2',
  send: (connection: PortableConnection) => Promise<void>,
): Promise<string> {
  const server = await listen({ protocol, port: 0, closeTimeoutMs: 20_000 });
  closing.push(() => server.closeServer());
  server.on(
    'connection',
    (connection) =>
      void send(connection).then(
        () => connection.close(),
        () => {},
      ),
  );
  return `serpy${protocol[1]}://127.0.0.1:${server.address.port}`;
}

const sendAll = async (connection: PortableConnection) => {
  for (const value of values) await connection.sendData(value);
};

const read = (folder: string) => [...readRecording(folder)];
const contents = (folder: string) => read(folder).map(({ n, timeMs, wallMs, ...message }) => message);

describe('serpy record', () => {
  test.each(['v1', 'v2'] as const)(
    'records what arrives over %s until the peer closes, and says how much',
    async (protocol) => {
      const url = await instrument(protocol, sendAll);
      const folder = join(place, 'run');
      const { status, stdout, stderr } = await runToEnd(['record', '--no-reconnect', url, folder]);
      expect([status, stdout]).toEqual([0, '']);
      expect(stderr).toMatch(
        /^recording serpy\d:.* to .*run; Ctrl-C stops it\nrecorded 10 messages in \d+\.\d s, [\d.]+ kB in .*run\n$/,
      );
      const messages = contents(folder);
      expect(messages.length).toBe(10);
      expect(messages[0]!.value).toEqual(image(0));
      expect(messages[8]!.value).toEqual(Buffer.alloc(9000, 7));
      if (protocol === 'v2')
        expect(messages.slice(1, 5)).toEqual([
          { type: 'int', value: 3 },
          { type: 'int', value: 2n ** 60n },
          { type: 'float', value: 3 },
          { type: 'float', value: -0 },
        ]);
      else expect(messages[1]).toEqual({ type: 'text', value: '3', mode: 0 });
      expect(readNpyHeader(readFileSync(join(folder, 'uint16-2x3.npy'))).shape).toEqual([2, 2, 3]);
    },
  );

  test('stops at --count, --max-bytes and --duration', async () => {
    const endless = await instrument('v2', async (connection) => {
      while (connection.isConnected()) {
        await connection.sendData(Buffer.alloc(1000));
        await immediate();
      }
    });
    const count = await runToEnd(['record', '--no-reconnect', endless, join(place, 'count'), '--count', '7']);
    expect([count.status, read(join(place, 'count')).length]).toEqual([0, 7]);

    const size = await runToEnd(['record', '--no-reconnect', endless, join(place, 'size'), '--max-bytes', '50_000']);
    expect(size.stderr).toMatch(/--max-bytes is reached: the next message does not fit\nrecorded \d+ messages/);
    const bytes = readdirSync(join(place, 'size')).reduce(
      (sum, name) => sum + statSync(join(place, 'size', name)).size,
      0,
    );
    expect(bytes).toBeGreaterThan(48_000);
    expect(bytes).toBeLessThanOrEqual(50_000);

    const time = await runToEnd(['record', '--no-reconnect', endless, join(place, 'time'), '--duration', '80ms']);
    expect(time.status).toBe(0);
    expect(read(join(place, 'time')).length).toBeGreaterThan(0);
  });

  test('ends with Ctrl-C, and says what was received', async () => {
    const url = await instrument('v2', async (connection) => {
      await sendAll(connection);
      await connection.getData().catch(() => {});
    });
    const folder = join(place, 'run');
    const run = start(['record', '--no-reconnect', url, folder]);
    for (;;) {
      await run.until(/recording/);
      if (readFileSync(join(folder, 'index.jsonl'), 'utf8').split('\n').length > 10) break;
      await immediate();
    }
    run.interrupt();
    expect(await run.ended).toMatchObject({ status: 0, stderr: expect.stringMatching(/recorded 10 messages in/) });
    expect(contents(folder).length).toBe(10);
  });

  test('continues after a broken connection, and reports it', async () => {
    let links = 0;
    const url = await instrument('v2', async (connection) => {
      await connection.sendData(++links);
      if (links === 1) connection.destroy();
    });
    const run = start([
      'record',
      url,
      join(place, 'run'),
      '-o',
      'session=off',
      '-o',
      'reconnect.minDelayMs=0',
      '-o',
      'reconnect.baseDelayMs=1',
      '--count',
      '2',
    ]);
    await run.ended;
    expect(run.stderr).toMatch(/the connection is down, reconnecting.*\nreconnected after \d+ ms\n/);
  });

  test('creates no recording without a peer, and none in a folder that is not empty', async () => {
    const withoutPeer = await runToEnd(['record', '--no-reconnect', 'serpy2://127.0.0.1:1', join(place, 'run')]);
    expect([withoutPeer.status, readdirSync(place)]).toEqual([1, []]);
    const url = await instrument('v2', sendAll);
    writeFileSync(join(place, 'notes.txt'), 'precious');
    const { status, stderr } = await runToEnd(['record', '--no-reconnect', url, place]);
    expect(status).toBe(2);
    expect(stderr).toMatch(
      /^serpy: the folder .* is not empty: name a new or empty one, because a recording overwrites nothing\n$/,
    );
    expect(readdirSync(place)).toEqual(['notes.txt']);
  });
});

describe('serpy replay', () => {
  async function recorded(protocol: 'v1' | 'v2', send = sendAll): Promise<string> {
    const folder = join(place, `first-${protocol}`);
    expect(await runToEnd(['record', '--no-reconnect', await instrument(protocol, send), folder])).toMatchObject({
      status: 0,
    });
    return folder;
  }

  test.each(['v1', 'v2'] as const)(
    'sends over %s what was recorded: to record it again gives the same',
    async (protocol) => {
      const folder = await recorded(protocol);
      const run = start(['replay', folder, '--port', '0', '--speed', 'max']);
      const [url] = await run.until(/^serpy\d:\/\/\S+$/m, 'stdout');
      expect(url).toMatch(`serpy${protocol[1]}://`);
      const again = join(place, 'again');
      expect(await runToEnd(['record', '--no-reconnect', url, again])).toMatchObject({ status: 0 });
      expect(await run.ended).toMatchObject({ status: 0, stderr: expect.stringMatching(/sent 10 messages in/) });
      expect(contents(again)).toEqual(contents(folder));
      const same = readdirSync(folder).filter((name) => /\.(npy|bin)$/.test(name));
      for (const name of same) expect(readFileSync(join(again, name)), name).toEqual(readFileSync(join(folder, name)));
    },
  );

  test('sends objects of v1 as objects, and leaves out what it cannot send', async () => {
    const folder = await recorded('v1', async (connection) => {
      await connection.sendData(['gain', 2.5] as never, { mode: 4 } as never);
      await connection.sendData('end');
    });
    const server = await listen({ protocol: 'v2', port: 0 });
    closing.push(() => server.closeServer());
    const url = `serpy2://127.0.0.1:${server.address.port}`;
    const over = await runToEnd(['replay', folder, url, '--connect', '--speed', 'max']);
    expect(over).toMatchObject({
      status: 0,
      stderr: expect.stringMatching(
        /^omitted 1 message that this protocol cannot carry; the first is a Python object, which only v1 carries\nsent 1 message in/,
      ),
    });
    const run = start(['replay', folder, '--port', '0', '--speed', 'max']);
    const [at] = await run.until(/^serpy1:\/\/\S+$/m, 'stdout');
    const connection = await connect(`${at}?autoRestart=false` as `serpy1://${string}`);
    expect(await connection.getData()).toEqual(['gain', 2.5]);
    await connection.close();
  });

  test('leaves out integers beyond 64 bits over v2, counts them, and keeps the value of any other', async () => {
    const frames = ['', '07', 'ffff', '000000000000000001', '000000000000008000', 'ffffffffffffff7fff', '2a'];
    const sockets = createServer((socket) => socket.resume().end(Buffer.concat(frames.map((hex) => intFrame(hex)))));
    await once(sockets.listen(0, '127.0.0.1'), 'listening');
    closing.push(async () => void sockets.close());
    const folder = join(place, 'long');
    const from = `serpy2://127.0.0.1:${(sockets.address() as AddressInfo).port}`;
    expect(await runToEnd(['record', '--no-reconnect', from, folder])).toMatchObject({ status: 0 });
    expect(read(folder).length).toBe(7);

    const over = await listen({ protocol: 'auto', port: 0 });
    closing.push(() => over.closeServer());
    const got: unknown[] = [];
    over.on('connection', async (connection) => {
      for await (const message of connection.messages()) got.push(message.value);
      got.push('closed');
    });
    const to = (scheme: string) =>
      runToEnd(['replay', folder, `${scheme}://127.0.0.1:${over.address.port}`, '--connect', '--speed', 'max']);
    expect(await to('serpy2')).toMatchObject({
      status: 0,
      stderr: expect.stringMatching(
        /^omitted 3 messages that this protocol cannot carry; the first is an integer beyond 64 bits\nsent 4 messages in/,
      ),
    });
    await expect.poll(() => got.splice(0)).toEqual([0, 7, -1, 42, 'closed']);
    expect(await to('serpy1')).toMatchObject({ status: 0, stderr: expect.stringMatching(/^sent 7 messages in/) });
    const digits = ['0', '7', '-1', `${2n ** 64n}`, `${2n ** 63n}`, `${-(2n ** 63n) - 1n}`, '42', 'closed'];
    await expect.poll(() => got.splice(0)).toEqual(digits);
  });

  test('keeps the pace of the recording, or a multiple of it', async () => {
    const folder = await recorded('v2');
    const lines = readFileSync(join(folder, 'index.jsonl'), 'utf8').trim().split('\n');
    const slow = lines.map((line, n) => line.replace(/"timeMs":[\d.]+/, `"timeMs":${1000 + 40 * n}`));
    writeFileSync(join(folder, 'index.jsonl'), `${slow.join('\n')}\n`);
    const took = async (...args: string[]) => {
      const run = start(['replay', folder, '--port', '0', ...args]);
      const [url] = await run.until(/^serpy2:\/\/\S+$/m, 'stdout');
      const start_ = performance.now(); // before the replay can begin
      const connection = await connect(`${url}?autoRestart=false`);
      let messages = 0;
      for await (const _ of connection) messages++;
      expect(messages).toBe(10);
      await run.ended;
      return performance.now() - start_;
    };
    expect(await took()).toBeGreaterThan(9 * 40 - 60);
    // On a busy computer one replay may be late.
    await vi.waitFor(async () => expect(await took('--speed', '4')).toBeLessThan(300), { timeout: 15_000 });
    expect(await took('--speed', '4')).toBeGreaterThan(9 * 10 - 40);
  });

  test('says that the peer left before the end', async () => {
    const folder = await recorded('v2', async (connection) => {
      for (let n = 0; n < 2000; n++) await connection.sendData(Buffer.alloc(20_000));
    });
    const run = start(['replay', folder, '--port', '0', '--speed', 'max']);
    const [url] = await run.until(/^serpy2:\/\/\S+$/m, 'stdout');
    const connection = await connect(`${url}?autoRestart=false`);
    await connection.getData();
    connection.destroy();
    const { status, stderr } = await run.ended;
    expect(status).toBe(1);
    expect(stderr).toMatch(/serpy: the peer disconnected before the end, sent [\d,]+ messages in/);
  });

  test('says so when the peer answers in another protocol', async () => {
    const folder = await recorded('v2', async (connection) => void (await connection.sendData('one')));
    const server = createServer({ allowHalfOpen: true }, (socket) => {
      socket.once('end', () => socket.end('HTTP/1.1 400 Bad Request\r\n\r\n')).resume();
    });
    await once(server.listen(0, '127.0.0.1'), 'listening');
    const url = `serpy2://127.0.0.1:${(server.address() as AddressInfo).port}`;
    const { status, stderr } = await start(['replay', folder, url, '--connect', '--speed', 'max']).ended;
    server.close();
    expect([status, stderr]).toEqual([1, expect.stringContaining('it looks like a web server (HTTP)')]);
  });

  test('ends with Ctrl-C while it waits for its peer, for its time, and for a peer that takes nothing', async () => {
    const folder = await recorded('v2', async (connection) => {
      for (let n = 0; n < 1000; n++) await connection.sendData(Buffer.alloc(50_000));
    });
    const waiting = start(['replay', folder, '--port', '0']);
    await waiting.until(/waiting for a client/);
    waiting.interrupt();
    expect(await waiting.ended).toMatchObject({ status: 1, stderr: expect.stringMatching(/serpy: interrupted\n$/) });

    const run = start(['replay', folder, '--port', '0', '--speed', 'max']);
    const [url] = await run.until(/^serpy2:\/\/\S+$/m, 'stdout');
    const connection = await connect(`${url}?receiveQueue.maxMessages=1`);
    await connection.getData();
    run.interrupt();
    expect(await run.ended).toMatchObject({
      status: 0,
      stderr: expect.stringMatching(/interrupted: sent \d+ messages/),
    });
    connection.destroy();
  });

  test.each([
    [['replay', 'nowhere'], 2, /nowhere is not a recording: name a folder of "serpy record"/],
    [['replay', 'nowhere', '--speed', 'slow'], 2, /--speed takes a number above 0/],
    [['replay'], 2, /missing required argument 'folder' \(usage: serpy replay \[options\] <folder> \[url\]\)/],
    [['record', '--no-reconnect', 'serpy2://127.0.0.1:1'], 2, /missing required argument 'folder'/],
  ])('%j is a wrong command line', async (args, status, sentence) => {
    const outcome = await runToEnd(args);
    expect(outcome.status).toBe(status);
    expect(outcome.stderr).toMatch(sentence);
  });
});

describe('what a recording tells about itself', () => {
  const about = (folder: string) => JSON.parse(readFileSync(join(folder, 'recording.json'), 'utf8'));

  test('is the note, the names and values, the computer, the versions and the options without secrets', async () => {
    const folder = join(place, 'noted');
    const url = await instrument('v2', sendAll);
    const flags = [
      '--note',
      'second sample\nµ',
      '--meta',
      'sample=12',
      '--meta',
      'operator=A. B=C',
      '--meta',
      'x.y-z=',
    ];
    expect(
      await runToEnd(['record', '--no-reconnect', url, folder, ...flags, '-o', 'maxMessageBytes=1e7']),
    ).toMatchObject({ status: 0 });
    expect(about(folder)).toEqual({
      format: 'serpy-recording',
      version: 2,
      startedAt: expect.stringMatching(/^\d{4}-\d\d-\d\dT.*Z$/),
      startedWallMs: expect.any(Number),
      url,
      note: 'second sample\nµ',
      meta: { sample: '12', operator: 'A. B=C', 'x.y-z': '' },
      origin: expect.objectContaining({
        program: expect.stringMatching(/^serpy-cli \d/),
        node: process.version,
        computer: hostname(),
        system: expect.stringContaining(arch()),
        timeZone: expect.any(String),
      }),
      options: expect.objectContaining({ protocol: 'v2', maxMessageBytes: 1e7 }),
    });
    const last = readFileSync(join(folder, 'index.jsonl'), 'utf8').trim().split('\n').at(-1)!;
    expect(JSON.parse(last)).toMatchObject({ type: 'end', reason: 'closed' });
  });

  test('has no key, whether it is in a file or in the environment', async () => {
    const key = generateKey();
    const keyFile = join(place, 'lab.key');
    writeFileSync(keyFile, key, { mode: 0o600 });
    const server = await listen({ protocol: 'v2', port: 0, key });
    server.on('connection', async (connection) => {
      await connection.sendData(1);
      await connection.close();
    });
    const url = `serpy2+tls://127.0.0.1:${server.address.port}`;
    for (const [name, flags, env] of [
      ['file', ['--key-file', keyFile], {}],
      ['variable', [], { SERPY_KEY: key }],
    ] as const) {
      const folder = join(place, name);
      expect(await runToEnd(['record', '--no-reconnect', url, folder, ...flags], { env })).toMatchObject({ status: 0 });
      const text = readFileSync(join(folder, 'recording.json'), 'utf8');
      expect(text).not.toContain(String(key));
      expect(JSON.parse(text).options.key).toBe('(given)');
      const [first = ''] = readFileSync(join(folder, 'index.jsonl'), 'utf8').split('\n');
      expect(JSON.parse(first)).toMatchObject({ type: 'peer', session: true, encrypted: true });
    }
    await server.closeServer();
  });

  test.each([
    [['--note', 'x'.repeat(10_001)], /--note takes at most 10000 characters, not 10001/],
    [['--meta', 'sample'], /--meta takes name=value, such as sample=12/],
    [['--meta', '=12'], /--meta takes name=value/],
    [['--meta', 'a b=12'], /--meta takes name=value/],
    [['--meta', `${'x'.repeat(65)}=1`], /--meta takes name=value/],
    [['--meta', `x=${'y'.repeat(1001)}`], /--meta x has 1001 characters, and the limit is 1000/],
    [['--meta', 'x=1', '--meta', 'x=2'], /--meta x is given twice/],
    [Array.from({ length: 65 }, (_, n) => ['--meta', `x${n}=1`]).flat(), /--meta can be given at most 64 times/],
  ])('is bounded: %j', async (flags, sentence) => {
    const { status, stderr } = await runToEnd(['record', 'serpy2://127.0.0.1:1', join(place, 'none'), ...flags]);
    expect([status, stderr]).toEqual([2, expect.stringMatching(sentence)]);
  });
});
