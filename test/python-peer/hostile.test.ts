/** examples/python/serpy_session.py with peers that break the protocol: one clear exception, and bounded memory. */
import { once } from 'node:events';
import { type AddressInfo, connect as connectSocket, createServer, type Socket } from 'node:net';
import { connect } from 'serpy';
import { afterEach, describe, expect, test } from 'vitest';
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
];
const welcome = writeHandshakeFrame('WELCO', [...common, [0x08, Buffer.alloc(48, 1)], [0x09, u64(0)]]);
const frame = (text: string) =>
  Buffer.concat([Buffer.from('decafecafe2100000000', 'hex'), Buffer.of(text.length, 0, 0, 0), Buffer.from(text)]);
/** A frame of a session, whose checksum field is 0. */
const framed = (type: number, payload: Uint8Array, length = payload.length) => {
  const head = Buffer.from('decafecafe000000000000000000', 'hex');
  head.writeUInt8(type, 5);
  head.writeUInt32LE(length, 10);
  return Buffer.concat([head, payload]);
};
const asked = (number: number) => framed(0x42, Buffer.concat([Buffer.of(0, 0x21), Buffer.alloc(6), u64(number)]));
const streamed = (kind: number, position: number, bytes = 0) =>
  framed(0x41, Buffer.concat([Buffer.of(kind), u64(1, position), Buffer.alloc(bytes)]));
const damaged = record(0x01, frame('hello'));
damaged.writeUInt8(damaged.readUInt8(20) ^ 1, 20);

