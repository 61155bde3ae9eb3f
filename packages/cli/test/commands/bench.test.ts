import { once } from 'node:events';
import { createServer } from 'node:net';
import { connect, generateKey, listen, type PortableConnection } from 'serpy';
import { afterEach, describe, expect, test } from 'vitest';
import { Run, runToEnd } from '../run.js';

const ends: (() => unknown)[] = [];
afterEach(async () => {
  for (const end of ends.splice(0).reverse()) await end();
});

/** `serpy bench --listen` on a free port. */
async function serving(...args: string[]) {
  const run = new Run(['bench', '--listen', ...(args.length > 0 ? args : ['serpy://127.0.0.1:0'])]);
  ends.push(() => {
    run.interrupt();
    return run.ended;
  });
  const [, port = ''] = await run.until(/answering on 127\.0\.0\.1:(\d+)/);
  return { run, port: Number(port) };
}

/** A peer that sends back what it gets, and nothing more. */
async function echo(protocol: 'v1' | 'v2', asText = false) {
  const server = await listen({ protocol, port: 0 });
  ends.push(() => server.closeServer());
  server.on('connection', async (connection: PortableConnection) => {
    for await (const message of connection.messages()) {
      const bytes = message.bytes();
      await connection.sendData(asText ? bytes.toString('latin1') : bytes).catch(() => {});
    }
  });
  return server.address.port;
}

const sizes = [64, 4096, 65_536, 1_048_576, 16_777_216];

/** The sizes that were measured, or left out as a busy computer had no time for them. */
function accounted({ throughput, leftOut }: Record<'throughput' | 'leftOut', { sizeBytes: number }[]>): number[] {
  return [...throughput, ...leftOut].map(({ sizeBytes }) => sizeBytes);
}

