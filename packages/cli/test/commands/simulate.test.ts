import { once } from 'node:events';
import { connect as connectTcp } from 'node:net';
import { connect, type PortableConnection } from 'serpy';
import { decodeNpy } from 'serpy-arrays';
import { afterEach, describe, expect, test, vi } from 'vitest';
import { camera } from '../../src/instruments/camera.js';
import { counter } from '../../src/instruments/counter.js';
import { Run, runToEnd } from '../run.js';
import { intFrame } from '../v2-frames.js';

const runs: Run[] = [];
const connections: PortableConnection[] = [];

afterEach(async () => {
  for (const connection of connections.splice(0)) connection.destroy();
  for (const run of runs.splice(0)) {
    run.interrupt();
    await run.ended;
  }
});

/** Starts an instrument, and resolves with it and the URL that it prints. */
async function simulate(...args: string[]): Promise<[run: Run, url: string]> {
  const run = new Run(['simulate', ...args]);
  runs.push(run);
  const [url] = await run.until(/^serpy\d?:\/\/127\.0\.0\.1:\d+$/m, 'stdout');
  return [run, url];
}

async function client(url: string, options = ''): Promise<PortableConnection> {
  const connection = await connect(`${url}${options === '' ? '?' : `${options}&`}autoRestart=false`);
  connections.push(connection);
  return connection;
}

const timeoutMs = 10_000;

describe('serpy simulate camera', () => {
  test.each(['v1', 'v2'])('sends images as .npy over %s, from the first one on', async (protocol) => {
    const [, url] = await simulate(
      'camera',
      '--protocol',
      protocol,
      '--port',
      '0',
      '--size',
      '40x30',
      '--rate',
      '200',
      '--seed',
      '3',
    );
    expect(url).toMatch(protocol === 'v1' ? /^serpy1:/ : /^serpy2:/);
    const connection = await client(url);
    const frame = camera({ width: 40, height: 30, dtype: 'uint16', noise: 1, seed: 3 });
    for (let n = 0; n < 5; n++) {
      const { data, shape, dtype } = decodeNpy((await connection.getMessage({ timeoutMs })).bytes());
      expect([shape, dtype]).toEqual([[30, 40], 'uint16']);
      expect(data).toEqual(frame(n));
    }
  });

  test('sends bare float32 with the requested noise', async () => {
    const [run, url] = await simulate(
      'camera',
      '--port',
      '0',
      '--size',
      '16',
      '--dtype',
      'float32',
      '--bare',
      '--noise',
      '0',
    );
    const connection = await client(url);
    const bytes = (await connection.getMessage({ timeoutMs })).bytes();
    const clean = camera({ width: 16, height: 16, dtype: 'float32', noise: 0, seed: 1 })(0);
    expect(new Float32Array(new Uint8Array(bytes).buffer)).toEqual(clean);
    expect(run.stderr).toContain('16 × 16 pixels as bare bytes, rows of 16 float32, 25 images per second, seed 1');
  });

  test('sends a reader that was slow the newest images, and says how many it dropped', async () => {
    const [run, url] = await simulate(
      'camera',
      '--port',
      '0',
      '--size',
      '1024',
      '--rate',
      '100',
      '--count',
      '60',
      '-o',
      'closeTimeoutMs=100',
    );
    const connection = await client(url, '?receiveQueue.maxMessages=1');
    const ended = await run.ended; // no client has read anything, and the camera continues
    expect(ended).toMatchObject({ status: 0 });
    const [, dropped = 0] = /measured 60 images, (\d+) dropped for slow clients/.exec(ended.stderr) ?? [];
    expect(Number(dropped)).toBeGreaterThan(10);
    let frames = 0;
    for await (const _ of connection) frames++;
    expect(frames).toBeLessThanOrEqual(60 - Number(dropped));
  });

  test('keeps its rate', async () => {
    const [, url] = await simulate('camera', '--port', '0', '--size', '8', '--rate', '500');
    const start = performance.now(); // before the first value is measured
    const connection = await client(url);
    await connection.getData({ timeoutMs });
    for (let n = 0; n < 250; n++) await connection.getData({ timeoutMs });
    // As slow as this computer makes it, but never faster, save for what was late.
    expect(performance.now() - start).toBeGreaterThan(250 / 0.5 - 150);
  });
});

describe('serpy simulate counter', () => {
  test('sends ints over v2, and their digits over v1, the same for the same seed', async () => {
    const { count } = counter({ meanCounts: 900, noise: 1, seed: 8 });
    const expected = Array.from({ length: 20 }, (_, n) => count(n));
    for (const protocol of ['v1', 'v2']) {
      const [, url] = await simulate(
        'counter',
        '--protocol',
        protocol,
        '--port',
        '0',
        '--mean-photons',
        '900',
        '--seed',
        '8',
        '--rate',
        '1000',
      );
      const connection = await client(url);
      const got = [];
      for (let n = 0; n < 20; n++) got.push(await connection.getMessage({ timeoutMs }));
      expect(got.map((message) => message.number())).toEqual(expected);
      expect(got[0]!.type).toBe(protocol === 'v1' ? 'text' : 'int');
    }
  });

  test('starts with the first client, and stops after --count values', async () => {
    const [run, url] = await simulate('counter', '--port', '0', '--count', '30', '--rate', '1000');
    const connection = await client(url);
    let values = 0;
    for await (const _ of connection) values++;
    expect(await run.ended).toMatchObject({ status: 0, stdout: `${url}\n` });
    expect(run.stderr).toMatch(/measured 30 counts/);
    expect(values + Number(/(\d+) dropped/.exec(run.stderr)?.[1] ?? 0)).toBe(30);
  });

  test('stops after --duration without clients', async () => {
    const { status, stderr } = await runToEnd(['simulate', 'counter', '--port', '0', '--duration', '50ms']);
    expect(status).toBe(0);
    expect(stderr).toMatch(/measured 0 counts\n$/);
  });
});