/** A server that answers HELLO with these bytes, again on each connection. */
async function answering(bytes: Buffer) {
  const sockets: Socket[] = [];
  const server = createServer((socket) => {
    sockets.push(socket);
    socket.on('error', () => {});
    socket.once('data', () => socket.write(bytes));
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  const close = () => {
    for (const socket of sockets) socket.destroy();
    server.close();
  };
  return { port: (server.address() as AddressInfo).port, close };
}

const reading = `
try:
    c = Connection("127.0.0.1", int(sys.argv[1]), timeout=5, auto_restart=False, session="require", receive_bytes=500_000)
    c.getData(timeout=10)
except SerpyError as error:
    print(type(error).__name__, error)
os._exit(0)
`;

const cases: [string, Buffer, RegExp][] = [
  [
    'that speaks HTTP',
    Buffer.from('HTTP/1.1 400 Bad Request\r\n'),
    /^ProtocolError the other end does not speak serpy v2/,
  ],
  ['that uses TLS', Buffer.from('15030300020246', 'hex'), /^AuthError the other end uses encryption: give key or tls/],
  [
    'that announces 4 GB',
    Buffer.from('decafecafe8100000000ffffffff', 'hex'),
    /^ProtocolError .*4,294,967,295 bytes; at most/,
  ],
  ['that sends an unknown type', Buffer.from('decafecafe7e780000000100000078', 'hex'), /^ProtocolError .*type 7e/],
  [
    'whose WELCOME lacks a field',
    writeHandshakeFrame('WELCO', common.slice(1)),
    /^ConnectionClosed .*field of the HELLO or WELCOME is missing/,
  ],
  [
    'whose WELCOME has an unknown field',
    writeHandshakeFrame('WELCO', [...common, [0x99, Buffer.alloc(1)]]),
    /^ConnectionClosed .*field 99/,
  ],
  [
    'that refuses',
    writeHandshakeFrame('WELCO', [...common, [0x06, Buffer.from('too busy')]]),
    /^ConnectionClosed .*refused the session: too busy/,
  ],
  [
    'whose record is damaged',
    Buffer.concat([welcome, damaged]),
    /^ConnectionClosed .*\(a record of the other end is damaged\)/,
  ],
  ['whose record is too long', Buffer.concat([welcome, Buffer.alloc(12, 0xff)]), /^ConnectionClosed .*longer than any/],
  ['with another offset', Buffer.concat([welcome, record(0x01, frame('hi'), 9)]), /^ConnectionClosed .*another offset/],
  [
    'with a record that must be known',
    Buffer.concat([welcome, record(0x99, Buffer.alloc(3))]),
    /^ProtocolError .*type 99/,
  ],
  [
    'that acknowledges what was not sent',
    Buffer.concat([welcome, record(0x02, u64(9, 0, 99))]),
    /^ProtocolError .*not sent/,
  ],
  ['whose ACK is short', Buffer.concat([welcome, record(0x02, u64(0))]), /^ProtocolError .*too short/],
  ['that retracts nothing', Buffer.concat([welcome, record(0x86, u64(0))]), /^ProtocolError .*retracted nothing/],
  [
    'that sent another number of messages before',
    writeHandshakeFrame('WELCO', [...common, [0x08, Buffer.alloc(48, 1)], [0x09, u64(1)]]),
    /^ConnectionClosed the WELCOME of the other end is not legal/,
  ],
  [
    'that sends 257 damaged messages',
    Buffer.concat(Array.from({ length: 257 }, () => framed(0x21, Buffer.from('x')))),
    /^ProtocolError .*more than 256 damaged messages/,
  ],
  [
    'that sends more than was accepted',
    Buffer.concat([welcome, record(0x01, framed(0x81, Buffer.alloc(1_000_000)))]),
    /^ProtocolError .*sent more than this end accepts/,
  ],
  [
    'whose session announces 4 GB',
    Buffer.concat([welcome, record(0x01, framed(0x81, Buffer.of(), 0xffff_ffff))]),
    /^ProtocolError .*4,294,967,295 bytes; at most/,
  ],
  [
    'that uses the number of a request again',
    Buffer.concat([welcome, record(0x01, Buffer.concat([asked(1), asked(1)]))]),
    /^ProtocolError .*number of an open request again/,
  ],
  [
    'with 4,097 requests',
    Buffer.concat([welcome, record(0x01, Buffer.concat(Array.from({ length: 4097 }, (_, at) => asked(at))))]),
    /^ProtocolError .*more than 4,096 unanswered requests/,
  ],
  [
    'whose byte stream has a gap',
    Buffer.concat([welcome, record(0x01, Buffer.concat([streamed(0, 100), streamed(1, 0, 10), streamed(1, 20, 10)]))]),
    /^ProtocolError a part of a byte stream is missing/,
  ],
  [
    'that closes at another offset',
    Buffer.concat([welcome, record(0x05, u64(7))]),
    /^ConnectionClosed .*closed at another offset/,
  ],
  [
    'whose stream has no frames',
    Buffer.concat([welcome, record(0x01, Buffer.alloc(20))]),
    /^ProtocolError .*without frames/,
  ],
];

describe('a server', () => {
  test.skipIf(!best).each(cases)('%s', { timeout: 40_000 }, async (_, bytes, message) => {
    const server = await answering(bytes);
    const { status, stdout, stderr } = await python(reading, [server.port]).ended;
    server.close();
    expect([status, stderr.replaceAll(/\d+ damaged messages? w\w+ discarded\n/g, '')]).toEqual([0, '']);
    expect(stdout).toMatch(message);
    expect(stdout.trim().split('\n')).toHaveLength(1);
  });
});

describe('clients', () => {
  test.skipIf(!best)(titled('that send garbage do not disturb the others', !!best), { timeout: 60_000 }, async () => {
    const program = python(echo);
    const [, port] = await program.until(/port (\d+)\n/);
    const hello = writeHandshakeFrame('HELLO', [...common, [0x07, u64(1000)]]);
    const resume: [number, Buffer][] = [
      [0x07, u64(1000)],
      [0x81, Buffer.alloc(16)],
      [0x82, Buffer.alloc(32)],
      [0x83, u64(1, 0, 0)],
    ];
    const inputs = [
      Buffer.from('GET / HTTP/1.1\r\n\r\n'),
      Buffer.from('decafecafe8100000000ffffffff', 'hex'),
      writeHandshakeFrame('HELLO', common),
      writeHandshakeFrame('HELLO', [...common, ...resume]),
      Buffer.concat([hello, record(0x99, Buffer.alloc(3))]),
      Buffer.concat([hello, damaged]),
      Buffer.concat([hello, record(0x01, Buffer.alloc(1_000_000))]),
    ];
    for (const bytes of inputs) {
      const socket = connectSocket(Number(port), '127.0.0.1');
      socket.on('error', () => {});
      socket.resume();
      socket.end(bytes);
      await once(socket, 'close');
    }
    const connection = await connect({ protocol: 'v2', port: Number(port), session: 'require' });
    await connection.sendData('still here');
    expect(await connection.getData()).toBe('still here');
    await connection.close();
  });
});

describe('a slow reader', () => {
  test.skipIf(!best)(
    titled('in Python bounds its memory, and that of the sender', !!best),
    { timeout: 90_000 },
    async () => {
      const code = `
import resource
s = Server("127.0.0.1", 0, session="require").start()
print("port", s.port)
c = s.getConnection()
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
sys.stdin.readline()
print("grown", (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) // 1024)
count = sum(1 for data in c)
print("read", count)
`;
      const program = python(code);
      const [, port] = await program.until(/port (\d+)\n/);
      const connection = await connect({
        protocol: 'v2',
        port: Number(port),
        session: 'require',
        sendQueue: { maxBytes: 1_048_576 },
      });
      let sent = 0;
      const sending = (async () => {
        for (; sent < 300; sent++) await connection.sendData(Buffer.alloc(1_048_576));
      })();
      let last = -1;
      while (last !== sent) {
        last = sent;
        await new Promise((resolve) => setTimeout(resolve, 2000));
      }
      expect(sent).toBeLessThan(150);
      program.type('\n');
      const [, grown] = await program.until(/grown (\d+)\n/);
      expect(Number(grown)).toBeLessThan(48);
      await sending;
      await connection.close();
      await program.until(/read 300\n/);
    },
  );
});
