/** examples/python/serpy_session.py and serpy for Node: values, requests, acknowledgements, streams and peers without sessions. */
import { once } from 'node:events';
import { type AddressInfo, createServer } from 'node:net';
import { type Connection, connect, listen } from 'serpy';
import { afterEach, describe, expect, test } from 'vitest';
import { titled } from '../interop/python-peer.js';
import { killPrograms, type Program } from '../program.js';
import { best, type Python, python, pythons, titleOf } from './peer.js';

afterEach(killPrograms);

const client = 'c = Connection("127.0.0.1", int(sys.argv[1]), session="require", name="python")\n';
const server =
  's = Server("127.0.0.1", 0, session="require", name="python").start()\nprint("port", s.port)\nc = s.getConnection()\n';

interface Ends {
  readonly program: Program;
  readonly connection: Connection<'v2'>;
  close(): Promise<unknown>;
}

/** Python in a role, and its connection to Node. */
async function ends(role: 'client' | 'server', code: string, by: Python | undefined = best, first = ''): Promise<Ends> {
  if (role === 'client') {
    const ours = await listen({ protocol: 'v2', port: 0, session: 'require' });
    const program = python(first + client + code, [ours.address.port], by);
    return { program, connection: await ours.getConnection(), close: () => ours.closeServer() };
  }
  const program = python(first + server + code, [], by);
  const [, port] = await program.until(/port (\d+)\n/);
  const connection = await connect({ protocol: 'v2', port: Number(port), session: 'require' });
  return { program, connection, close: () => connection.close() };
}

/** As on a computer that has neither. */
const withoutLibraries = 'import serpy_session\nserpy_session._library = serpy_session.np = None\n';

const everything = `
c.onRequest(lambda question: question + "?" if question != "fail" else 1 / 0)
for value in (42, -1, 21.5, float("inf"), "20 µs", "", b"", bytes(70000)):
    c.sendData(value)
    back = c.getData(timeout=20)
    assert type(back) is type(value) and back == value, value
c.sendData("received", acknowledge="received", timeout=20)
c.sendData("consumed", acknowledge="consumed", timeout=20)
print("peer", c.peerName, c.inSession)
print("answer", c.request("hello", timeout=20))
try:
    c.request("fail", timeout=20)
except RequestFailed as error:
    print("failed", error, error.code)
print("stream", c.sendStream(n.to_bytes(4, "little") * 25000 for n in range(10)))
with c.getStream(timeout=20) as stream:
    print("streamed", len(stream.read()))
with c.getStream(timeout=20) as stream:
    stream.read(10)
try:
    c.sendStream(iter(lambda: bytes(1000), b""), timeout=20)
except StreamError as error:
    print("cancelled", error)
c.close("done")
`;

async function answer({ connection }: Ends): Promise<unknown[]> {
  connection.onRequest((question) => {
    if (question === 'fail') throw Object.assign(new Error('it broke'), { code: 'EIO' });
    return `${question}!`;
  });
  const asked = connection
    .request('ready')
    .then((value) => connection.request('fail').catch((error) => [value, error.peerCode]));
  for (let n = 0; n < 8; n++) await connection.sendData((await connection.getMessage()).value as never);
  expect([await connection.getData(), await connection.getData()]).toEqual(['received', 'consumed']);
  let bytes = 0;
  for await (const chunk of await connection.getStream()) bytes += chunk.length;
  await connection.sendStream([Buffer.alloc(300_000), Buffer.alloc(5)]);
  const endless = connection
    .sendStream(
      (async function* () {
        for (;;) yield Buffer.alloc(100_000);
      })(),
    )
    .catch((error) => error.code);
  const cancelled = await endless;
  for await (const _ of await connection.getStream()) break;
  return [bytes, cancelled, ...((await asked) as unknown[])];
}

test.skipIf(pythons.length > 0)('Python is installed (skipped: there is no python3 on this machine)', () => {
  if (process.env.REQUIRE_TEST_TOOLS) throw new Error('python3 is missing');
});

const programs: [string, Python, string][] = pythons.map((each) => [titleOf(each), each, '']);
if (best) programs.push([`Python ${best.version} without numpy and xxHash`, best, withoutLibraries]);

describe.each(programs)('%s', (_, by, first) => {
  test.each(['client', 'server'] as const)(
    'as a %s exchanges everything that a session can',
    { timeout: 60_000 },
    async (role) => {
      const both = await ends(role, everything, by, first);
      expect(await answer(both)).toEqual([1_000_000, 'ERR_SERPY_STREAM_CANCELLED', 'ready?', 'ZeroDivisionError']);
      const { status, stdout, stderr } = await both.program.ended;
      expect({ status, stderr }).toEqual({ status: 0, stderr: '' });
      expect(stdout).toContain('answer hello!\nfailed the other end did not answer the request: it broke EIO\n');
      expect(stdout).toContain('stream 1000000\nstreamed 300005\ncancelled the receiver cancelled the stream');
      await both.close();
    },
  );
});

