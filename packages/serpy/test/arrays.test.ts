/** Arrays over either protocol, and over one that is found out. */
import { readFileSync } from 'node:fs';
import {
  connect,
  decodeNpy,
  encodeNpy,
  isNpy,
  listen,
  type NdArray,
  type PortableConnection,
  type ShapedArray,
} from 'serpy';
import { readArray } from 'serpy-arrays';
import { MemoryNetwork } from 'serpy-core/testing';
import { NumpyArray, v1Protocol } from 'serpy-v1';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';

let network: MemoryNetwork;
const open: { close(): Promise<void> }[] = [];
beforeEach(() => {
  network = new MemoryNetwork();
  network.clock.runFreely();
});
afterEach(async () => {
  for (const each of open.splice(0)) await each.close();
  network.clock.stop();
});

type Name = 'v1' | 'v2' | 'auto';

/** Two ends of one connection: what the server says it speaks, and what the client says. */
async function pair(serverSpeaks: Name, clientSpeaks: Name): Promise<[PortableConnection, PortableConnection]> {
  const server = await listen({ protocol: serverSpeaks as 'auto', port: 5000 }, network);
  const client = await connect({ protocol: clientSpeaks as 'auto', port: 5000 }, {}, network);
  await client.sendData('here'); // an auto server says nothing before
  const accepted = await server.getConnection();
  expect((await accepted.getMessage()).text()).toBe('here');
  open.push(client, accepted, server);
  return [client, accepted];
}

const arrays: NdArray[] = [
  { data: Float32Array.from({ length: 512 * 40 }, (_, i) => i / 3), shape: [512, 40], dtype: 'float32' },
  { data: Uint16Array.of(0, 1, 65_535, 0x1f04), shape: [2, 2], dtype: 'uint16' },
  { data: Uint8Array.of(0x1f, 0x04, 0x01), shape: [3], dtype: 'uint8' },
  { data: BigInt64Array.of(-(2n ** 63n), 5n), shape: [2, 1, 1], dtype: 'int64' },
  { data: Uint8Array.of(1, 0), shape: [2], dtype: 'bool' },
  { data: Float32Array.of(1.5, -2), shape: [2], dtype: 'float16' },
  { data: Float64Array.of(1, -1), shape: [], dtype: 'complex128' },
  { data: new Float64Array(0), shape: [0, 7], dtype: 'float64' },
];

describe.each<[Name, Name]>([
  ['v1', 'v1'],
  ['v2', 'v2'],
  ['auto', 'v1'],
  ['auto', 'v2'],
  ['v1', 'auto'],
  ['v2', 'auto'],
  ['auto', 'auto'],
])('between a %s server and a %s client', (serverSpeaks, clientSpeaks) => {
  test('arrays go both ways, as bytes that are a .npy', async () => {
    const [client, accepted] = await pair(serverSpeaks, clientSpeaks);
    for (const array of arrays) {
      await client.sendData(array);
      expect(await accepted.getArray()).toEqual(array);
      await accepted.sendData(array);
      const message = await client.getMessage();
      expect([message.type, message.bytes().equals(encodeNpy(array))]).toEqual(['bytes', true]);
    }
    await client.sendData(Int32Array.of(1, -2, 3));
    expect(await accepted.getArray()).toEqual({ data: Int32Array.of(1, -2, 3), shape: [3], dtype: 'int32' });
  });

  test('bare bytes are what they are said to be, and the wrong size names both', async () => {
    const [client, accepted] = await pair(serverSpeaks, clientSpeaks);
    const bytes = Buffer.from(Float32Array.of(1, 2, 3, 4, 5, 6).buffer);
    await client.sendData(bytes);
    const array = await accepted.getArray({ dtype: 'float32', shape: [2, 3] });
    expect(array).toEqual({ data: Float32Array.of(1, 2, 3, 4, 5, 6), shape: [2, 3], dtype: 'float32' });
    await client.sendData(bytes);
    const wrong = accepted.getArray({ dtype: 'float32', shape: [512, 512] });
    await expect(wrong).rejects.toMatchObject({
      code: 'ERR_SERPY_ARRAY_FORMAT',
      message: expect.stringMatching(/1048576 bytes.*has 24/),
      data: bytes,
    });
  });

  test('what is no array is the data of an error, and what follows is left', async () => {
    const [client, accepted] = await pair(serverSpeaks, clientSpeaks);
    await client.sendData(Buffer.from('\x93NUMPY and no more', 'latin1'));
    await client.sendData('next');
    const error = await accepted.getArray().catch((reason) => reason);
    expect(error.code).toBe('ERR_SERPY_ARRAY_FORMAT');
    expect(String(error.data)).toContain('NUMPY and no more');
    expect((await accepted.getMessage()).text()).toBe('next');
  });

  test('an array whose shape does not fit is refused, and nothing is sent', async () => {
    const [client, accepted] = await pair(serverSpeaks, clientSpeaks);
    const misfit = client.sendData({ data: new Float32Array(6), shape: [5] });
    await expect(misfit).rejects.toMatchObject({ code: 'ERR_SERPY_VALUE' });
    await client.sendData('next');
    expect((await accepted.getMessage()).text()).toBe('next');
  });

  test('the memory of an array can be handed back', async () => {
    const [client, accepted] = await pair(serverSpeaks, clientSpeaks);
    await client.sendData({ data: new Float32Array(10_000), shape: [100, 100] });
    const { data } = await accepted.getArray();
    accepted.release(data);
    expect(data.length).toBe(0);
  });
});

