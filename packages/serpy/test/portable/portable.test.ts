import { createConnection } from 'node:net';
import { connect, float, int, listen, type PortableConnection, type PortableValue } from 'serpy';
import { afterEach, describe, expect, expectTypeOf, test } from 'vitest';

const open: { close(): Promise<void> }[] = [];
afterEach(async () => {
  for (const each of open.splice(0)) await each.close();
});

/** Two ends of one connection over a protocol that is known only at run time. */
async function pair(protocol: 'v1' | 'v2'): Promise<[PortableConnection, PortableConnection]> {
  const server = await listen({ protocol, port: 0, ...(protocol === 'v1' ? { encoding: 'utf-8' as const } : {}) });
  const client: PortableConnection = await connect(
    protocol === 'v1'
      ? { protocol, port: server.address.port, encoding: 'utf-8' }
      : { protocol, port: server.address.port },
  );
  const accepted = await server.getConnection();
  open.push(client, accepted, server);
  return [client, accepted];
}

describe.each(['v1', 'v2'] as const)('a message over %s', (protocol) => {
  const rows: [string, PortableValue, { text?: string; bytes?: string; number?: number | bigint }][] = [
    ['text', 'yes µù', { text: 'yes µù', bytes: '79657320c2b5c3b9' }],
    ['empty text', '', { text: '', bytes: '' }],
    ['text with control characters', '\x01a\x1fb\x04', { text: '\x01a\x1fb\x04', bytes: '01611f6204' }],
    ['an integer', 42, { text: '42', bytes: '3432', number: 42 }],
    ['a big integer', 2n ** 62n, { text: '4611686018427387904', number: 2n ** 62n }],
    ['a double', 3.5, { text: '3.5', number: 3.5 }],
    ['a small double', 1e-7, { text: '1e-07', number: 1e-7 }],
    ['negative zero', -0, { text: '-0.0', number: -0 }],
    ['infinity', Number.NEGATIVE_INFINITY, { text: '-inf', number: Number.NEGATIVE_INFINITY }],
    ['not a number', Number.NaN, { text: 'nan', number: Number.NaN }],
    ['a whole double', float(7), { text: '7.0', number: 7 }],
    ['a whole integer', int(7), { text: '7', number: 7 }],
    ['bytes that are text', Buffer.from('12'), { text: '12', bytes: '3132', number: 12 }],
    ['bytes', Buffer.from('00ff', 'hex'), { bytes: '00ff' }],
    ['no bytes', Buffer.alloc(0), { bytes: '', text: '' }],
  ];

  test.each(rows)('answers text(), bytes() and number() of %s', async (_name, value, expected) => {
    const [client, accepted] = await pair(protocol);
    await client.sendData(value);
    const message = await accepted.getMessage();
    expect(message.protocol).toBe(protocol);
    if (expected.text !== undefined) expect(message.text()).toBe(expected.text);
    else expect(() => message.text()).toThrow(expect.objectContaining({ code: 'ERR_SERPY_VALUE' }));
    if (expected.bytes !== undefined) expect(message.bytes().toString('hex')).toBe(expected.bytes);
    if (expected.number !== undefined) expect(message.number()).toBe(expected.number);
    else expect(() => message.number()).toThrow(expect.objectContaining({ code: 'ERR_SERPY_VALUE' }));
  });

  test('comes by iteration too, as data and as messages', async () => {
    const [client, accepted] = await pair(protocol);
    await client.sendData('one');
    await client.sendData('two');
    await client.sendData('three');
    await client.close();
    for await (const data of accepted) {
      expect(String(data)).toBe('one');
      break;
    }
    const rest: string[] = [];
    for await (const message of accepted.messages()) rest.push(message.text());
    expect(rest).toEqual(['two', 'three']);
  });
});

test('an object over v1 is neither text nor bytes nor a number, and says so', async () => {
  const server = await listen({ protocol: 'v1', port: 0 });
  const client = await connect({ protocol: 'v1', port: server.address.port });
  open.push(client, server);
  await client.sendData(new Map([['a', 1]]), { mode: 4 });
  const message = await (await server.getConnection()).getMessage();
  expect(message).toMatchObject({ type: 'object', mode: 4 });
  for (const read of [() => message.text(), () => message.bytes(), () => message.number()]) {
    expect(read).toThrow(/is not .* but an object/);
  }
});

test('an integer beyond the limit has bytes(), and text() and number() refuse at once', async () => {
  const server = await listen({ protocol: 'v2', port: 0 });
  open.push(server);
  const peer = createConnection(server.address.port, '127.0.0.1');
  const payload = Buffer.alloc(4 * 1024 * 1024, 0x5a);
  const sum = (0x5a * payload.length) >>> 0;
  const header = Buffer.from('decafecafe010000000000000000', 'hex');
  header.writeUInt32LE(sum, 6);
  header.writeUInt32LE(payload.length, 10);
  peer.end(Buffer.concat([header, payload]));
  const message = await (await server.getConnection()).getMessage();
  expect(message.type).toBe('longint');
  expect(message.bytes().equals(payload)).toBe(true);
  for (const read of [() => message.text(), () => message.number()]) {
    expect(read).toThrow(/is not .* but an integer of 4194304 bytes, which is too long to be converted. Use bytes\(\)/);
    expect(read).toThrow(expect.objectContaining({ code: 'ERR_SERPY_VALUE' }));
  }
});

test('the type of what comes back follows the protocol', () => {
  type V1 = Awaited<ReturnType<typeof connectV1>>;
  type V2 = Awaited<ReturnType<typeof connectV2>>;
  const connectV1 = () => connect('serpy1://127.0.0.1:1');
  const connectV2 = () => connect({ protocol: 'v2', port: 1 });
  expectTypeOf<Parameters<V1['sendData']>[1]>().toExtend<{ mode?: 0 | 1 | 2 | 3 | 4 | 5 | undefined } | undefined>();
  expectTypeOf<Awaited<ReturnType<V2['getData']>>>().toEqualTypeOf<string | number | bigint | Buffer>();
  expectTypeOf<V1>().toExtend<PortableConnection>();
  expectTypeOf<V2>().toExtend<PortableConnection>();
});
