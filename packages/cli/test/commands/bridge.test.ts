/** `serpy bridge` between simulated instruments and mosquitto, as `mosquitto_sub` and numpy see it. */
import { spawn, spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { listen } from 'serpy';
import { FaultProxy } from 'serpy-fault-proxy';
import { afterEach, describe, expect, test, vi } from 'vitest';
import { root } from '../../../../test/workspace.js';
import {
  BrokerProcess,
  Collector,
  mosquittoPath,
  mosquittoSubPath,
  noMosquitto,
  noMosquittoSub,
} from '../../../serpy-bridge/test/brokers.js';
import { Run, runToEnd, type World } from '../run.js';

vi.setConfig({ testTimeout: 60_000 });

const closing: (() => unknown)[] = [];

afterEach(async () => {
  for (const close of closing.splice(0).reverse()) await close();
}, 30_000);

const python = ['python3', '/usr/bin/python3'].find((each) => spawnSync(each, ['-c', 'import numpy']).status === 0);

function start(args: readonly string[], world: World = {}): Run {
  const run = new Run(args, world);
  closing.push(async () => {
    run.interrupt();
    await run.ended;
  });
  return run;
}

async function broker(lines?: readonly string[], files?: Record<string, string>): Promise<BrokerProcess> {
  const process = await BrokerProcess.mosquitto(lines, files);
  closing.push(() => process.remove());
  return process;
}

async function simulate(...args: string[]): Promise<string> {
  const run = start(['simulate', ...args, 'serpy2://127.0.0.1:0']);
  return (await run.until(/serpy2:\/\/\S+/, 'stdout'))[0];
}

/** The output of a program, which runs beside those of the test. */
async function output(command: string, args: readonly string[]): Promise<string> {
  const child = spawn(command, args, { stdio: ['ignore', 'pipe', 'inherit'] });
  const parts: Buffer[] = [];
  for await (const part of child.stdout) parts.push(part as Buffer);
  return Buffer.concat(parts).toString();
}

/** The first message on a topic, as the command `mosquitto_sub` of other programs prints it. */
function mosquittoSub(port: number, topic: string, ...args: string[]): Promise<string> {
  const given = ['-h', '127.0.0.1', '-p', String(port), '-t', topic, '-C', '1', '-W', '30', ...args];
  return output(mosquittoSubPath as string, given);
}

const missing = mosquittoPath
  ? mosquittoSubPath
    ? ''
    : ` (skipped: ${noMosquittoSub})`
  : ` (skipped: ${noMosquitto})`;

describe.skipIf(missing !== '')(`serpy bridge${missing}`, () => {
  test('mosquitto_sub shows the numbers of a simulated counter', async () => {
    const { port, url } = await broker();
    const counter = await simulate('counter');
    const run = start(['bridge', url, `counts=${counter}`, '--unit', 'photons']);
    expect((await run.until(/^lab\S*/m, 'stdout'))[0]).toBe('lab/counts/+');
    await run.until(/counts: the broker is connected \(MQTT 5\)/);
    expect(await mosquittoSub(port, 'lab/counts/number', '-v')).toMatch(/^lab\/counts\/number \d+\n$/);
    const about = JSON.parse(await mosquittoSub(port, 'lab/counts/$about'));
    expect(about).toMatchObject({
      name: 'counts',
      online: true,
      unit: 'photons',
      url: counter,
      topics: { number: {} },
    });
  });

  test.skipIf(!python)('numpy.load opens an image of a simulated camera that mosquitto_sub wrote', async () => {
    const { port, url } = await broker();
    const camera = await simulate('camera', '--size', '64x48');
    const run = start(['bridge', url, `cam=${camera}`]);
    await run.until(/cam: the broker is connected/);
    // The program of docs/how-to/brokers.md.
    const page = readFileSync(join(root, 'docs/how-to/brokers.md'), 'utf8');
    const [, block = ''] = /```python\n([\s\S]*?)```/.exec(page) ?? [];
    const program = block.replace('"broker.lab"', `"127.0.0.1", "-p", "${port}"`);
    expect(await output(python as string, ['-c', program])).toBe('uint16 (48, 64)\n');
  });

  test('resumes the session with an instrument whose line breaks, and loses no value', async () => {
    const { url } = await broker();
    const server = await listen({ protocol: 'v2', port: 0, session: 'require', closeTimeoutMs: 100 });
    closing.push(() => server.closeServer());
    let connections = 0;
    server.on('connection', () => {
      connections += 1;
    });
    const proxy = await new FaultProxy({ target: { port: server.address.port } }).start();
    closing.push(() => proxy.close());
    const collector = await Collector.subscribe(url, 'lab/cam/number');
    closing.push(() => collector.close());
    const run = start(['bridge', url, `cam=serpy2://127.0.0.1:${proxy.address.port}`]);
    await run.until(/cam: the broker is connected/);
    const cam = await server.getConnection();
    for (let n = 0; n < 300; n++) {
      if (n % 50 === 49) proxy.cut('rst');
      await cam.sendData(n);
    }
    const numbers = () => [...new Set(collector.texts('lab/cam/number').map(Number))];
    await vi.waitFor(() => expect(numbers()).toEqual(Array.from({ length: 300 }, (_, n) => n)), { timeout: 30_000 });
    expect(connections).toBe(1);
  });

  test('two instruments, commands and requests; the counts at the end', async () => {
    const { url } = await broker();
    const received: unknown[] = [];
    const server = await listen({ protocol: 'v2', port: 0, closeTimeoutMs: 100 });
    closing.push(() => server.closeServer());
    server.onRequest((value) => `${String(value)}!`);
    server.on('connection', async (client) => {
      await client.sendData('ready');
      for await (const value of client) received.push(value);
    });
    const counter = await simulate('counter', '--rate', '5');
    const one = `serpy2://127.0.0.1:${server.address.port}`;
    const run = start([
      'bridge',
      url,
      `a=${one}`,
      `b=${counter}`,
      '--topic',
      'site/{name}/{kind}',
      '--commands',
      '--requests',
      'ask/{name}',
    ]);
    await run.until(/a: the broker is connected/);
    await run.until(/a connected/);
    const collector = await Collector.subscribe(url, 'site/#');
    closing.push(() => collector.close());
    await collector.client.publishAsync('site/a/set', 'go', { qos: 1 });
    await vi.waitFor(() => expect(received).toEqual(['go']), { timeout: 10_000 });
    await collector.client.subscribeAsync('answers');
    await collector.client.publishAsync('ask/a', 'hello', { qos: 1, properties: { responseTopic: 'answers' } });
    await vi.waitFor(() => expect(collector.texts('answers')).toEqual(['hello!']), { timeout: 10_000 });
    await vi.waitFor(() => expect(collector.on('site/b/number').length).toBeGreaterThan(2), { timeout: 10_000 });
    run.interrupt();
    const { status, stderr } = await run.ended;
    expect(status).toBe(0);
    expect(stderr).toMatch(/published \d+ messages, 1 commands passed on, 1 requests answered/);
  });

  test('says that a broker is away, and when it is there again', async () => {
    const there = await broker();
    await there.kill();
    const counter = await simulate('counter', '--rate', '5');
    const run = start(['bridge', there.url, `c=${counter}`]);
    await run.until(
      /c: the broker is connecting: no connection to the broker at mqtt:\/\/127\.0\.0\.1:\d+: .*ECONNREFUSED/,
    );
    await there.start();
    await run.until(/c: the broker is connected/);
  });

  test('says that the broker comes first', async () => {
    const { status, stderr } = await runToEnd(['bridge', 'cam=serpy2://127.0.0.1:9', 'mqtt://127.0.0.1:9']);
    expect([status, stderr]).toEqual([2, 'serpy: the broker comes first: serpy bridge mqtt://HOST:PORT NAME=URL\n']);
  });

  test('takes the password from a file or from the environment', async () => {
    const run = await runToEnd(['bridge', 'mqtt://lab:secret-7@127.0.0.1', 'serpy2://127.0.0.1:9']);
    expect(run.status).toBe(2);
    expect(run.stderr).toMatch(/contains a password, which other users.*--broker-password-file.*BROKER_PASSWORD/s);
    expect(run.stderr).not.toContain('secret-7');
    const { url } = await broker(['allow_anonymous false']); // nothing is accepted
    const wrong = start(['bridge', url, 'c=serpy2://127.0.0.1:9'], {
      env: { BROKER_USER: 'lab', BROKER_PASSWORD: 'secret-7' },
    });
    await wrong.until(/rejected the user lab/);
    expect(wrong.stderr).not.toContain('secret-7');
  });
});

describe('serpy bridge', () => {
  test.each([
    [['http://127.0.0.1', 'x=serpy2://127.0.0.1:9'], 'the broker is a URL: mqtt://HOST:PORT'],
    [['mqtt://127.0.0.1/lab', 'x=serpy2://127.0.0.1:9'], 'the URL of the broker ends after the port'],
    [['mqtt://127.0.0.1', 'a b=serpy2://127.0.0.1:9'], 'contains " ", which topics reserve'],
    [['mqtt://127.0.0.1', 'x=serpy2://127.0.0.1:9', 'x=serpy2://127.0.0.1:10'], 'two instruments have the name x'],
    [
      ['mqtt://127.0.0.1', 'x=serpy2://127.0.0.1:9', 'y=serpy2://127.0.0.1:10', '--topic', 'lab/{kind}'],
      'the 2 instruments would share the topics lab/{kind}: add {name} to --topic',
    ],
    [['mqtt://127.0.0.1', 'cam/#=serpy2://127.0.0.1:9'], 'the name before "=" in "cam/#" is not one'],
    [['mqtt://127.0.0.1', 'x=serpy2://127.0.0.1:9', '--topic', 'lab/{name}'], 'has no {kind}'],
    [['mqtts://127.0.0.1', 'x=serpy2://127.0.0.1:9', '--broker-ca', 'none.pem'], 'cannot read the file none.pem'],
    [['mqtt://127.0.0.1', 'x=serpy2://127.0.0.1:9', '--max-bytes', 'much'], '--max-bytes takes a size'],
    [['mqtt://127.0.0.1'], 'missing required argument'],
  ])('refuses %j', async (args, sentence) => {
    const { status, stderr } = await runToEnd(['bridge', ...args]);
    expect([status, stderr.replaceAll(/\s+/g, ' ')]).toEqual([2, expect.stringContaining(sentence)]);
    expect(stderr).not.toContain('published'); // nothing was opened before
  });

  test('loads the libraries of brokers only when it runs', () => {
    const source = readFileSync(join(root, 'packages/cli/src/commands/bridge.ts'), 'utf8');
    expect(source).toMatch(/import type \{[^}]*\} from 'serpy-bridge'/);
    expect(source).not.toMatch(/^import \{[^}]*\} from 'serpy-bridge'/m);
  });

  test('is not installed with the package serpy', () => {
    const { dependencies = {} } = JSON.parse(readFileSync(join(root, 'packages/serpy/package.json'), 'utf8'));
    expect(Object.keys(dependencies).filter((name) => /bridge|mqtt|nats/.test(name))).toEqual([]);
  });
});
