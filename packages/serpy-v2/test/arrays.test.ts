/** Arrays over v2: a `.npy` in bytes, whose elements are not copied to be sent, and not once more when they have come. */
import { isDeepStrictEqual } from 'node:util';
import { decodeNpy, encodeNpy } from 'serpy-arrays';
import { MemoryNetwork } from 'serpy-core/testing';
import { Connection, type ConnectionOptions, type NdArray, Server, type ServerOptions, type Value } from 'serpy-v2';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { frameOf, piecesOf } from './conversation.js';

let network: MemoryNetwork;
let server: Server;
let client: Connection;
beforeEach(() => {
  network = new MemoryNetwork();
  network.clock.runFreely();
});
afterEach(async () => {
  client?.destroy();
  await server?.close();
  for (const each of server ?? []) each.destroy();
  network.clock.stop();
});

async function pair(options: ConnectionOptions = {}, serverOptions: Partial<ServerOptions> = {}) {
  server = await new Server({ port: 5000, ...serverOptions }, network).start();
  client = new Connection(options, network);
  await client.connect('127.0.0.1', 5000);
  return await server.getConnection();
}

/** Numbers in which every byte is sometimes another. */
function image(count: number): Float32Array {
  return Float32Array.from({ length: count }, (_, i) => i / 7);
}

/** `toEqual`, but fast where they are alike: Vitest compares element by element. */
function expectSame(actual: unknown, expected: unknown): void {
  if (!isDeepStrictEqual(actual, expected)) expect(actual).toEqual(expected);
}

/** Elements around every size where the way of an array changes. */
const sizes = [0, 1, 1023, 1024, 1025, 4064, 16_352, 16_384, 65_503, 65_504, 65_505, 65_536, 262_144];

const ways: [string, ConnectionOptions][] = [
  ['plain v2', {}],
  ['a session', { session: 'prefer', autoRestart: true, reconnect: { baseDelayMs: 1 } }],
];

describe('the frame of an array', () => {
  test.each(sizes)('of %i floats is that of its .npy', (count) => {
    const data = image(count);
    expect(frameOf({ data, shape: [count, 1] }).equals(frameOf(encodeNpy({ data, shape: [count, 1] })))).toBe(true);
  });

  test('has the memory of the array in it, without a copy, from 4 KiB on', () => {
    const data = image(1024);
    const [head, body] = piecesOf({ data, shape: [32, 32] });
    expect(head?.length).toBe(14 + 128);
    expect([body?.buffer, body?.byteLength]).toEqual([data.buffer, 4096]);
  });

  test('of a typed array has one axis', () => {
    expect(frameOf(Int16Array.of(1, 2))).toEqual(frameOf(encodeNpy({ data: Int16Array.of(1, 2), shape: [2] })));
  });

  test('is none of a Uint8Array, which goes as plain bytes', () => {
    expect(frameOf(Uint8Array.of(1, 2)).subarray(14)).toEqual(Buffer.of(1, 2));
  });
});