describe('serpy simulate echo', () => {
  test.each(['v1', 'v2', 'auto'])('answers everything with the same over %s', async (protocol) => {
    const [run, url] = await simulate('echo', '--protocol', protocol, '--port', '0');
    const connection = await client(url);
    for (const value of ['hello', 42, 2.5, Buffer.from([0, 255]), '']) {
      await connection.sendData(value);
      const message = await connection.getMessage({ timeoutMs });
      expect(
        typeof value === 'number' ? message.number() : Buffer.isBuffer(value) ? message.bytes() : message.text(),
      ).toEqual(value);
    }
    await connection.close();
    await run.until(/disconnected/);
    run.interrupt();
    expect(await run.ended).toMatchObject({ status: 0 });
    expect(run.stderr).toMatch(/answered 5 messages\n$/);
  });

  test('continues after a message that it cannot return, and describes it', async () => {
    const [run, url] = await simulate('echo', '--port', '0');
    const socket = connectTcp(Number(new URL(url).port), '127.0.0.1');
    const came: Buffer[] = [];
    socket.on('data', (bytes: Buffer) => came.push(bytes));
    const frames = [intFrame('0500000000000000'), intFrame('000000000000000001'), intFrame('0600000000000000')];
    socket.write(Buffer.concat(frames));
    await run.until(/^[\d.:]+ cannot return an integer beyond 64 bits$/m, 'stderr');
    await expect
      .poll(() => Buffer.concat(came).toString('hex'))
      .toBe(Buffer.concat([intFrame('0500000000000000'), intFrame('0600000000000000')]).toString('hex'));
    socket.end();
    await once(socket, 'close');
    await run.until(/disconnected/);
    run.interrupt();
    expect(await run.ended).toMatchObject({ status: 0 });
    expect(run.stderr).toMatch(/^[\d.:]+: 1 message could not be returned$/m);
    expect(run.stderr).toMatch(/answered 2 messages\n$/);
  });

  test('sends objects of v1 back as objects', async () => {
    const [, url] = await simulate('echo', '--protocol', 'v1', '--port', '0');
    const connection = await connect(url as `serpy1://${string}`);
    connections.push(connection);
    await connection.sendData(['gain', 2.5, null], { mode: 5, timeoutMs });
    expect(await connection.getMessage({ timeoutMs })).toMatchObject({
      type: 'object',
      value: ['gain', 2.5, null],
      mode: 4,
    });
  });
});

test('an instrument says that its port is taken', async () => {
  const [, url] = await simulate('counter', '--port', '0');
  const { status, stdout, stderr } = await runToEnd(['simulate', 'echo', url]);
  expect([status, stdout]).toEqual([1, '']);
  expect(stderr).toMatch(/^serpy: cannot listen on 127\.0\.0\.1:\d+.*\n$/);
});

test.each([
  [['simulate', 'laser'], /unknown instrument 'laser': name one of camera, counter, echo/],
  [['simulate', 'camera', '--size', '0x5'], /--size takes pixels such as 512 or 640x480/],
  [['simulate', 'camera', '--rate', '0'], /--rate takes a number above 0/],
  [['simulate', 'camera', '--noise=-1'], /--noise takes a number from 0/],
  [['simulate', 'camera', '--seed', '1.5'], /--seed takes a whole number/],
  [['simulate', 'counter', '--size', '64'], /^serpy: --size is not for a counter: omit it\n$/],
  [['simulate', 'counter', '--bare'], /^serpy: --bare is not for a counter: omit it\n$/],
  [['simulate', 'camera', '--mean-photons', '5'], /^serpy: --mean-photons is not for a camera: omit it\n$/],
  [['simulate', 'echo', '--rate', '5'], /^serpy: --rate is not for an echo: omit it\n$/],
  [['simulate', 'echo', '--seed', '1'], /^serpy: --seed is not for an echo: omit it\n$/],
  [['simulate', 'echo', '--count', '1'], /^serpy: --count is not for an echo: omit it\n$/],
  [['simulate'], /missing required argument 'instrument'/],
])('%j is a wrong command line', async (args, sentence) => {
  const { status, stderr } = await runToEnd(args);
  expect(status).toBe(2);
  expect(stderr).toMatch(sentence);
});

test('an instrument of both protocols reports a silent client, which gets nothing and does not count as slow', async () => {
  const args = ['counter', '--protocol', 'auto', '--port', '0', '--rate', '200', '-o', 'probeTimeoutMs=50'];
  const [run, url] = await simulate(...args);
  await client(url.replace(/^serpy:/, 'serpy2:'), '?session=off');
  await run.until(/has sent nothing, so its protocol is unknown and nothing can be sent to it: start with --protocol/);
  await vi.waitFor(() => expect(connections[0]?.isConnected()).toBe(true));
  run.interrupt();
  await run.ended;
  expect(run.stderr).toMatch(
    /measured [\d,]+ counts(, \d+ dropped for clients of unknown protocol \(--protocol auto\))?$/m,
  );
  expect(run.stderr).not.toContain('slow');
});