describe('40,000 small messages', () => {
  test.skipIf(!best).each(['client', 'server'] as const)(
    'with Python as a %s come back in order',
    { timeout: 120_000 },
    async (role) => {
      const both = await ends(role, 'for n in c:\n    c.sendData(n)\n');
      const sent = (async () => {
        for (let n = 0; n < 40_000; n++) await both.connection.sendData(n);
      })();
      for (let n = 0; n < 40_000; n++) expect(await both.connection.getData()).toBe(n);
      await sent;
      await both.connection.close();
      expect(await both.program.ended).toMatchObject({ status: 0, stderr: '' });
      await both.close();
    },
  );
});

describe('numpy', () => {
  const array = pythons.find(({ numpy }) => numpy);
  test.skipIf(!array)(
    titled('arrays arrive with their type and shape, in both directions', !!array, 'numpy'),
    async () => {
      const code = `
import numpy as np
for array in (np.arange(6, dtype=np.uint16).reshape(2, 3), np.asfortranarray(np.eye(3)), np.zeros((0, 4), "f4"), np.float64(2.5), np.array(7)):
    c.sendData(array)
back = c.getData(timeout=20)
back[0, 0] = 9
print(back.dtype, back.shape, back.tolist())
c.close()
`;
      const both = await ends('client', code, array);
      const first = await both.connection.getArray();
      expect([first.dtype, first.shape, [...first.data]]).toEqual(['uint16', [2, 3], [0, 1, 2, 3, 4, 5]]);
      const second = await both.connection.getArray();
      expect([second.dtype, second.shape, [...second.data]]).toEqual(['float64', [3, 3], [1, 0, 0, 0, 1, 0, 0, 0, 1]]);
      expect((await both.connection.getArray()).shape).toEqual([0, 4]);
      expect(await both.connection.getData()).toBe(2.5);
      expect((await both.connection.getArray()).shape).toEqual([]);
      await both.connection.sendData({ data: new Float32Array([1, 2, 3, 4]), shape: [2, 2] });
      await both.program.until(/float32 \(2, 2\) \[\[9\.0, 2\.0\], \[3\.0, 4\.0\]\]\n/);
      await both.close();
    },
  );
});

describe('a peer without sessions', () => {
  /** The peer of the page on other languages, in 15 lines. */
  const plain = `
import socket, struct
peer = socket.create_connection(("127.0.0.1", int(sys.argv[1])))
text = b"temperature?"
peer.sendall(struct.pack("<5sBII", b"\\xde\\xca\\xfe\\xca\\xfe", 0x21, sum(text), len(text)) + text)
with peer.makefile("rb") as stream:
    while True:
        magic, kind, check, length = struct.unpack("<5sBII", stream.read(14))
        payload = stream.read(length)
        if sum(payload) % 2**32 == check:
            print(kind, payload.decode())
            break
`;

  test.skipIf(!best)(titled('asks a Python server', !!best), async () => {
    const code =
      's = Server("127.0.0.1", 0).start()\nprint("port", s.port)\nfor c in s:\n    print(c.getData(20), c.inSession)\n    c.sendData(21.5)';
    const serving = python(code);
    const [, port] = await serving.until(/port (\d+)\n/);
    expect((await python(plain, [port as string]).ended).stdout).toBe('17 0x1.5800000000000p+4\n');
    await serving.until(/temperature\? False\n/);
  });

  test.skipIf(!best)(titled('is asked by a Python client', !!best), async () => {
    const ours = createServer((socket) => {
      socket.on('error', () => {});
      socket.resume();
      socket.write(Buffer.from('decafecafe211402000005000000', 'hex'));
      socket.write('hello');
    }).listen(0, '127.0.0.1');
    await once(ours, 'listening');
    const { port } = ours.address() as AddressInfo;
    const code =
      'c = Connection("127.0.0.1", int(sys.argv[1]))\nprint(c.getData(20), c.inSession)\nc.sendData(1)\nos._exit(0)';
    expect((await python(code, [port]).ended).stdout).toBe('hello False\n');
    ours.close();
  });

  test.skipIf(!best)(titled('is a serpy client that tries every protocol', !!best), async () => {
    const code =
      's = Server("127.0.0.1", 0).start()\nprint("port", s.port)\nfor c in s:\n    for data in c:\n        c.sendData(data)';
    const serving = python(code);
    const [, port] = await serving.until(/port (\d+)\n/);
    for (const session of ['require', 'off'] as const) {
      const connection = await connect({ protocol: 'auto', port: Number(port), session });
      await connection.sendData('hello');
      expect([await connection.getData({ timeoutMs: 15_000 }), connection.inSession]).toEqual([
        'hello',
        session === 'require',
      ]);
      await connection.close();
    }
  });
});
