/** A peer, or a file, that puts escape sequences into whatever it can say: none of it reaches the terminal. */
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { connect as connectRaw, createServer, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Connection, connect, listen } from 'serpy';
import { afterEach, beforeEach, describe, expect, onTestFinished, test } from 'vitest';
import { encodeWelcome } from '../../serpy-v2/src/handshake/hello-welcome.js';
import { Run } from './run.js';

/** The clipboard (OSC 52), the title, the screen and a color (CSI), the same as C1, other controls, and what turns the direction or the line. */
const evil =
  'A\x1b]52;c;ZXZpbA==\x07\x1b]0;title\x1b\\\x1b[2J\x1b[31mB\u009b2J\u009d0;t\u009c\u0085\u202eC\u2066\u200f\u061c\u2028\u2029\r\x08\x7f\x00Z';
const evilLatin1 = Buffer.from('A\x1b]0;t\x07\x1b[2J\x9b2J\x9d0;t\x9c\x85\x08\x7fZ', 'latin1');

/** What a terminal would act upon; lines end with LF. */
const acting = /[\x00-\x09\x0b-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069]/;

let folder = '';
let runs: Run[] = [];

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'serpy-hostile-'));
});

afterEach(async () => {
  for (const run of runs) {
    run.interrupt();
    run.endInput();
    await run.ended;
  }
  runs = [];
  rmSync(folder, { recursive: true });
});

/** A command in a terminal without colors; chat with pipes, because its line editor moves the cursor. */
function start(args: readonly string[], isTTY = args[0] !== 'chat'): Run {
  const run = new Run(args, { isTTY, env: { NO_COLOR: '1' } });
  runs.push(run);
  return run;
}

/** Ends the command, and looks at what stands on the terminal: the text came, and does nothing. */
async function seen(run: Run, shown = /A\\+u001b\]/): Promise<void> {
  await run.until(shown);
  run.interrupt();
  run.endInput();
  const { stdout, stderr } = await run.ended;
  expect(acting.exec(`${stdout}${stderr}`)).toBeNull();
  expect(`${stdout}${stderr}`).toMatch(shown);
}

/** A server of bare sockets. Resolves with its port. */
async function serveRaw(each: (socket: Socket) => void): Promise<number> {
  const sockets: Socket[] = [];
  const server = createServer((socket) => {
    sockets.push(socket.on('error', () => {}));
    each(socket);
  }).listen(0, '127.0.0.1');
  await new Promise((resolve) => server.once('listening', resolve));
  onTestFinished(() => {
    for (const socket of sockets) socket.destroy();
    server.close();
  });
  return (server.address() as { port: number }).port;
}

/** A server that sends a message to each client. */
async function serve(say: (connection: Connection<'v2'>) => unknown): Promise<number> {
  const server = await listen({ protocol: 'v2', port: 0 });
  onTestFinished(() => server.closeServer());
  server.on('connection', async (connection) => {
    connection.on('warning', () => {});
    await say(connection);
    for await (const _ of connection);
  });
  return server.address.port;
}

/** Connects to a command that listens, and writes bytes. */
function write(port: string, bytes: Uint8Array): void {
  const socket = connectRaw(Number(port), '127.0.0.1', () => socket.write(bytes)).on('error', () => {});
  onTestFinished(() => void socket.destroy());
}

const portOf = async (run: Run) => (await run.until(/127\.0\.0\.1:(\d+)/))[1] as string;

/** The refusal of a handshake, with a reason. */
const refusal = encodeWelcome({
  instance: Buffer.alloc(16, 1),
  maxMessageBytes: 1000,
  pingIntervalMs: 0,
  limit: 1_000_000,
  encrypted: false,
  result: { kind: 'refused', reason: `${evil}${'long '.repeat(300)}END` },
});

/** Answers the question for the protocol, and refuses the handshake. */
function refuse(socket: Socket): void {
  const isProbe = (chunk: Buffer) => chunk[0] === 1;
  socket.on('data', (chunk) =>
    socket.write(isProbe(chunk) ? Buffer.from('decafecafe81ffffffff00000000', 'hex') : refusal),
  );
}