describe.each(ways)('over %s', (_, options) => {
  test('arrays arrive as they were, of every size', async () => {
    const accepted = await pair(options);
    for (const count of sizes) {
      const data = image(count);
      await client.sendData({ data, shape: [1, count] });
      expectSame(await accepted.getArray(), { data, shape: [1, count], dtype: 'float32' });
      await accepted.sendData({ data, shape: [1, count] });
      expectSame(await client.getData(), encodeNpy({ data, shape: [1, count] }));
    }
  });

  test('an array that arrives can be sent back as it is', async () => {
    const accepted = await pair(options);
    const arrays: NdArray[] = [
      { data: Uint8Array.of(1, 0, 1), shape: [3], dtype: 'bool' },
      { data: Float32Array.of(1.5, -0.25), shape: [2, 1], dtype: 'float16' },
      { data: Float64Array.of(1, 2, 3, 4), shape: [2], dtype: 'complex128' },
      { data: BigUint64Array.of(2n ** 64n - 1n), shape: [], dtype: 'uint64' },
      { data: new Int8Array(0), shape: [3, 0], dtype: 'int8' },
    ];
    for (const array of arrays) {
      await client.sendData(array);
      await accepted.sendData(await accepted.getArray());
      expect(await client.getArray()).toEqual(array);
    }
  });

  test('the elements of a large one lie in the memory of the message', async () => {
    const accepted = await pair(options);
    await client.sendData({ data: image(10_000), shape: [100, 100] });
    const { data } = await accepted.getArray();
    expect([data.byteOffset, data.buffer.byteLength]).toEqual([128, 40_128]);
  });

  test('their memory can be handed back, and sent on before that', async () => {
    const accepted = await pair(options);
    for (let n = 0; n < 10; n++) {
      await client.sendData({ data: image(100_000).fill(n), shape: [1000, 100] });
      const array = await accepted.getArray();
      if (n % 2 === 0) await accepted.sendData(array);
      accepted.release(array.data);
      expect(array.data.length).toBe(n % 2 === 0 ? 100_000 : 0);
    }
    for (let n = 0; n < 10; n += 2) {
      const { data } = await client.getArray();
      expect([data[0], data[99_999], data.length]).toEqual([n, n, 100_000]);
    }
  });

  test('a small one may change as soon as sendData has returned', async () => {
    const accepted = await pair(options);
    network.hold();
    const data = image(1000);
    for (let n = 0; n < 40; n++) await client.sendData({ data: data.fill(n), shape: [10, 100] });
    data.fill(-1);
    network.release();
    for (let n = 0; n < 40; n++) expect((await accepted.getArray()).data).toEqual(new Float32Array(1000).fill(n));
  });

  test('one that is too large or whose shape does not fit is refused, and nothing of it is sent', async () => {
    const accepted = await pair({ ...options, maxMessageBytes: 10_000 });
    const tooLarge = client.sendData({ data: image(2_469), shape: [2_469] }); // with its header 10,004 bytes
    await expect(tooLarge).rejects.toMatchObject({ code: 'ERR_SERPY_TOO_LARGE', sizeBytes: 10_004 });
    const misfit = client.sendData({ data: image(6), shape: [2, 2] });
    await expect(misfit).rejects.toMatchObject({ code: 'ERR_SERPY_VALUE', message: expect.stringContaining('[2, 2]') });
    const noData = client.sendData({ data: [1, 2], shape: [2] } as unknown as Value);
    await expect(noData).rejects.toMatchObject({
      code: 'ERR_SERPY_VALUE',
      message: expect.stringContaining('typed array'),
    });
    await client.sendData({ data: image(2_468), shape: [2_468] });
    expect((await accepted.getArray()).shape).toEqual([2_468]);
  });
});

describe('a session', () => {
  const session = ways[1]?.[1] as ConnectionOptions;

  test('brings arrays over links that break in the middle of them, each once', async () => {
    const accepted = await pair(session);
    const received: NdArray[] = [];
    const reading = (async () => {
      for await (const data of accepted) received.push(decodeNpy(data as Buffer));
    })();
    let reports = 0;
    client.on('progress', ({ direction }) => {
      if (direction === 'send' && reports++ % 3 === 1) network.links.at(-1)?.reset();
    });
    for (let n = 0; n < 12; n++) await client.sendData({ data: image(200_000).fill(n), shape: [n, 200_000].slice(1) });
    await client.close();
    await reading;
    expect(received.map(({ data }) => [data[0], data[199_999], data.length])).toEqual(
      Array.from({ length: 12 }, (_, n) => [n, n, 200_000]),
    );
    expect(client.stats().reconnects).toBeGreaterThan(3);
  });

  test('acknowledges an array, and gives one that may not have arrived back as the bytes of its .npy', async () => {
    const accepted = await pair({ ...session, resumeWindowMs: 100 });
    const array = { data: image(100_000), shape: [100, 1000] };
    const taken = client.sendData(array, { acknowledge: 'consumed' });
    expect(await accepted.getArray()).toMatchObject({ shape: [100, 1000] });
    expect(await taken).toBe(true);

    const warnings: { readonly messages?: readonly unknown[] }[] = [];
    client.on('warning', (warning) => warnings.push(warning as object));
    network.hold();
    await client.sendData(array);
    client.destroy();
    network.release();
    const [unknown] = warnings.flatMap(({ messages }) => messages ?? []) as { type: string; value: Buffer }[];
    expect(unknown?.type).toBe('bytes');
    expect(unknown?.value.equals(encodeNpy(array))).toBe(true);
  });
});

