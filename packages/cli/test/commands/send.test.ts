import { mkdtempSync, rmSync, truncateSync, writeFileSync } from 'node:fs';
import { createServer, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Connection, generateKey, type ListenOptions, listen, type PortableMessage, type Server } from 'serpy';
import { encodeNpy } from 'serpy-arrays';
import { afterEach, beforeEach, describe, expect, onTestFinished, test, vi } from 'vitest';
import { Run, runToEnd, type World } from '../run.js';

let folder = '';
let server: Server | undefined;
let received: PortableMessage[] = [];

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'serpy-send-'));
  received = [];
});

afterEach(async () => {
  for (const connection of server ?? []) connection.destroy();
  await server?.closeServer();
  server = undefined;
  rmSync(folder, { recursive: true });
});

/** A server that keeps what it gets. Resolves with its port. */
async function serve(options: Partial<ListenOptions> = {}, each?: (connection: Connection) => void): Promise<number> {
  const started = await listen({ protocol: 'auto', port: 0, ...options } as ListenOptions);
  server = started;
  started.on('connection', async (connection) => {
    each?.(connection);
    for await (const message of connection.messages()) received.push(message);
  });
  return started.address.port;
}

const send = (port: number, args: readonly string[], world: World = {}) =>
  runToEnd(['send', '--port', String(port), ...args], { isTTY: true, env: { NO_COLOR: '1' }, ...world });

const values = () => received.map(({ value }) => value);

function file(name: string, bytes: Uint8Array | string): string {
  const path = join(folder, name);
  writeFileSync(path, bytes);
  return path;
}

