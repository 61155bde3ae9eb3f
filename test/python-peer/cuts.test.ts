/** examples/python/serpy_session.py and serpy for Node through broken connections: each message arrives once and in order. */
import { createHash } from 'node:crypto';
import { type Connection, connect, listen } from 'serpy';
import { FaultProxy } from 'serpy-fault-proxy';
import { afterEach, describe, expect, test } from 'vitest';
import { titled } from '../interop/python-peer.js';
import { killPrograms, type Program } from '../program.js';
import { best, python } from './peer.js';

const cuts = 200;
const messages = 200;
const messageBytes = 512 * 1024;

afterEach(killPrograms);

/** Each connection breaks once so many bytes have passed in a direction, until there were enough of them. */
function breaking(port: number, direction: 'up' | 'down') {
  const plan = (index: number) =>
    index < cuts
      ? { [direction]: { cut: { atByte: 380_000 + ((index * 7919) % 90_000), how: index % 2 ? 'rst' : 'fin' } } }
      : {};
  return new FaultProxy({ target: { port }, plan: plan as never }).start();
}

const pythonSends = `
for n in range(${messages}):
    block = hashlib.sha256(struct.pack("<I", n)).digest()
    c.sendData(struct.pack("<I", n) + block * (${messageBytes} // 32))
c.sendData("end", acknowledge="received", timeout=100)
print("sent", c.lost)
`;

const pythonReceives = `
right = 0
while True:
    data = c.getData(timeout=100)
    if isinstance(data, str):
        break
    block = hashlib.sha256(struct.pack("<I", right)).digest()
    assert data == struct.pack("<I", right) + block * (${messageBytes} // 32), right
    right += 1
print("received", right)
`;

const client = 'c = Connection("127.0.0.1", int(sys.argv[1]), session="require")\n';
const server = 's = Server("127.0.0.1", 0, session="require").start()\nprint("port", s.port)\nc = s.getConnection()\n';

function messageOf(n: number): Buffer {
  const head = Buffer.alloc(4);
  head.writeUInt32LE(n);
  const block = createHash('sha256').update(head).digest();
  return Buffer.concat([head, Buffer.alloc(messageBytes, block)]);
}

/** Node's part. It throws if a message is missing, repeated, damaged or in another place. */
async function receiveAll(connection: Connection): Promise<number> {
  let right = 0;
  for await (const data of connection) {
    if (data === 'end') break;
    if (!(data as Buffer).equals(messageOf(right))) throw new Error(`message ${right} is wrong`);
    right += 1;
  }
  return right;
}

async function sendAll(connection: Connection): Promise<void> {
  for (let n = 0; n < messages; n++) await connection.sendData(messageOf(n));
  await connection.sendData('end', { acknowledge: 'received' });
}

/** Python as a client of Node, or as its server. Returns both ends and the proxy between them. */
async function stage(role: 'client' | 'server', direction: 'up' | 'down', code: string) {
  if (role === 'client') {
    const ours = await listen({ protocol: 'v2', port: 0, session: 'require' });
    const proxy = await breaking(ours.address.port, direction);
    const program = python(client + code, [proxy.address.port]);
    const connection = await ours.getConnection();
    return { program, connection, proxy, close: () => ours.closeServer() };
  }
  const program = python(server + code);
  const [, port] = await program.until(/port (\d+)\n/);
  const proxy = await breaking(Number(port), direction);
  const connection = await connect({ protocol: 'v2', port: proxy.address.port, session: 'require' });
  return { program, connection, proxy, close: () => connection.close() };
}

/** Ends everything. */
async function strike(ends: { program: Program; proxy: FaultProxy; close(): Promise<unknown> }): Promise<void> {
  await ends.program.ended;
  await ends.proxy.close();
  await ends.close();
}

describe(`100 MiB through ${cuts} broken connections`, () => {
  for (const role of ['client', 'server'] as const) {
    const timeout = 120_000;
    test.skipIf(!best)(titled(`Python as a ${role} sends`, !!best), { timeout }, async () => {
      const ends = await stage(role, role === 'client' ? 'up' : 'down', `${pythonSends}\ntime.sleep(1)\nc.close()`);
      expect(await receiveAll(ends.connection)).toBe(messages);
      await ends.program.until(/sent \[\]\n/);
      expect(ends.proxy.linkCount).toBeGreaterThan(cuts);
      await strike(ends);
    });

    test.skipIf(!best)(titled(`Python as a ${role} receives`, !!best), { timeout }, async () => {
      const ends = await stage(role, role === 'client' ? 'down' : 'up', `${pythonReceives}\nc.close()`);
      await sendAll(ends.connection);
      await ends.program.until(new RegExp(`received ${messages}\n`));
      expect(ends.proxy.linkCount).toBeGreaterThan(cuts);
      await strike(ends);
    });
  }
});