describe('getArray', () => {
  test.each<[string, Value, string]>([
    ['text', 'hello', 'the message is text ("hello"), not an array'],
    ['text that steers a terminal', '\x9b2J\x1b', 'the message is text ("?2J\\u001b"), not an array'],
    ['a number', 42, 'the message is the number 42, not an array'],
    ['a bigint', 2n ** 60n, 'the message is the number 1152921504606846976, not an array'],
    ['plain bytes', Buffer.from('bytes'), 'the bytes are not a .npy'],
    ['an empty message', Buffer.alloc(0), 'the bytes are not a .npy'],
    [
      'half a .npy',
      encodeNpy(image(10)).subarray(0, 140),
      'truncated, since float32 elements of shape [10] have 40 bytes, and 12 follow',
    ],
  ])('rejects for %s with an error that has it, and leaves what follows', async (_, value, says) => {
    const accepted = await pair();
    await client.sendData(value);
    await client.sendData('next');
    const error = await accepted.getArray().catch((reason) => reason);
    expect(error).toMatchObject({ name: 'ArrayFormatError', code: 'ERR_SERPY_ARRAY_FORMAT' });
    expect(error.message).toContain(says);
    expect(error.data).toEqual(value);
    expect(await accepted.getData()).toBe('next');
  });

  test('rejects in the same way when it was there before the message', async () => {
    const accepted = await pair();
    const waiting = accepted.getArray();
    await client.sendData('hello');
    await expect(waiting).rejects.toMatchObject({ code: 'ERR_SERPY_ARRAY_FORMAT', data: 'hello' });
  });

  test('reads bare bytes as the type and shape that the options name', async () => {
    const accepted = await pair();
    const bytes = Buffer.alloc(24);
    for (let i = 0; i < 6; i++) bytes.writeFloatBE(i, 4 * i);
    await client.sendData(bytes);
    const turned = { dtype: 'float32', shape: [2, 3], byteOrder: 'big', fortranOrder: true } as const;
    expect(await accepted.getArray(turned)).toEqual({
      data: Float32Array.of(0, 2, 4, 1, 3, 5),
      shape: [2, 3],
      dtype: 'float32',
    });
    await client.sendData(Buffer.alloc(512 * 512 * 4));
    const { data, shape } = await accepted.getArray({ dtype: 'float32', shape: [512, 512] });
    expect([data.length, shape, data.byteOffset]).toEqual([512 * 512, [512, 512], 0]);
    await client.sendData(Buffer.alloc(6));
    expect((await accepted.getArray({ dtype: 'int16' })).shape).toEqual([3]);
  });

  test.each<[Value, object, string]>([
    [Buffer.alloc(100), { dtype: 'float32', shape: [512, 512] }, 'have 1048576 bytes, and the message has 100'],
    [
      Buffer.alloc(101),
      { dtype: 'int16' },
      'the message has 101 bytes, which cannot be split into int16 elements of 2 bytes each',
    ],
    [
      image(9),
      { dtype: 'float32', shape: [9] },
      "have 36 bytes, and the message has 164. The error's data holds them. The message is a .npy: omit dtype and shape",
    ],
    ['text', { dtype: 'uint8', shape: [4] }, 'the message is text ("text")'],
  ])('rejects for bare bytes that are something else', async (value, options, says) => {
    const accepted = await pair();
    await client.sendData(value);
    const error = await accepted.getArray(options).catch((reason) => reason);
    expect(error.code).toBe('ERR_SERPY_ARRAY_FORMAT');
    expect(error.message).toContain(says);
    expect(error.data).toEqual(ArrayBuffer.isView(value) && !Buffer.isBuffer(value) ? encodeNpy(image(9)) : value);
  });

  test.each<[unknown, string]>([
    [{ timeout: 5 }, 'did you mean timeoutMs?'],
    [{ timeoutMs: -1 }, 'timeoutMs takes a number'],
    [{ dtype: 'float' }, 'dtype takes one of bool'],
    [{ shape: [512, 512] }, 'the option shape needs dtype'],
    [{ byteOrder: 'big' }, 'the option byteOrder needs dtype'],
    [{ dtype: 'uint8', shape: [-1] }, 'not an integer'],
    [{ dtype: 'uint8', byteOrder: 'middle' }, "byteOrder takes 'little' or 'big'"],
    [5, 'the options of a call are an object'],
    [null, 'the options of a call are an object'],
  ])('refuses the options %o, and takes nothing', async (options, says) => {
    const accepted = await pair();
    await client.sendData('there');
    const call = accepted.getArray(options as object);
    await expect(call).rejects.toMatchObject({ code: 'ERR_SERPY_OPTION', message: expect.stringContaining(says) });
    expect(await accepted.getData()).toBe('there');
  });

  test('waits as getData does', async () => {
    const accepted = await pair();
    await expect(accepted.getArray({ timeoutMs: 5 })).rejects.toMatchObject({
      code: 'ERR_SERPY_TIMEOUT',
      message: 'getArray timed out after 5 ms (timeoutMs): call it again, or raise timeoutMs',
    });
    const signal = AbortSignal.abort();
    await expect(accepted.getArray({ signal })).rejects.toMatchObject({ code: 'ERR_SERPY_ABORTED' });
    await expect(new Connection().getArray()).rejects.toMatchObject({ code: 'ERR_SERPY_NOT_CONNECTED' });
    await client.close();
    await expect(accepted.getArray()).rejects.toMatchObject({ code: 'ERR_SERPY_CLOSED' });
  });
});
