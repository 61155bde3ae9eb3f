/** Bytes that are not a `.npy` or state false sizes: a typed error, without an allocation. */

import { arrayOf, decodeNpy, encodeNpy, isNpy, readNpyHeader } from 'serpy-arrays';
import { fc } from 'serpy-contract-tests/properties';
import { isSerpyError } from 'serpy-core';
import { describe, expect, test } from 'vitest';
import { npyWith, thrownBy, vectors } from '../bytes.js';

const whole = encodeNpy({ data: new Float32Array(6), shape: [2, 3] });
const said = (shape: string, descr = "'<f4'", order = 'False') =>
  `{'descr': ${descr}, 'fortran_order': ${order}, 'shape': ${shape}, }`;

/** Bytes below each of these are asked for what they are; none may be believed. */
const texts: [string, string][] = [
  ['', 'numpy does not write such a header'],
  ['\n', 'numpy does not write such a header'],
  ['{', 'numpy does not write such a header'],
  ['{}', 'numpy does not write such a header'],
  ['None', 'numpy does not write such a header'],
  [said('(2, 3)').slice(0, -1), 'numpy does not write such a header'],
  [`${said('(2, 3)')} and more`, 'numpy does not write such a header'],
  [said('(2 3)'), 'numpy does not write such a header'],
  [said('(2,, 3)'), 'numpy does not write such a header'],
  [said('(6)'), 'numpy does not write such a header'],
  [said('[2, 3]'), 'numpy does not write such a header'],
  [said('6'), 'numpy does not write such a header'],
  [said('(-2, 3)'), 'numpy does not write such a header'],
  [said('(2.0, 3)'), 'numpy does not write such a header'],
  [said('(2e0, 3)'), 'numpy does not write such a header'],
  [said('(0x2, 3)'), 'numpy does not write such a header'],
  [said('(True, 3)'), 'numpy does not write such a header'],
  [said('(2, 3'), 'numpy does not write such a header'],
  [said(`(${'1'.repeat(30)},)`), 'numpy does not write such a header'],
  [said('(2, 3)', "'<f4'", '0'), 'numpy does not write such a header'],
  [said('(2, 3)', "'<f4'", 'false'), 'numpy does not write such a header'],
  [said('(2, 3)', "'<f4'", '__import__'), 'numpy does not write such a header'],
  [said('(2, 3)', 'f4'), 'numpy does not write such a header'],
  [said('(2, 3)', "'<f4"), 'numpy does not write such a header'],
  [said('(2, 3)', "'\\x3cf4'"), 'numpy does not write such a header'],
  [said('(2, 3)', "b'<f4'"), 'numpy does not write such a header'],
  [said('(2, 3)', "('<f4', (2,))"), 'numpy does not write such a header'],
  ["{'descr': '<f4', 'fortran_order': False}", 'numpy does not write such a header'],
  ["{'fortran_order': False, 'shape': (2, 3)}", 'numpy does not write such a header'],
  [`{'descr': '<f4', ${said('(2, 3)').slice(1)}`, 'numpy does not write such a header'],
  [`{'shape': (2, 3), ${said('(2, 3)').slice(1)}`, 'numpy does not write such a header'],
  [`{'fortran_order': True, ${said('(2, 3)').slice(1)}`, 'numpy does not write such a header'],
  [`{'__proto__': '<f4', ${said('(2, 3)').slice(1)}`, 'numpy does not write such a header'],
  [said('(2, 3)', "[('x', '<f4')]"), 'named fields'],
  [said('(2, 3)', `[${'['.repeat(60_000)}`), 'named fields'],
  [said('(2, 3)', "'<f3'"), 'a size that JavaScript lacks ("<f3")'],
  [said('(2, 3)', "'f4'"), 'does not state the byte order'],
  [said('(2, 3)', "'=f4'"), 'does not state the byte order'],
  [said('(2, 3)', "'|f4'"), 'does not state the byte order'],
  [said('(2, 3)', "''"), 'of the unknown type ""'],
  [said('(2, 3)', "'<q8'"), 'of the unknown type "<q8"'],
  [said('(2, 3)', `'${'q'.repeat(50_000)}'`), 'q…"'],
  [said('(2, 3)', "'<q\x7f\x9b\u0000'"), 'of the unknown type "<q???"'],
  [said('(2, 3)', "'toString'"), 'of the unknown type "toString"'],
  [said(`(${'1, '.repeat(65)})`), 'the shape has 65 axes'],
  [said(`(${'1, '.repeat(20_000)})`), 'the shape has 20000 axes'],
  [said('(9007199254740992,)'), 'not an integer from 0 on'],
  [said('(9007199254740991, 9007199254740991)'), 'truncated, since float32 elements'],
  [said(`(${'9007199254740991, '.repeat(64)})`), 'truncated, since float32 elements'],
  [said('(2, 4)'), 'have 32 bytes, and 24 follow the header'],
  [said('(2, 2)'), 'have 16 bytes, and 24 follow the header'],
  [said('(0, 9007199254740991)'), 'too long, since float32 elements'],
];

