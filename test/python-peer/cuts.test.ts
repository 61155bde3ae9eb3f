/** examples/python/serpy_session.py and serpy for Node through broken connections: each message arrives once and in order. */
import { createHash } from 'node:crypto';
import { type Connection, connect, listen } from 'serpy';
import { FaultProxy } from 'serpy-fault-proxy';
import { afterEach, describe, expect, test } from 'vitest';
import { titled } from '../interop/python-peer.js';
import { killPrograms } from '../program.js';
import { best, python } from './peer.js';

const cuts = 200;
const messages = 200;
const messageBytes = 512 * 1024;

afterEach(killPrograms);

/** Each connection breaks once so many bytes have passed in one direction, until there were enough of them: less than a 200th of all. */
function breaking(port: number) {
  const cut = (index: number) => ({
    cut: { atByte: 380_000 + ((index * 7919) % 90_000), how: index % 4 < 2 ? ('rst' as const) : ('fin' as const) },
  });
  const plan = (index: number) => (index < cuts ? { up: cut(index), down: cut(index + 1) } : {});
  return new FaultProxy({ target: { port }, plan }).start();
}

/** Sends and receives at the same time, and checks each byte. */
const bothWays = `
import threading
def message(n):
    return struct.pack("<I", n) + hashlib.sha256(struct.pack("<I", n)).digest() * (${messageBytes} // 32)
def send():
    for n in range(${messages}):
        c.sendData(message(n))
    c.sendData("end", acknowledge="received", timeout=250)
    print("sent", c.lost)
sender = threading.Thread(target=send)
sender.start()
right = 0
while True:
    data = c.getData(timeout=250)
    if isinstance(data, str):
        break
    assert data == message(right), right
    right += 1
print("received", right)
sender.join()
c.sendData("over", acknowledge="consumed", timeout=60)
c.close()
`;

function messageOf(n: number): Buffer {
  const head = Buffer.alloc(4);
  head.writeUInt32LE(n);
  const block = createHash('sha256').update(head).digest();
  return Buffer.concat([head, Buffer.alloc(messageBytes, block)]);
}

/** Node's part. It throws if a message is missing, repeated, damaged or in another place. */
async function receiveAll(connection: Connection<'v2'>): Promise<number> {
  let right = 0;
  for await (const data of connection) {
    if (data === 'end') break;
    if (!(data as Buffer).equals(messageOf(right))) throw new Error(`message ${right} is wrong`);
    right += 1;
  }
  return right;
}

async function sendAll(connection: Connection<'v2'>): Promise<void> {
  for (let n = 0; n < messages; n++) await connection.sendData(messageOf(n));
  await connection.sendData('end', { acknowledge: 'received' });
}

/** Python as a client of Node, or as its server, with the proxy between them. */
async function stage(role: 'client' | 'server') {
  if (role === 'client') {
    const ours = await listen({ protocol: 'v2', port: 0, session: 'require' });
    const proxy = await breaking(ours.address.port);
    const code = `c = Connection("127.0.0.1", int(sys.argv[1]), session="require")${bothWays}`;
    const program = python(code, [proxy.address.port]);
    return { program, connection: await ours.getConnection(), proxy, close: () => ours.closeServer() };
  }
  const code = `s = Server("127.0.0.1", 0, session="require").start()\nprint("port", s.port)\nc = s.getConnection()${bothWays}`;
  const program = python(code);
  const [, port] = await program.until(/port (\d+)\n/);
  const proxy = await breaking(Number(port));
  const connection = await connect({ protocol: 'v2', port: proxy.address.port, session: 'require' });
  return { program, connection, proxy, close: () => connection.close() };
}

describe(`100 MiB in each direction through ${cuts} broken connections`, () => {
  test.skipIf(!best).each(['client', 'server'] as const)(
    titled('arrive once and in order with Python as a %s', !!best),
    { timeout: 600_000 },
    async (role) => {
      const { program, connection, proxy, close } = await stage(role);
      const [received] = await Promise.all([receiveAll(connection), sendAll(connection)]);
      expect(received).toBe(messages);
      expect(await connection.getData()).toBe('over');
      const { status, stdout, stderr } = await program.ended;
      expect([status, stderr]).toEqual([0, '']);
      expect(stdout).toContain('sent []\n');
      expect(stdout).toContain(`received ${messages}\n`);
      expect(proxy.linkCount).toBeGreaterThan(cuts);
      await close();
      await proxy.close();
    },
  );
});