describe('serpy bench', () => {
  test.each([['serpy1'], ['serpy2'], ['serpy']])('measures %s one way with serpy bench --listen', async (scheme) => {
    const { port } = await serving();
    const { status, stdout, stderr } = await runToEnd(['bench', `${scheme}://127.0.0.1:${port}`, '--duration', '2']);
    expect(stderr).toBe('measuring for at most 2 s; Ctrl-C stops it\n');
    expect(status).toBe(0);
    const [protocol, session] = { serpy1: ['v1', ''], serpy2: ['v2', ''], serpy: ['v2', ' in a session'] }[scheme]!;
    expect(stdout).toContain(`127.0.0.1:${port} over ${protocol}${session}, not encrypted`);
    expect(stdout).toMatch(/p50 [\d.]+ [µm]s, p90 [\d.]+ [µm]s, p99 [\d.]+ [µm]s, at most [\d.]+ [µm]?s/);
    expect(stdout).toMatch(/≤ +[\d.]+ [µm]s +█+ +[\d,]+/);
    expect(stdout).toContain('Throughput, one way:');
    for (const size of ['64 B', '4 KiB', '64 KiB', '1 MiB', '16 MiB']) {
      expect(stdout).toMatch(new RegExp(`^ +${size} +([\\d.,]+ +[\\d.,]+|omitted: not enough time)`, 'm'));
    }
  });

  test.each([
    ['v1', false],
    ['v1', true],
    ['v2', false],
    ['v2', true],
  ] as const)('measures %s there and back with any echo, that answers in text: %s', async (protocol, asText) => {
    const port = await echo(protocol, asText);
    const { status, stdout } = await runToEnd(['bench', `serpy://127.0.0.1:${port}`, '--duration', '2', '--json']);
    expect(status).toBe(0);
    const json = JSON.parse(stdout);
    expect(json).toMatchObject({ host: '127.0.0.1', port, protocol, encrypted: false, otherEnd: 'echo' });
    expect(accounted(json)).toEqual(sizes);
    for (const each of json.throughput) {
      expect(each).toMatchObject({ direction: 'there and back', bytes: each.messages * each.sizeBytes });
    }
    expect(json.throughput[0].messages).toBeGreaterThan(0);
  });

  test('gives programs one JSON object whose figures belong together', async () => {
    const { port } = await serving();
    const { stdout } = await runToEnd(['bench', `serpy2://127.0.0.1:${port}`, '--duration', '1', '--json']);
    expect(stdout.trim().split('\n')).toHaveLength(1);
    const { roundTrip, throughput } = JSON.parse(stdout);
    expect(roundTrip.p50Ms).toBeLessThanOrEqual(roundTrip.p90Ms);
    expect(roundTrip.p99Ms).toBeLessThanOrEqual(roundTrip.maxMs);
    const counts = roundTrip.histogram.map(({ count }: { count: number }) => count);
    expect(counts.reduce((sum: number, count: number) => sum + count)).toBe(roundTrip.count);
    for (const { messages, sizeBytes, bytes, direction } of throughput) {
      expect([bytes, direction]).toEqual([messages * sizeBytes, 'one way']);
    }
  });

  test('measures an encrypted link, and its report holds no key', async () => {
    const key = String(generateKey());
    const run = new Run(['bench', '--listen', 'serpy+tls://127.0.0.1:0'], { env: { SERPY_KEY: key } });
    const [, port] = await run.until(/answering on 127\.0\.0\.1:(\d+)/);
    const args = ['bench', `serpy+tls://127.0.0.1:${port}`, '--duration', '1', '--json'];
    const { status, stdout } = await runToEnd(args, { env: { SERPY_KEY: key } });
    run.interrupt();
    await run.ended;
    expect(status).toBe(0);
    expect(JSON.parse(stdout)).toMatchObject({ encrypted: true, session: true });
    expect(accounted(JSON.parse(stdout))).toEqual(sizes);
    expect(stdout).not.toContain(key);
  });

  test('says what to start if the peer returns nothing', async () => {
    const server = await listen({ protocol: 'v2', port: 0 });
    ends.push(() => server.closeServer());
    const { port } = server.address;
    const { status, stderr } = await runToEnd(['bench', `serpy2://127.0.0.1:${port}`, '--duration', '1']);
    expect(status).toBe(1);
    expect(stderr.split('\n')[1]).toBe(
      `serpy: 127.0.0.1:${port} accepts the connection and returns nothing: start "serpy bench --listen" there, "serpy simulate echo", ` +
        'or any program that returns what it receives [ERR_SERPY_TIMEOUT]',
    );
  });

  test('a peer that says other things of its own is waited for, and its words are not taken for an echo', async () => {
    const server = await listen({ protocol: 'v2', port: 0 });
    ends.push(() => server.closeServer());
    server.on('connection', async (connection: PortableConnection) => {
      for await (const message of connection.messages()) {
        await connection.sendData('temperature 21.5').catch(() => {});
        await connection.sendData(message.bytes()).catch(() => {});
      }
    });
    const args = ['bench', `serpy2://127.0.0.1:${server.address.port}`, '--duration', '2', '--json'];
    const { status, stdout } = await runToEnd(args);
    expect([status, accounted(JSON.parse(stdout))]).toEqual([0, sizes]);
    expect(JSON.parse(stdout).throughput[0].messages).toBeGreaterThan(0);
  });

  test('says in one sentence that no program listens', async () => {
    const server = createServer().listen(0, '127.0.0.1');
    await once(server, 'listening');
    const { port } = server.address() as { port: number };
    await new Promise((resolve) => server.close(resolve));
    const { status, stdout, stderr } = await runToEnd(['bench', `serpy2://127.0.0.1:${port}`]);
    expect([status, stdout]).toEqual([1, '']);
    expect(stderr).toMatch(/^serpy: cannot connect to 127\.0\.0\.1:\d+: nothing listens there: .*\n$/);
  });

  test('a peer that disconnects is reported after the measured values', async () => {
    const server = await listen({ protocol: 'v2', port: 0 });
    ends.push(() => server.closeServer());
    let messages = 0;
    server.on('connection', async (connection: PortableConnection) => {
      for await (const message of connection.messages()) {
        if (message.bytes().length > 64) connection.destroy();
        else await connection.sendData(message.bytes()).catch(() => {});
        messages++;
      }
    });
    const { status, stdout, stderr } = await runToEnd([
      ...['bench', `serpy2://127.0.0.1:${server.address.port}`, '--duration', '2'],
    ]);
    expect(status).toBe(1);
    expect(messages).toBeGreaterThan(2);
    expect(stdout).toMatch(/Round trip of 64 B[\s\S]*Throughput, there and back:[\s\S]*64 B/);
    expect(stderr).toMatch(/^serpy: .*failed: the (peer closed|network or the peer broke) the connection/m);
  });

  test('Ctrl-C stops it, and shows what was measured', async () => {
    const { port } = await serving();
    const run = new Run(['bench', `serpy2://127.0.0.1:${port}`, '--duration', '20']);
    await run.until(/Round trip/);
    run.interrupt();
    const { status, stderr } = await run.ended;
    expect(status).toBe(1);
    expect(stderr).toContain('serpy: interrupted\n');
  });

  test.each([
    [['--duration', '61'], "serpy: --duration takes a time from 1s to 60s, not '61'\n"],
    [['--duration', 'ten'], "serpy: --duration takes a time from 1s to 60s, not 'ten'\n"],
    [['--listen', '--json'], 'serpy: --json is for the end that measures: omit it with --listen\n'],
    [['localhost:5001'], "serpy: 'localhost:5001' is not a URL: write serpy://localhost:5001\n"],
  ])('%j is a wrong command line', async (args, sentence) => {
    expect(await runToEnd(['bench', ...args])).toEqual({ status: 2, stdout: '', stderr: sentence });
  });
});

describe('serpy bench --listen', () => {
  test('says who came and what it was, and a total at Ctrl-C', async () => {
    const { run, port } = await serving();
    const connection = await connect({ autoRestart: false, protocol: 'v2', port });
    await connection.sendData(Buffer.alloc(1000));
    expect(await connection.getData()).toEqual(Buffer.alloc(1000));
    await connection.close();
    await run.until(/127\.0\.0\.1:\d+ disconnected: 1 message, 0\.001 MB/);
    run.interrupt();
    expect(await run.ended).toMatchObject({ status: 0, stdout: 'served 1 message, 0.001 MB\n' });
  });

  test('refuses to listen for other computers in the open', async () => {
    const { status, stderr } = await runToEnd(['bench', '--listen', 'serpy://0.0.0.0:0']);
    expect(status).toBe(2);
    expect(stderr).toContain('key');
  });

  test('continues when a client disconnects in the middle of an answer', async () => {
    const { port } = await serving();
    const rude = await connect({ autoRestart: false, protocol: 'v2', port });
    for (let n = 0; n < 100; n++) await rude.sendData(Buffer.alloc(10_000));
    rude.destroy();
    const connection = await connect({ autoRestart: false, protocol: 'v2', port });
    await connection.sendData('still there?');
    expect(await connection.getData()).toBe('still there?');
    await connection.close();
  });
});