describe('a header', () => {
  test.each(texts.map(([text, says]) => [text.length > 60 ? `${text.slice(0, 60)}…` : text, text, says] as const))(
    '%s is refused',
    (_, text, says) => {
      for (const version of [1, 2, 3] as const) {
        const npy = npyWith(text, whole.subarray(128), version);
        const error = thrownBy(() => decodeNpy(npy));
        expect(error).toMatchObject({ name: 'ArrayFormatError', code: 'ERR_SERPY_ARRAY_FORMAT' });
        expect(error.message).toContain(says);
        expect(error.message.length).toBeLessThan(600);
        expect(error.data).toBe(npy);
      }
    },
  );

  test('of any length is read once: one that is all spaces, or all brackets, costs no more than its bytes', () => {
    for (const filling of [' ', '(', '1', "'", ', ', "'a':", '1, ']) {
      const text = filling.repeat(65_000 / filling.length);
      const started = process.cpuUsage();
      for (let i = 0; i < 20; i++) thrownBy(() => decodeNpy(npyWith(said(`(${text},)`).slice(0, 65_535))));
      const { user } = process.cpuUsage(started);
      expect(user / 20, filling).toBeLessThan(100_000); // in microseconds; backtracking took seconds
    }
  });
});

test('rejects every prefix of a .npy, and says that it is truncated once the magic is complete', () => {
  for (let length = 0; length < whole.length; length++) {
    const error = thrownBy(() => decodeNpy(whole.subarray(0, length)));
    expect(error.code).toBe('ERR_SERPY_ARRAY_FORMAT');
    expect(error.message).toContain(length < 6 ? 'not a .npy' : 'truncated');
  }
});

test.each([
  ['another version', [4, 0], 'its version is 4.0'],
  ['no version', [0, 0], 'its version is 0.0'],
  ['a later one', [255, 7], 'its version is 255.7'],
])('%s is refused', (_, version, says) => {
  const npy = Buffer.from(whole);
  npy.set(version, 6);
  expect(thrownBy(() => decodeNpy(npy)).message).toContain(says);
});

test('a header that announces gigabytes is refused for what it says', () => {
  const npy = npyWith(said('(2, 3)'), whole.subarray(128), 2);
  npy.writeUInt32LE(0xfffffff0, 8);
  expect(thrownBy(() => decodeNpy(npy)).message).toContain('its header has 4294967280 bytes');
});

test('whatever comes is an array or a typed error, and the array has as many elements as its shape says', () => {
  const seeds = [...vectors.arrays, ...vectors.refused].map(({ npy }) => Buffer.from(npy, 'hex'));
  const change = fc.record({ at: fc.nat(400), byte: fc.nat(255), cut: fc.option(fc.nat(300)), insert: fc.boolean() });
  fc.assert(
    fc.property(fc.constantFrom(...seeds), fc.array(change, { minLength: 1, maxLength: 4 }), (seed, changes) => {
      let bytes = Buffer.from(seed);
      for (const { at, byte, cut, insert } of changes) {
        if (cut !== null && cut % 8 === 0) bytes = bytes.subarray(0, cut);
        else if (insert) bytes = Buffer.concat([bytes.subarray(0, at), Buffer.of(byte), bytes.subarray(at)]);
        else if (at < bytes.length) bytes[at] = byte;
      }
      const before = Buffer.from(bytes);
      try {
        const { data, shape, dtype } = decodeNpy(bytes);
        const parts = dtype.startsWith('complex') ? 2 : 1;
        expect(data.length).toBe(shape.includes(0) ? 0 : shape.reduce((a, b) => a * b, parts));
        expect(readNpyHeader(bytes).dtype).toBe(dtype);
      } catch (error) {
        if (!isSerpyError(error)) throw error;
        expect(error.code).toBe('ERR_SERPY_ARRAY_FORMAT');
      }
      expect(bytes.equals(before)).toBe(true);
    }),
    { numRuns: 3000 },
  );
});