describe('escape sequences of a peer do nothing to the terminal', () => {
  test.each([[['listen']], [['listen', '--show-sender']], [['listen', '--json']], [['chat', '--listen']]])(
    'as a text, to serpy %j',
    async (args) => {
      const run = start([...args, '--port', '0']);
      const port = Number(await portOf(run));
      const connection = await connect({ autoRestart: false, protocol: 'v2', port });
      onTestFinished(() => connection.destroy());
      await connection.sendData(evil);
      await seen(run);
    },
  );

  test.each([
    [['listen', '--connect', '--no-reconnect']],
    [['chat', '--no-reconnect']],
    [['send', 'x', '--replies', '2']],
  ])('as a text, from the server of serpy %j', async (args) => {
    const port = await serve((connection) => connection.sendData(evil));
    await seen(start([...args, '--protocol', 'v2', '--port', String(port)]));
  });

  test.each([[['listen', '--connect', '--no-reconnect']], [['chat', '--no-reconnect']]])(
    'as the reason of a close, to serpy %j',
    async (args) => {
      const port = await serve(async (connection) => {
        await connection.sendData('there is a session', { acknowledge: 'received' });
        await connection.close({ reason: evil });
      });
      await seen(start([...args, '--protocol', 'v2', '-o', 'session=prefer', '--port', String(port)]));
    },
  );

  test.each([
    [['send', 'x']],
    [['send', 'x', '--debug']],
    [['listen', '--connect', '--no-reconnect']],
    [['listen', '--connect']],
    [['chat', '--no-reconnect']],
    [['chat']],
    [['bench']],
    [['doctor']],
    [['doctor', '--json']],
  ])('as the reason of a refused handshake, to serpy %j', async (args) => {
    const port = await serveRaw(refuse);
    const session = args[0] === 'doctor' ? [] : ['-o', 'session=require'];
    const run = start([...args, '--protocol', 'v2', '--port', String(port), ...session]);
    await seen(run);
    expect(run.stderr).not.toContain('END');
  });

  test.each([[[]], [['--no-reconnect']]])('as the reason of a refused handshake, to serpy record %j', async (args) => {
    const port = await serveRaw(refuse);
    const url = `serpy2://127.0.0.1:${port}?session=require`;
    await seen(start(['record', url, join(folder, 'run'), ...args]));
  });

  test('as the reason of a refused handshake, to serpy replay', async () => {
    const made = recording({ file: 'bytes.bin', offset: 0, length: 0 });
    const port = await serveRaw(refuse);
    await seen(start(['replay', made, `serpy2://127.0.0.1:${port}?session=require`, '--connect']));
  });

  test.each([
    [['listen']],
    [['listen', '--json']],
    [['chat', '--listen']],
    [['record', '--listen', 'serpy://127.0.0.1:0', 'RUN']],
    [['bench', '--listen']],
  ])('as a control word of v1, to serpy %j', async (args) => {
    const named = args.map((each) => (each === 'RUN' ? join(folder, 'run') : each));
    const run = start(args[0] === 'record' ? named : [...named, '--port', '0']);
    const port = await portOf(run);
    write(port, Buffer.concat([Buffer.of(1), evilLatin1, Buffer.of(0x1f)]));
    await run.until(/control (?:block|command) .*A\\u001b\]/);
    write(port, Buffer.from('\x01B\x9b2J\x9d0;\x1f', 'latin1'));
    await seen(run, /control command .*B\\u009b2J/);
  });

  test('as names in a pickle, and as its texts', async () => {
    const run = start(['listen']);
    const port = await portOf(run);
    const connection = await connect({ autoRestart: false, protocol: 'v1', port: Number(port) });
    onTestFinished(() => connection.destroy());
    await connection.sendData(new Map([[evil, [evil]]]), { mode: 4 });
    await run.until(/A\\u001b\]/);
    const unread = Buffer.from(`\x80\x02c${evilLatin1.toString('latin1')}\nB\n)R.`, 'latin1');
    await connection.sendData({ bytes: unread } as never, { mode: 4 }).catch(() => {});
    await seen(run);
  });

  test('as the type of an array', async () => {
    const run = start(['listen', '--port', '0']);
    const connection = await connect({ autoRestart: false, protocol: 'v2', port: Number(await portOf(run)) });
    onTestFinished(() => connection.destroy());
    const header = `{'descr': '${evilLatin1.toString('latin1')}', 'fortran_order': False, 'shape': (1,), }\n`;
    const npy = Buffer.concat([
      Buffer.from('\x93NUMPY\x01\x00', 'latin1'),
      Buffer.of(header.length & 255, header.length >> 8),
      Buffer.from(header, 'latin1'),
      Buffer.alloc(8),
    ]);
    await connection.sendData(npy);
    await seen(run, /bytes: /);
  });

  test.each([
    ['a name of a file', { file: evil, offset: 0, length: 0 }],
    ['a type that is none', { type: evil, file: 'values.jsonl', line: 5 }],
  ])('as %s in a recording that serpy replay reads', async (_name, line) => {
    const port = await serve(() => {});
    await seen(start(['replay', recording(line), `serpy2://127.0.0.1:${port}`, '--connect']), /damaged/);
  });

  test('as what is typed', async () => {
    const { stdout, stderr } = await start([`${evil}`]).ended;
    expect(acting.exec(`${stdout}${stderr}`)).toBeNull();
    const folderName = join(folder, 'A\x1b]0;t\x07');
    mkdirSync(folderName);
    const key = await start(['keygen', join(folderName, 'lab.key')]).ended;
    expect(acting.exec(`${key.stdout}${key.stderr}`)).toBeNull();
    expect(key.stdout).toContain('A\\u001b]0;t\\u0007');
  });

  /** A recording of one line. */
  function recording(line: object): string {
    const path = join(folder, 'made');
    mkdirSync(path);
    const about = { format: 'serpy-recording', version: 2, startedWallMs: 0, url: 'serpy2://127.0.0.1:1' };
    writeFileSync(join(path, 'recording.json'), JSON.stringify(about));
    writeFileSync(
      join(path, 'index.jsonl'),
      `${JSON.stringify({ n: 0, timeMs: 0, wallMs: 0, type: 'bytes', ...line })}\n`,
    );
    for (const name of ['values.jsonl', 'bytes.bin']) writeFileSync(join(path, name), '');
    return path;
  }
});
