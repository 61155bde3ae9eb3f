import { type Connection, connect, listen, type PortableMessage, type Server } from 'serpy';
import { encodeNpy } from 'serpy-arrays';
import { jsonLine, npyOf } from 'serpy-recording';
import { expect, describe as group, test } from 'vitest';
import { formatBytes, formatCount } from '../../src/format.js';
import { summarize, summaryLine } from '../../src/messages/array-summary.js';
import { describe } from '../../src/messages/describe.js';
import { jsonOf } from '../../src/values/python-objects.js';

/** A message as v2 gives it. */
const bytesMessage = (value: Buffer) => ({ protocol: 'v2', type: 'bytes', value }) as unknown as PortableMessage;
const objectMessage = (value: unknown) =>
  ({ protocol: 'v1', type: 'object', value, mode: 4 }) as unknown as PortableMessage;

const line = (array: Parameters<typeof encodeNpy>[0]) => describe(bytesMessage(encodeNpy(array))).line;

group('an array in a line', () => {
  test.each([
    [{ data: Float64Array.of(1.23456, 2, 3) }, 'float64 3 elements, min 1.235, max 3, mean 2.078'],
    [{ data: Uint8Array.of(1, 2, 3, 4), shape: [2, 2] }, 'uint8 2×2, min 1, max 4, mean 2.5'],
    [{ data: Int16Array.of(-5), shape: [] }, 'int16 scalar, min -5, max -5, mean -5'],
    [{ data: new Float32Array(0), shape: [0, 7] }, 'float32 0×7, empty'],
    [{ data: Float32Array.of(Number.NaN, Number.NaN) }, 'float32 2 elements, 2 NaN'],
    [
      { data: BigInt64Array.of(2n ** 62n, -(2n ** 62n)) },
      'int64 2 elements, min -4611686018427387904, max 4611686018427387904, mean 0',
    ],
    [{ data: Float32Array.of(1, 2), dtype: 'complex64' as const }, 'complex64 1 element'],
    [{ data: Uint8Array.of(0, 1, 1, 1), dtype: 'bool' as const }, 'bool 4 elements, min 0, max 1, mean 0.75'],
    [{ data: Float64Array.of(1e-9, 1e30) }, 'float64 2 elements, min 1e-9, max 1e+30, mean 5e+29'],
  ])('%# has what its elements are like', (array, expected) => {
    expect(line(array)).toBe(expected);
  });

  test('is not there for a .npy that cannot be read: its size and the reason are', () => {
    const cut = encodeNpy({ data: Float64Array.of(1, 2, 3) }).subarray(0, -1);
    const { line, json, attachment } = describe(bytesMessage(cut));
    expect(line).toMatch(/^151 bytes: the \.npy cannot be decoded: it is truncated/);
    expect(json).toMatchObject({ type: 'bytes', bytes: 151, unread: expect.stringContaining('truncated') });
    expect(attachment).toEqual({ bytes: cut, extension: 'npy' });
  });

  test('does not take forever for a large one', () => {
    const array = { data: new Float32Array(4_000_000).fill(2), dtype: 'float32', shape: [2000, 2000] } as const;
    const before = process.cpuUsage();
    expect(summaryLine(summarize(array))).toBe('float32 2000×2000, min 2, max 2, mean 2');
    expect(process.cpuUsage(before).user / 1000).toBeLessThan(2000); // not by the clock: other programs may have the core
  });
});

test('an integer of more bytes than are converted is shown as bytes', () => {
  const value = Buffer.alloc(5000, 7);
  const message = { protocol: 'v2', type: 'longint', value } as unknown as PortableMessage;
  expect(describe(message)).toEqual({
    line: `an integer of 5000 bytes: ${'07 '.repeat(16)}…`,
    json: { type: 'longint', bytes: 5000 },
    attachment: { bytes: value, extension: 'bin' },
    sizeBytes: 5000,
  });
});