describe('arrayOf', () => {
  const bytes = Buffer.from('000102030405060708090a0b', 'hex');

  test('lays an array over bare bytes', () => {
    const memory = Buffer.allocUnsafeSlow(8);
    memory.writeFloatLE(1.5, 4);
    const array = arrayOf(memory, { dtype: 'float32', shape: [1, 2] });
    expect([array.data[1], array.shape, array.data.buffer]).toEqual([1.5, [1, 2], memory.buffer]);
  });

  test('in either order of bytes and of axes', () => {
    expect(arrayOf(bytes, { dtype: 'uint16' }).data[0]).toBe(0x0100);
    expect(arrayOf(bytes, { dtype: 'uint16', byteOrder: 'big' }).data[0]).toBe(0x0001);
    const turned = arrayOf(bytes.subarray(0, 6), { dtype: 'uint8', shape: [2, 3], fortranOrder: true });
    expect(turned).toEqual({ data: Uint8Array.of(0, 2, 4, 1, 3, 5), shape: [2, 3], dtype: 'uint8' });
  });

  test('turns an array of 64 axes, most of one place, in the time of one with two', () => {
    const large = Buffer.alloc(2 ** 21).map((_, at) => at * 7);
    const turn = (shape: number[]) => {
      const before = process.cpuUsage();
      const { data } = arrayOf(large, { dtype: 'uint8', shape, fortranOrder: true });
      return { data, cpuUs: process.cpuUsage(before).user };
    };
    const ones = Array<number>(31).fill(1);
    const plain = turn([2, 2 ** 20]);
    const many = turn([...ones, 2, ...ones, 2 ** 20]);
    const last = turn([2, 2 ** 20, ...ones, ...ones]);
    expect(plain.data[1]).toBe(large[2]);
    for (const { data } of [many, last]) expect(Buffer.compare(data, plain.data)).toBe(0);
    expect(many.cpuUs + last.cpuUs).toBeLessThan(8 * plain.cpuUs + 50_000);
  });

  test.each<[unknown, string, string]>([
    [
      { dtype: 'float32', shape: [2, 2] },
      'ERR_SERPY_ARRAY_FORMAT',
      'float32 elements of shape [2, 2] have 16 bytes, and the message has 12',
    ],
    [
      { dtype: 'float64' },
      'ERR_SERPY_ARRAY_FORMAT',
      'the message has 12 bytes, which cannot be split into float64 elements of 8 bytes each',
    ],
    [{ dtype: 'float32', shape: [2 ** 52, 2 ** 52] }, 'ERR_SERPY_ARRAY_FORMAT', 'and the message has 12'],
    [
      undefined,
      'ERR_SERPY_OPTION',
      "arrayOf takes the type of the bytes as an object such as { dtype: 'float32' }, not undefined",
    ],
    ['float32', 'ERR_SERPY_OPTION', "such as { dtype: 'float32' }, not float32"],
    [{ dtype: 'f4' }, 'ERR_SERPY_OPTION', 'dtype takes one of bool, int8'],
    [{}, 'ERR_SERPY_OPTION', 'dtype takes one of'],
    [{ dtype: 'uint8', shape: [-12] }, 'ERR_SERPY_OPTION', 'not an integer'],
    [{ dtype: 'uint8', byteOrder: 'LE' }, 'ERR_SERPY_OPTION', "byteOrder takes 'little' or 'big', not LE"],
    [{ dtype: 'uint8', fortranOrder: 'F' }, 'ERR_SERPY_OPTION', 'fortranOrder takes true or false, not F'],
  ])('refuses %o', (bare, code, says) => {
    const error = thrownBy(() => arrayOf(bytes, bare as never));
    expect(error.code).toBe(code);
    expect(error.message).toContain(says);
    expect(error.data).toBe(code === 'ERR_SERPY_ARRAY_FORMAT' ? bytes : undefined);
  });
  test.each(['text', undefined, null, 5, [1, 2], new Float32Array(2)])('refuses %o in the place of bytes', (value) => {
    const calls = {
      decodeNpy: () => decodeNpy(value as never),
      readNpyHeader: () => readNpyHeader(value as never),
      arrayOf: () => arrayOf(value as never, { dtype: 'uint8' }),
    };
    for (const [name, call] of Object.entries(calls)) {
      expect(thrownBy(call)).toMatchObject({
        code: 'ERR_SERPY_VALUE',
        message: expect.stringMatching(new RegExp(`^${name} takes bytes \\(Buffer or Uint8Array\\), not `)),
      });
    }
    expect(isNpy(value as never)).toBe(false);
  });
});
