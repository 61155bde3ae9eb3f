import { once } from 'node:events';
import { createConnection } from 'node:net';
import { type Connection, connect, listen, type Server } from 'serpy';
import { afterEach, describe, expect, test } from 'vitest';
import { Run, runToEnd } from '../run.js';

const runs: Run[] = [];
let server: Server | undefined;

afterEach(async () => {
  for (const run of runs.splice(0)) {
    run.interrupt();
    run.endInput();
    await run.ended;
  }
  await server?.closeServer();
  server = undefined;
});

function start(args: readonly string[], world = {}, reconnects = args.includes('--listen')): Run {
  const run = new Run(['chat', ...(reconnects ? [] : ['--no-reconnect']), ...args], world);
  runs.push(run);
  return run;
}

async function serve(): Promise<[port: string, peer: Promise<Connection>]> {
  const started = await listen({ protocol: 'auto', port: 0 });
  server = started;
  return [String(started.address.port), started.getConnection()];
}

describe('serpy chat', () => {
  test('sends what is typed and prints what comes', async () => {
    const [port, coming] = await serve();
    const chat = start(['--port', port]);
    chat.type('good morning\n\n');
    const peer = await coming;
    expect(await peer.getData()).toBe('good morning');
    await peer.sendData('and to you\x1b[2J');
    await chat.until(/and to you\\u001b\[2J\n/, 'stdout');
    await peer.sendData(42);
    await chat.until(/42\n/, 'stdout');
    chat.endInput();
    const { status, stdout, stderr } = await chat.ended;
    expect([status, stdout]).toEqual([0, 'and to you\\u001b[2J\n42\n']);
    expect(stderr).toMatch(/^127\.0\.0\.1:\d+ connected\n$/);
  });

  test('sends everything that was piped in before it ends', async () => {
    const [port, coming] = await serve();
    const lines = Array.from({ length: 100 }, (_, n) => `line ${n}`);
    const ended = runToEnd(['chat', '--no-reconnect', '--port', port], { input: lines.join('\n') });
    const peer = await coming;
    const got: unknown[] = [];
    for await (const data of peer) got.push(data);
    expect(got).toEqual(lines);
    expect(await ended).toMatchObject({ status: 0, stdout: '' });
  });

  test('ends when the peer goes, and says so', async () => {
    const [port, coming] = await serve();
    const chat = start(['--port', port]);
    const peer = await coming;
    await chat.until(/ connected/);
    await peer.close({ reason: 'lunch' });
    const { status, stderr } = await chat.ended;
    expect(stderr).toMatch(
      / disconnected( \("lunch"\))?\nserpy: the peer disconnected before the input ended: [^\n]*\n$/,
    );
    expect(status).toBe(1);
  });

  test('is not a failure in a terminal when the peer disconnects', async () => {
    const [port, coming] = await serve();
    const chat = start(['--port', port], { isTTY: true, env: { NO_COLOR: '1' } });
    const peer = await coming;
    await chat.until(/ connected/);
    await peer.close();
    expect(await chat.ended).toMatchObject({ status: 0 });
  });

  test.each([[[]], [['--protocol', 'v2']], [['--protocol', 'v1']]])(
    'fails when the peer disconnected and lines of a pipe are left: %j',
    async (args) => {
      const [port, coming] = await serve();
      const chat = start([...args, '--port', port]);
      chat.type('one\n');
      const peer = await coming;
      expect(String(await peer.getData())).toBe('one');
      await peer.close();
      chat.type('two\n');
      chat.endInput();
      const { status, stderr } = await chat.ended;
      expect([status, stderr]).toEqual([1, expect.stringMatching(/serpy: [^\n]*\n$/)]);
    },
  );

  test('fails when lines are accepted that never go out', async () => {
    const [port, coming] = await serve();
    const chat = start(['--port', port, '-o', 'closeTimeoutMs=100', '-o', 'resumeWindowMs=1'], {}, true);
    chat.type('one\n');
    const peer = await coming;
    expect(await peer.getData()).toBe('one');
    await server?.closeServer();
    await chat.until(/waiting for it/);
    chat.type('two\n');
    chat.endInput();
    const { status, stderr } = await chat.ended;
    expect([status, stderr]).toEqual([
      1,
      expect.stringMatching(/serpy: 1 of the lines may not have arrived: [^\n]*\n$/),
    ]);
  });

  test('names a line of a pipe that is in another encoding, after it has sent those before', async () => {
    const [port, coming] = await serve();
    const input = Buffer.from('one\na\u2028b\rc\n', 'utf8');
    const ended = runToEnd(['chat', '--no-reconnect', '--port', port], {
      input: Buffer.concat([input, Buffer.from('20 \xb5s\n', 'latin1')]),
    });
    const peer = await coming;
    const got: unknown[] = [];
    for await (const data of peer) got.push(data);
    expect(got).toEqual(['one', 'a\u2028b\rc']);
    expect(await ended).toMatchObject({
      status: 1,
      stderr: expect.stringMatching(/serpy: line 3 of stdin is not UTF-8/),
    });
  });

  test('as a server sends to all clients, and shows each sender', async () => {
    const host = start(['--listen', '--port', '0']);
    const [, port = ''] = await host.until(/listening on 127\.0\.0\.1:(\d+)/);
    const clients = [start(['--protocol', 'v1', '--port', port]), start(['--protocol', 'v2', '--port', port])];
    for (const [n, client] of clients.entries()) {
      client.type(`I am client ${n}\n`);
      await host.until(new RegExp(`127\\.0\\.0\\.1:\\d+: I am client ${n}\n`));
    }
    host.type('welcome\n');
    for (const client of clients) await client.until(/^welcome\n/, 'stdout');
    host.endInput();
    expect(await host.ended).toMatchObject({ status: 0 });
    for (const client of clients)
      expect((await client.ended).stderr).toContain('the peer disconnected before the input ended');
  });

  test('as a server waits once for a peer that does not read, and tells the others all the same', async () => {
    const chat = start(['--listen', 'serpy2://127.0.0.1:0', '-o', 'sendQueue.maxMessages=5']);
    const [, port = ''] = await chat.until(/listening on 127\.0\.0\.1:(\d+)/, 'stderr');
    const deaf = createConnection(Number(port), '127.0.0.1');
    await once(deaf, 'connect');
    deaf.pause();
    const good = await connect({ autoRestart: false, protocol: 'v2', port: Number(port) });
    await chat.until(/ connected\n[\s\S]* connected\n/, 'stderr');
    const line = 'x'.repeat(2 ** 19);
    for (let i = 0; i < 60; i++) {
      chat.type(`${line}\n`);
      expect(await good.getData({ timeoutMs: 10_000 })).toHaveLength(line.length);
    }
    await chat.until(/not sent to 127\.0\.0\.1:\d+: /, 'stderr');
    deaf.destroy();
    await good.close();
  });

  test('as a server fails when a link without a session breaks behind a line of a pipe', async () => {
    const chat = start(['--listen', 'serpy2://127.0.0.1:0']);
    const [, port = ''] = await chat.until(/listening on 127\.0\.0\.1:(\d+)/, 'stderr');
    const client = createConnection(Number(port), '127.0.0.1');
    await chat.until(/ connected\n/, 'stderr');
    chat.type('one\n');
    await once(client, 'data');
    client.resetAndDestroy();
    await chat.until(/ disconnected/, 'stderr');
    chat.endInput();
    const { status, stderr } = await chat.ended;
    expect([status, stderr]).toEqual([1, expect.stringContaining('serpy: 1 of the lines may not have arrived')]);
  });

  test('continues when a line cannot be sent, and says why', async () => {
    const [port, coming] = await serve();
    const chat = start(['--protocol', 'v1', '--port', port]);
    const peer = await coming;
    chat.type('50 µm\n');
    await chat.until(/not sent to 127\.0\.0\.1:\d+: .*µ/, 'stderr');
    chat.type('50 um\n');
    expect(String(await peer.getData())).toBe('50 um');
  });

  test('says that no client is connected', async () => {
    const host = start(['--listen', '--port', '0']);
    const [, port = ''] = await host.until(/listening on 127\.0\.0\.1:(\d+)/);
    const client = start(['--port', port]);
    client.type('hello\n');
    await host.until(/hello\n/, 'stdout');
    client.endInput();
    await client.ended;
    await host.until(/disconnected/);
    host.type('still there?\n');
    await host.until(/no client is connected: the line was not sent\n/, 'stderr');
  });

  test('Ctrl-C stops it', async () => {
    const host = start(['--listen', '--port', '0']);
    await host.until(/listening/);
    host.interrupt();
    expect(await host.ended).toMatchObject({ status: 0, stdout: '' });
  });

  test('says in a sentence that no program listens', async () => {
    const gone = await listen({ protocol: 'auto', port: 0 });
    const port = String(gone.address.port);
    await gone.closeServer();
    const { status, stderr } = await runToEnd(['chat', '--no-reconnect', '--port', port]);
    expect(status).toBe(1);
    expect(stderr).toMatch(/^serpy: cannot connect to [^\n]*\n$/);
  });
});