group('a Python object', () => {
  test('goes into JSON with everything that JSON can say', () => {
    const value = new Map<unknown, unknown>([
      ['list', [1, 2n ** 64n, Number.POSITIVE_INFINITY, null, true]],
      ['set', new Set(['a'])],
      ['bytes', Buffer.of(255)],
      ['pairs', new Map([[1, 'one']])],
    ]);
    expect(jsonOf(value)).toEqual({
      list: [1, '18446744073709551616', 'Infinity', null, true],
      set: ['a'],
      bytes: { bytes: 1, base64: '/w==' },
      pairs: [[1, 'one']],
    });
  });

  test('converts shared parts once, however often it refers to them', () => {
    let list: unknown[] = [1, 2];
    for (let level = 0; level < 18; level++) list = Array(10).fill(list);
    const json = jsonOf(list) as unknown[];
    expect(json[0]).toBe(json[9]);
    let tree: unknown = jsonOf([1, 2]);
    for (let level = 0; level < 5; level++) tree = Array(10).fill(tree);
    expect(jsonLine(tree)).toBe(JSON.stringify(tree));
  });

  test('that is too long for a line is reported in one, and does not end the command', () => {
    let list: unknown[] = [1, 2];
    for (let level = 0; level < 9; level++) list = Array(10).fill(list);
    const { line, json } = describe(objectMessage(list));
    expect(line).toBe('an object that is too long for a line');
    expect(json).toEqual({ type: 'object', unread: line });
  });

  test('that holds itself is shown to some depth', () => {
    const list: unknown[] = [];
    list.push(list);
    expect(JSON.stringify(jsonOf(list))).toMatch(/^\[+"…"\]+$/);
  });

  test('that is a numpy array is an array, in either order', () => {
    const data = Buffer.from(Float32Array.of(1, 2, 3, 4, 5, 6).buffer);
    for (const fortran of [false, true]) {
      const array = { dtype: '<f4', shape: [2, 3], fortran, data };
      const { line, json, attachment } = describe(objectMessage(array));
      expect(line).toBe('float32 2×3, min 1, max 6, mean 3.5');
      expect(json).toMatchObject({ type: 'array', dtype: 'float32', shape: [2, 3] });
      expect(attachment).toEqual({ bytes: npyOf(array), extension: 'npy' });
      expect((attachment?.bytes.length ?? 0) % 64).toBe(24);
    }
  });

  test('that was not read is bytes with the reason', () => {
    const { line, json, attachment } = describe(
      objectMessage({ bytes: Buffer.of(1, 2), reason: 'it names os.system' }),
    );
    expect(line).toBe('2 bytes: it names os.system');
    expect(json).toEqual({ type: 'pickle', unread: 'it names os.system', bytes: 2 });
    expect(attachment?.extension).toBe('pickle');
  });
});

test('sizes and counts are written as people do', () => {
  expect([0, 1, 999, 1000, 123_456, 5_000_000, 2.5e9].map(formatBytes)).toEqual([
    '0 bytes',
    '1 byte',
    '999 bytes',
    '1 kB',
    '123 kB',
    '5 MB',
    '2.5 GB',
  ]);
  expect([0, 1, 2].map(formatCount)).toEqual(['0 messages', '1 message', '2 messages']);
});

test('size never says 1000 of a unit', () => {
  expect([999_499, 999_999, 999_999_999].map(formatBytes)).toEqual(['999 kB', '1 MB', '1 GB']);
});

test('a message of v1 in every form is described', async () => {
  const server: Server<'v1'> & { address: { port: number } } = await listen({ protocol: 'v1', port: 0 });
  const connection = await connect({ autoRestart: false, protocol: 'v1', port: server.address.port });
  const peer: Connection<'v1'> = await server.getConnection();
  await connection.sendData([1, null, 'x'], { mode: 4 });
  expect(describe((await peer.getMessage()) as PortableMessage).json).toEqual({
    type: 'object',
    value: [1, null, 'x'],
  });
  await connection.sendData(Buffer.of(1), { mode: 2 });
  expect(describe((await peer.getMessage()) as PortableMessage).line).toBe('1 byte: 01');
  await connection.close();
  await server.closeServer();
});