test('one array goes to every peer of a server, encoded once', async () => {
  const server = await listen({ protocol: 'auto', port: 5000 }, network);
  const first = await connect({ protocol: 'v1', port: 5000 }, {}, network);
  const second = await connect({ protocol: 'v2', port: 5000 }, {}, network);
  open.push(first, second, server);
  await first.sendData('here');
  await second.sendData('here');
  for (let n = 0; n < 2; n++) await (await server.getConnection()).getData();
  const npy = encodeNpy({ data: Float32Array.of(1, 2), shape: [1, 2], dtype: 'float16' });
  for (const each of server) await each.sendData(npy);
  for (const client of [first, second]) {
    expect(await client.getArray()).toEqual({ data: Float32Array.of(1, 2), shape: [1, 2], dtype: 'float16' });
  }
});

describe('over v1', () => {
  const v1 = async () => {
    const server = await listen({ protocol: 'v1', port: 5000 }, network);
    const client = await connect({ protocol: 'v1', port: 5000 }, {}, network);
    const accepted = await server.getConnection();
    open.push(client, accepted, server);
    return { client, accepted };
  };

  test.each([0, 1, 2, 3] as const)('an array goes as bytes in mode %i', async (mode) => {
    const { client, accepted } = await v1();
    expect(await client.sendData({ data: Float64Array.of(1, 2), shape: [2, 1] }, { mode })).toBe(true);
    const { type, value } = await accepted.getMessage();
    expect([type, isNpy(value as Buffer), decodeNpy(value as Buffer).shape]).toEqual(['bytes', true, [2, 1]]);
  });

  test('an object with data and shape goes as an object in modes 4 and 5', async () => {
    const { client, accepted } = await v1();
    await client.sendData({ data: Uint8Array.of(1, 2), shape: [2] } satisfies ShapedArray, { mode: 4 });
    expect(await accepted.getData()).toEqual(
      new Map<string, unknown>([
        ['data', Buffer.of(1, 2)],
        ['shape', [2]],
      ]),
    );
  });

  interface Pickled {
    readonly pickle_hex: string;
    readonly dtype: string;
    readonly shape: number[];
    readonly c_order_values: unknown;
  }
  const file = new URL('../../../test/vectors/pickles.json', import.meta.url);
  const { numpy } = JSON.parse(readFileSync(file, 'utf8')) as { readonly numpy: readonly Pickled[] };
  const protocol = v1Protocol({ encoding: 'utf-8', maxMessageBytes: 1e6 });
  const unpickled = (hex: string) =>
    protocol.data({ mode: 4, bytes: Buffer.from(hex, 'hex'), sizeBytes: hex.length / 2 });

  test.each(numpy.map((each) => [`${each.dtype} ${each.shape}`, each] as const))(
    'a numpy array that was pickled is an array: %s',
    (_, { pickle_hex, shape, c_order_values }) => {
      const array = readArray(unpickled(pickle_hex), undefined);
      const values = Array.isArray(c_order_values) ? c_order_values.flat(Number.POSITIVE_INFINITY) : [c_order_values];
      expect([array.shape, Array.from(array.data, Number)]).toEqual([shape, values.map(Number)]);
    },
  );

  test('one of text is the data of an error', () => {
    const text = new NumpyArray('<U2', [1], false, Buffer.alloc(8));
    expect(() => readArray(text, undefined)).toThrow(
      expect.objectContaining({ code: 'ERR_SERPY_ARRAY_FORMAT', data: text, message: expect.stringContaining('text') }),
    );
  });
});