describe('serpy send', () => {
  test('sends each text as a message', async () => {
    const port = await serve();
    const outcome = await send(port, ['hello', 'wörld', '']);
    expect(outcome).toEqual({ status: 0, stdout: '', stderr: 'sent 3 messages, 11 bytes, acknowledged\n' });
    expect(values()).toEqual(['hello', 'wörld', '']);
  });

  test.each(['v1', 'v2', 'auto'])('has arrived when it ends, over %s', async (protocol) => {
    const port = await serve({ maxConnections: 2 });
    const texts = Array.from({ length: 200 }, (_, n) => `text ${n}`);
    expect(await send(port, ['--protocol', protocol, ...texts])).toMatchObject({ status: 0 });
    expect(received.map((message) => message.text())).toEqual(texts);
  });

  test.each(['v1', 'v2'])(
    'many messages that wait for their acknowledgements over %s are no leak',
    async (protocol) => {
      const warning = vi.spyOn(process, 'emitWarning').mockImplementation(() => {});
      onTestFinished(() => warning.mockRestore());
      const port = await serve();
      const input = Array.from({ length: 64 }, (_, n) => `text ${n}\n`).join('');
      const outcome = await send(port, ['--protocol', protocol, '-'], { input });
      expect(outcome).toMatchObject({ status: 0, stderr: 'sent 64 messages, 438 bytes, acknowledged\n' });
      expect(warning).not.toHaveBeenCalled();
    },
  );

  test('asks an instrument that speaks lines of text, and prints its answer', async () => {
    const instrument = createServer((socket) => {
      socket.on('error', () => {});
      socket.on('data', (line) => socket.write(String(line) === '*IDN?\r' ? 'ACME,42\r' : 'wrong\r'));
    }).listen(0, '127.0.0.1');
    await new Promise((resolve) => instrument.on('listening', resolve));
    const { port } = instrument.address() as { port: number };
    const url = `lines://127.0.0.1:${port}?terminator=\\r`;
    const outcome = await runToEnd(['send', url, '*IDN?', '--replies', '1'], { isTTY: true });
    instrument.close();
    expect(outcome).toMatchObject({ status: 0, stdout: 'ACME,42\n' });
  });

  test('refuses to send a file as a line of text, and says which protocol carries it', async () => {
    const port = await serve({ protocol: 'lines' });
    const bytes = file('image.bin', Buffer.alloc(8));
    const outcome = await send(port, ['--protocol', 'lines', '--file', bytes]);
    expect(outcome.status).not.toBe(0);
    expect(outcome.stderr).toContain('a line is text, not an object (Buffer)');
    expect(received).toEqual([]);
  });

  test('takes a URL before what is to be sent', async () => {
    const port = await serve({ protocol: 'v1' });
    const { status, stderr } = await runToEnd(['send', `serpy1://127.0.0.1:${port}`, 'hello']);
    expect([status, stderr]).toEqual([0, 'sent 1 message, 5 bytes, acknowledged\n']);
    expect(received[0]?.protocol).toBe('v1');
  });

  test('--number sends integers and floats as they are typed', async () => {
    const port = await serve({ protocol: 'v2' });
    const numbers = ['42', '-7', '42.0', '1e3', 'nan', '-inf', '9223372036854775807'];
    expect(await send(port, ['--protocol', 'v2', '--number', '--', ...numbers])).toMatchObject({ status: 0 });
    expect(received.map(({ type }) => type)).toEqual(['int', 'int', 'float', 'float', 'float', 'float', 'int']);
    expect(values()).toEqual([42, -7, 42, 1000, Number.NaN, Number.NEGATIVE_INFINITY, 2n ** 63n - 1n]);
  });

  test.each([
    [['--number', 'seven'], "'seven' is not a number: write 42 for an integer, 42.0 or 4.2e1 for a float"],
    [['--number', '1,5'], "'1,5' is not a number: write 42 for an integer, 42.0 or 4.2e1 for a float"],
    [
      ['--number', '9223372036854775808'],
      '9223372036854775808 does not fit into 64 bits: send it as text, or as a float, 9223372036854775808.0',
    ],
    [[], 'there is nothing to send: write a text, --file PATH, or - for stdin'],
    [['-', '-'], 'stdin can be read only once: write - once, without --repeat'],
    [['-', '--repeat', '2'], 'stdin can be read only once: write - once, without --repeat'],
    [['--repeat', '0', 'x'], "--repeat takes a whole number from 1, not '0'"],
    [['--interval', 'soon', 'x'], "--interval takes a time such as 500ms, 10s or 2min, not 'soon'"],
    [
      ['--binary', '--number'],
      '--binary and --number exclude each other: stdin is one message of bytes, or lines with numbers',
    ],
    [['--insecure', 'x'], "unknown option '--insecure'"],
  ])('%j is a wrong command line, and no connection is made', async (args, sentence) => {
    const { status, stdout, stderr } = await send(1, args);
    expect([status, stdout]).toEqual([2, '']);
    expect(stderr).toMatch(/^serpy: [^\n]*\n$/);
    expect(stderr).toContain(sentence);
  });

  test('sends files as bytes, .npy files byte for byte', async () => {
    const npy = encodeNpy({ data: Float64Array.of(1, 2, 3, 4), shape: [2, 2] });
    const port = await serve({ protocol: 'v2' });
    const files = ['--file', file('a.npy', npy), '--file', file('b.bin', Buffer.alloc(0))];
    const { status } = await send(port, ['--protocol', 'v2', 'first', ...files]);
    expect(status).toBe(0);
    expect(values()).toEqual(['first', npy, Buffer.alloc(0)]);
  });

  test('reports a problem with a file before anything is sent', async () => {
    const port = await serve();
    expect(await send(port, ['hello', '--file', join(folder, 'none')])).toEqual({
      status: 2,
      stdout: '',
      stderr: `serpy: ${join(folder, 'none')}: no such file or folder (ENOENT)\n`,
    });
    expect(await send(port, ['hello', '--file', folder])).toMatchObject({
      status: 2,
      stderr: `serpy: ${folder} is a folder: name the files in it\n`,
    });
    const huge = file('huge', Buffer.alloc(0));
    truncateSync(huge, 5 * 2 ** 30); // without bytes on the disk
    expect(await send(port, ['hello', '--file', huge])).toMatchObject({
      status: 2,
      stderr: `serpy: ${huge} has 5368709120 bytes, and a message has at most 2147483647: split it, or send it from a program with sendStream, which has no such limit\n`,
    });
    const large = file('large', Buffer.alloc(2000));
    expect(await send(port, ['hello', '-o', 'maxMessageBytes=1000', '--file', large])).toMatchObject({
      status: 2,
      stderr: `serpy: ${large} has 2000 bytes, and the limit is 1000: add -o maxMessageBytes=2000 at both ends\n`,
    });
    expect(received).toEqual([]);
  });

  test('sends the lines of stdin, as - or when it is piped', async () => {
    const port = await serve();
    expect(await send(port, ['-'], { input: 'one\r\ntwo\n\nlast' })).toMatchObject({ status: 0 });
    expect(await send(port, [], { isTTY: false, input: 'piped\n' })).toMatchObject({ status: 0 });
    expect(values()).toEqual(['one', 'two', '', 'last', 'piped']);
  });

  test('sends lines as they come', async () => {
    const port = await serve();
    const run = new Run(['send', '--port', String(port)]);
    run.type('1\n');
    await expect.poll(values).toEqual(['1']);
    run.type('2\n');
    run.endInput();
    expect(await run.ended).toMatchObject({ status: 0 });
    expect(values()).toEqual(['1', '2']);
  });

  test('sends all of stdin as bytes with --binary', async () => {
    const bytes = Buffer.from([0, 10, 13, 255, 10]);
    const port = await serve({ protocol: 'v2' });
    expect(await send(port, ['--protocol', 'v2', '--binary'], { input: bytes })).toMatchObject({ status: 0 });
    expect(values()).toEqual([bytes]);
  });

  test('repeats, with a time between messages', async () => {
    const port = await serve();
    const startedMs = performance.now();
    expect(await send(port, ['a', 'b', '--repeat', '3', '--interval', '20ms'])).toMatchObject({ status: 0 });
    expect(performance.now() - startedMs).toBeGreaterThan(5 * 19);
    expect(values()).toEqual(['a', 'b', 'a', 'b', 'a', 'b']);
  });

  test('--replies waits for answers and prints them', async () => {
    const port = await serve({}, (connection) => {
      connection.once('close', () => {});
      void (async () => {
        while (received.length === 0) await new Promise(setImmediate);
        await connection.sendData('ACME, counter 7');
        await connection.sendData(12);
      })();
    });
    const { status, stdout } = await send(port, ['*IDN?', '--replies', '2']);
    expect([status, stdout]).toEqual([0, 'ACME, counter 7\n12\n']);
  });

  test('--replies fails when none comes', async () => {
    const port = await serve();
    const { status, stderr } = await send(port, ['*IDN?', '--replies', '1', '--timeout', '0.1']);
    expect([status, stderr]).toEqual([1, 'serpy: received 0 of 1 replies, then none for 0.1 s\n']);
  });

  test.each([[[]], [['--protocol', 'v1']], [['--protocol', 'v2']]])(
    'waits for the acknowledgement and says so: %j',
    async (args) => {
      const port = await serve();
      expect((await send(port, [...args, 'hello'])).stderr).toBe('sent 1 message, 5 bytes, acknowledged\n');
      expect(values()).toEqual(['hello']);
    },
  );

  test.each([
    ['plain v2', { protocol: 'v2' }, ['--protocol', 'v2', '-o', 'session=off']],
    ['a v2 server without sessions', { protocol: 'v2', session: 'off' }, ['--protocol', 'v2']],
    ['--no-ack over v1', { protocol: 'v1' }, ['--protocol', 'v1', '--no-ack']],
    ['--no-ack over v2', { protocol: 'v2' }, ['--protocol', 'v2', '--no-ack']],
  ])('says that nothing is confirmed without acknowledgements: %s', async (_name, options, args) => {
    const port = await serve(options as Partial<ListenOptions>);
    expect(await send(port, [...args, 'hello'])).toEqual({
      status: 0,
      stdout: '',
      stderr: 'sent 1 message, 5 bytes: handed to the network, not confirmed\n',
    });
    expect(values()).toEqual(['hello']);
  });

  test('fails over v2 where a v1 program listens', async () => {
    const port = await serve({ protocol: 'v1' }, (connection) => connection.on('warning', () => {}));
    const { status, stderr } = await send(port, ['--protocol', 'v2', 'hello']);
    expect([status, stderr]).toEqual([1, expect.stringMatching(/^serpy: [^\n]*\n$/)]);
    expect(received).toEqual([]);
  });

  test.each([[['--protocol', 'v2']], [['--protocol', 'v2', '-o', 'session=off']], [['-o', 'probeTimeoutMs=50']]])(
    'fails when a peer takes the connection and never reads: %j',
    async (args) => {
      const port = await silentServer();
      const { status, stderr } = await send(port, [
        ...args,
        '-o',
        'sessionTimeoutMs=50',
        '-o',
        'closeTimeoutMs=200',
        'hi',
      ]);
      expect([status, stderr]).toEqual([
        1,
        'serpy: 1 message was handed to the network, and the peer did not close the connection within 0.2 s: its program may have read nothing\n',
      ]);
    },
  );

  test('fails when a peer without a session resets the connection instead of closing it', async () => {
    const port = await socketServer((socket) => socket.once('end', () => socket.resetAndDestroy()).resume());
    const { status, stderr } = await send(port, ['--protocol', 'v2', '-o', 'session=off', 'hello']);
    expect([status, stderr]).toEqual([1, expect.stringMatching(/^serpy: [^\n]*\n$/)]);
  });

  test.each([
    [['192.168.1.20:5001', 'hello'], 'serpy://192.168.1.20:5001'],
    [['192.168.1.20', 'hello'], 'serpy://192.168.1.20:5001'],
    [['labpc:5001', 'hello'], 'serpy://labpc:5001'],
    [['camera.lab.example:80', 'hello'], 'serpy://camera.lab.example:80'],
    [['localhost', 'hello'], 'serpy://localhost:5001'],
    [['[::1]:5001', 'hello'], 'serpy://[::1]:5001'],
    [['fe80::1%eth0', 'hello'], 'serpy://[fe80::1%25eth0]:5001'],
    [['127.0.0.1:5001/', 'hello'], 'serpy://127.0.0.1:5001'],
    [['localhost:5001'], 'serpy://localhost:5001'],
  ])('%j is refused with the right URL, and nothing is sent', async (args, url) => {
    const port = await serve();
    const { status, stderr } = await send(port, args);
    expect([status, stderr]).toEqual([
      2,
      `serpy: '${args[0]}' is an address and not a URL: write ${url}. To send it as text, put it after the URL of the peer\n`,
    ]);
    expect(received).toEqual([]);
  });

  test.each(['serpy2', 'serpy1', 'serpy', 'lines', 'serpy2+tls'])('refuses a %s URL after a value', async (scheme) => {
    const url = `${scheme}://127.0.0.1:40123`;
    const { status, stderr } = await send(await serve(), ['hello', url]);
    expect([status, stderr]).toEqual([
      2,
      `serpy: '${url}' comes after a value: put the URL first, as in serpy send ${url} hello. To send it as text, put it after the URL of the peer\n`,
    ]);
    expect(received).toEqual([]);
  });

  test('sends as a text what only resembles an address, and an address behind a URL', async () => {
    const port = await serve();
    const texts = ['12:30', '12:30:45', 'CH1:2', 'VOLT:RANG 5', 'a.b', '1.5', '*IDN?', 'note: 5001'];
    for (const text of texts) expect(await send(port, [text])).toMatchObject({ status: 0 });
    await runToEnd(['send', `serpy://127.0.0.1:${port}`, '192.168.1.20:5001']);
    expect(values()).toEqual([...texts, '192.168.1.20:5001']);
  });

  test.each([['-'], ['--number', '-']])(
    'names the line of stdin that is wrong, after it has sent those before: %j',
    async (...args) => {
      const port = await serve();
      const isNumber = args.length > 1;
      const input = Buffer.from(isNumber ? '1\n2\nthree\n4\n' : 'one\ntwo\n20 \xb5s\nfour\n', 'latin1');
      const { status, stderr } = await send(port, args, { input });
      expect(status).toBe(isNumber ? 2 : 1);
      expect(stderr).toMatch(isNumber ? /^serpy: 'three' is not a number/ : /^serpy: line 3 of stdin is not UTF-8/);
      expect(stderr).toMatch(/; before it, 2 messages sent, acknowledged\n$/);
      expect(values()).toEqual(isNumber ? [1, 2] : ['one', 'two']);
    },
  );

  test('--encoding reads lines in another encoding', async () => {
    const port = await serve();
    const input = Buffer.from('20 \xb5s\n', 'latin1');
    expect(await send(port, ['-', '--encoding', 'latin1'], { input })).toMatchObject({ status: 0 });
    expect(values()).toEqual(['20 µs']);
    expect(await send(port, ['-', '--encoding', 'klingon'])).toMatchObject({ status: 2 });
    expect(await send(port, ['x', '--encoding', 'latin1'])).toMatchObject({ status: 2 });
  });

  test('--wait ends in time where a peer is there and does not answer', async () => {
    const port = await silentServer();
    const key = file('lab.key', generateKey());
    const startedMs = performance.now();
    const { status, stderr } = await send(port, ['x', '--key-file', key, '--wait', '0.3s']);
    expect(performance.now() - startedMs).toBeLessThan(5000);
    expect([status, stderr]).toEqual([1, expect.stringMatching(/^serpy: no server at [^\n]* within 300 ms[^\n]*\n$/m)]);
  });

  test('--wait repeats the attempt to connect, and then fails with the last error', async () => {
    const port = await serve();
    await server?.closeServer();
    const run = new Run(['send', '--port', String(port), 'hello', '--wait', '20s']);
    await new Promise((resolve) => setTimeout(resolve, 50)); // a first attempt has most likely failed by now
    await serve({ port });
    expect(await run.ended).toMatchObject({ status: 0 });
    expect(values()).toEqual(['hello']);
    const { status, stderr } = await send(1, ['hello', '--wait', '0.3s']);
    expect([status, stderr]).toEqual([1, expect.stringMatching(/^serpy: no server at [^\n]* within 300 ms[^\n]*\n$/m)]);
    expect(stderr.match(/yet: nothing listens there.*Still trying: Ctrl-C ends the wait$/gm)).toHaveLength(1);
  });

  test('is quiet with --quiet', async () => {
    const port = await serve();
    expect(await send(port, ['hello', '-q'])).toEqual({ status: 0, stdout: '', stderr: '' });
  });

  test('goes through a link that is encrypted with a key file', async () => {
    const key = file('lab.key', generateKey());
    const port = await serve({ key: { file: key } });
    expect(await send(port, ['hello', '--key-file', key])).toMatchObject({ status: 0 });
    expect(values()).toEqual(['hello']);
    const { status, stderr } = await send(port, ['hello', '--key-file', file('other.key', generateKey())]);
    expect(status).toBe(1);
    expect(stderr).toMatch(/^serpy: [^\n]*key[^\n]*\n$/);
  });

  test('fails within --timeout when the peer reads nothing', async () => {
    const port = await silentServer();
    const large = file('large', Buffer.alloc(32 * 1024 * 1024));
    const { status, stdout, stderr } = await send(port, [
      '--protocol',
      'v2',
      '--file',
      large,
      '--timeout',
      '0.3',
      '-q',
    ]);
    expect([status, stdout]).toEqual([1, '']);
    expect(stderr).toMatch(
      /serpy: the peer read nothing for 0.3 s \([\d.]+ \wB of 33.6 MB sent\): is its program reading\?\n$/,
    );
    expect(stderr).not.toMatch(/\(33.6 MB of/);
  });

  test('fails within --timeout when a v1 peer acknowledges nothing', async () => {
    const port = await silentServer();
    const args = ['--protocol', 'v1', 'hello', '--timeout', '0.3', '-o', 'modeChangeTimeoutMs=0'];
    const { status, stderr } = await send(port, args);
    expect([status, stderr]).toEqual([
      1,
      'serpy: the peer read nothing for 0.3 s (0 of 1 message acknowledged): is its program reading?\n',
    ]);
  });

  test.each([
    ['a web server', 'HTTP/1.1 400 Bad Request\r\n\r\n', 'it looks like a web server (HTTP)'],
    ['TLS', Buffer.from('15030300020246', 'hex'), 'it looks like TLS'],
    ['nothing that is known', 'hello to you', 'the peer does not speak v2'],
  ])('fails when the peer answers in another protocol: %s', async (_name, answer, words) => {
    for (const when of ['data', 'end'] as const) {
      const port = await socketServer((socket) => socket.once(when, () => socket.end(answer)).resume());
      const { status, stderr } = await send(port, ['--protocol', 'v2', 'hello']);
      expect([status, stderr], when).toEqual([1, expect.stringMatching(/^serpy: [^\n]*\n$/)]);
      expect(stderr).toContain(words);
    }
    const quiet = await socketServer((socket) => socket.once('end', () => socket.end()).resume());
    expect(await send(quiet, ['--protocol', 'v2', 'hello'])).toMatchObject({ status: 0 });
  });

  test('Ctrl-C stops it at once while it waits for the peer to close, and says what is known', async () => {
    let hasClosed = () => {};
    const closing = new Promise<void>((resolve) => {
      hasClosed = resolve;
    });
    const port = await socketServer((socket) => socket.once('end', hasClosed).resume());
    const run = new Run(['send', '--port', String(port), '--protocol', 'v2', '-o', 'closeTimeoutMs=600000', 'hello']);
    await closing;
    run.interrupt();
    expect(await run.ended).toEqual({
      status: 1,
      stdout: '',
      stderr: 'serpy: interrupted: 1 message sent, handed to the network, not confirmed\n',
    });
  });

  test('fails when the peer disconnected before everything arrived', async () => {
    const port = await serve({}, (connection) => connection.destroy());
    const { status, stderr } = await send(port, ['--no-reconnect', ...Array(50).fill('hello')]);
    expect(status).toBe(1);
    expect(stderr).toMatch(/serpy: [^\n]*\n$/);
  });

  test('Ctrl-C says how far it came, and fails', async () => {
    const port = await serve();
    const run = new Run(['send', '--port', String(port), 'hello', '--repeat', '1000', '--interval', '10s']);
    await expect.poll(values).toEqual(['hello']);
    run.interrupt();
    expect(await run.ended).toEqual({
      status: 1,
      stdout: '',
      stderr: 'serpy: interrupted: 1 message sent, of which the last may not have arrived\n',
    });
  });

  test('Ctrl-C stops it while it waits for stdin', async () => {
    const port = await serve();
    const run = new Run(['send', '--port', String(port), '-']);
    run.type('one\n');
    await expect.poll(values).toEqual(['one']);
    run.interrupt();
    expect(await run.ended).toMatchObject({
      status: 1,
      stderr: expect.stringContaining('interrupted: 1 message sent'),
    });
  });

  test('shows a progress bar from 1 MB on, on a terminal alone', async () => {
    const port = await serve({ protocol: 'v2' });
    const large = file('large', Buffer.alloc(3_000_000));
    const small = file('small', Buffer.alloc(900_000));
    const args = ['--protocol', 'v2', '--file'];
    expect((await send(port, [...args, large])).stderr).toMatch(/[█░]{30} \d+ % {2}\S+ \S+ of 3 MB/);
    expect((await send(port, [...args, small])).stderr).not.toMatch(/[█░]/);
    const { stdout, stderr } = await send(port, [...args, large], { isTTY: false, input: '' });
    expect([stdout, stderr]).toEqual([
      '',
      expect.stringMatching(/^sent 1 message, 3 MB in \d+\.\d s, \S+ \S+\/s, acknowledged\n$/),
    ]);
  });

  /** Accepts and never reads. */
  const silentServer = () => socketServer((socket) => socket.pause());

  /** No server of serpy: what it does with each socket is up to the test. */
  async function socketServer(each: (socket: Socket) => void): Promise<number> {
    const sockets: Socket[] = [];
    const raw = createServer({ pauseOnConnect: true, allowHalfOpen: true }, (socket) => {
      sockets.push(socket);
      each(socket);
    }).listen(0, '127.0.0.1');
    await new Promise((resolve) => raw.once('listening', resolve));
    onTestFinished(() => {
      for (const socket of sockets) socket.destroy();
      raw.close();
    });
    return (raw.address() as { port: number }).port;
  }
});
