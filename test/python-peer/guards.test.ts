/** The server of examples/python/serpy_session.py, and clients that want what is not theirs. */
import { once } from 'node:events';
import { connect as dial, type Socket } from 'node:net';
import { afterEach, expect, onTestFinished, test } from 'vitest';
import { resumeProof } from '../../packages/serpy-v2/src/session/resume-credentials.js';
import { record } from '../../packages/serpy-v2/test/reliable/wire.js';
import { u64, writeHandshakeFrame } from '../docs/handshake-frames.js';
import { titled } from '../interop/python-peer.js';
import { killPrograms } from '../program.js';
import { best, echo, python } from './peer.js';

afterEach(killPrograms);

const common: [number, Buffer][] = [
  [0x01, u64(1, 1)],
  [0x02, u64(67_108_864)],
  [0x03, u64(5000)],
  [0x04, Buffer.alloc(16)],
  [0x05, u64(1_000_000)],
  [0x07, u64(60_000)],
];
const ack = record(0x02, u64(0, 0, 1_000_000));

async function link(port: number): Promise<Socket> {
  const socket = dial(port, '127.0.0.1');
  onTestFinished(() => void socket.destroy());
  socket.on('error', () => {});
  await once(socket, 'connect');
  return socket;
}

/** The fields of the WELCOME that answers a HELLO. */
async function greet(socket: Socket, fields: [number, Buffer][] = []): Promise<Map<number, Buffer>> {
  socket.write(writeHandshakeFrame('HELLO', [...common, ...fields]));
  let bytes = Buffer.alloc(0);
  while (bytes.length < 14 || bytes.length < 14 + bytes.readUInt32LE(10)) {
    const [chunk] = (await once(socket, 'data')) as [Buffer];
    bytes = Buffer.concat([bytes, chunk]);
  }
  const found = new Map<number, Buffer>();
  for (let at = 14 + 12; at < 14 + bytes.readUInt32LE(10) - 4; at += 3 + bytes.readUInt16LE(at + 1))
    found.set(bytes.readUInt8(at), bytes.subarray(at + 3, at + 3 + bytes.readUInt16LE(at + 1)));
  return found;
}

async function serving(code = echo): Promise<number> {
  const program = python(code);
  return Number((await program.until(/port (\d+)\n/))[1]);
}

/** A session, and what resumes it. */
async function session(port: number) {
  const first = await link(port);
  const welcome = await greet(first);
  first.write(ack);
  const given = welcome.get(0x08) as Buffer;
  const [id, secret] = [given.subarray(0, 16), given.subarray(16)];
  return async (attempt: number, received = 0, proof = resumeProof({ id, secret }, attempt)) => {
    const answer = await greet(await link(port), [
      [0x81, id],
      [0x82, proof],
      [0x83, u64(attempt, received, 0)],
    ]);
    return answer.has(0x84) ? 'lost' : answer.has(0x83) ? 'resumed' : 'refused';
  };
}

test.skipIf(!best)(
  titled('a session is resumed with its proof and a new attempt only', !!best),
  { timeout: 60_000 },
  async () => {
    const port = await serving();
    const resume = await session(port);
    expect(await resume(1)).toBe('resumed');
    expect(await resume(2)).toBe('resumed');
    expect(await resume(2)).toBe('lost'); // an attempt that somebody has seen
    expect(await resume(1)).toBe('lost');
    expect(await resume(3, 0, Buffer.alloc(32))).toBe('lost');
    expect(await resume(3)).toBe('lost'); // also a wrong proof uses its attempt up
    expect(await resume(4, 1)).toBe('lost'); // nothing was sent
    expect(await resume(5)).toBe('resumed');
  },
);

test.skipIf(!best)(
  titled('one client more than nb_conn is disconnected, and the others stay', !!best),
  { timeout: 60_000 },
  async () => {
    const port = await serving(echo.replace('"127.0.0.1", 0', '"127.0.0.1", 0, 1, session="require"'));
    const one = await link(port);
    await greet(one);
    one.write(ack);
    one.resume();
    await new Promise((resolve) => one.once('data', resolve)); // its ACK
    const other = await link(port);
    await greet(other);
    other.write(ack);
    other.resume();
    await once(other, 'close');
    expect(one.readableEnded).toBe(false);
  },
);

test.skipIf(!best)(
  titled('a client without a session is disconnected where one is required', !!best),
  { timeout: 60_000 },
  async () => {
    const port = await serving(echo.replace('"127.0.0.1", 0', '"127.0.0.1", 0, session="require"'));
    const socket = await link(port);
    socket.write(Buffer.from('decafecafe21140200000500000068656c6c6f', 'hex'));
    const received: Buffer[] = [];
    socket.on('data', (bytes: Buffer) => received.push(bytes));
    await once(socket, 'close');
    expect(received).toEqual([]);
  },
);

test.skipIf(!best)(titled('a session of another certificate is not resumed', !!best), { timeout: 60_000 }, async () => {
  const program = python(`
s = Server("127.0.0.1", 0, session="require").start()
c = Connection("127.0.0.1", s.port, session="require")
first = s.getConnection(timeout=20)
first._session.identity = b"the certificate of another client"
c._link.kill()
second = s.getConnection(timeout=20)
second.sendData("a new session")
print(c.getData(timeout=20), second is not first)
os._exit(0)
`);
  expect((await program.ended).stdout).toBe('a new session True\n');
});
