/** Writing pickles: what the bytes are, and what is refused with which words. */

import { fc, test } from 'serpy-contract-tests/properties';
import { ValueError } from 'serpy-core';
import { describe, expect } from 'vitest';
import { NumpyArray, type Picklable, type PickleValue, readPickle, writePickle } from '../../src/pickle/index.js';

const written = (value: Picklable) => writePickle(value).toString('latin1');

function roundTrip(value: Picklable): PickleValue {
  const result = readPickle(writePickle(value));
  if (!result.ok) throw new Error(result.reason);
  return result.value;
}

/** For values that the types refuse as well. */
const errorOf = (value: unknown): Error => {
  try {
    writePickle(value as Picklable);
  } catch (error) {
    expect(error).toMatchObject({ code: 'ERR_SERPY_VALUE' });
    expect(error).toBeInstanceOf(ValueError);
    return error as Error;
  }
  throw new Error('it was written');
};

describe('what is written', () => {
  test.each<[Picklable, string]>([
    [null, 'N'],
    [undefined, 'N'],
    [true, '\x88'],
    [false, '\x89'],
    [0, 'K\x00'],
    [255, 'K\xff'],
    [256, 'M\x00\x01'],
    [65_536, 'J\x00\x00\x01\x00'],
    [-1, 'J\xff\xff\xff\xff'],
    [2_147_483_647, 'J\xff\xff\xff\x7f'],
    [2_147_483_648, '\x8a\x05\x00\x00\x00\x80\x00'],
    [-2_147_483_649, '\x8a\x05\xff\xff\xff\x7f\xff'],
    [5n, '\x8a\x01\x05'],
    [0n, '\x8a\x00'],
    [-128n, '\x8a\x01\x80'],
    [128n, '\x8a\x02\x80\x00'],
    [2n ** 63n, `\x8a\x09${'\0'.repeat(7)}\x80\x00`],
    [-(2n ** 63n), `\x8a\x08${'\0'.repeat(7)}\x80`],
    [-(2n ** 71n), `\x8a\x09${'\0'.repeat(8)}\x80`],
    [1.5, 'G\x3f\xf8\0\0\0\0\0\0'],
    [-0, 'G\x80\0\0\0\0\0\0\0'],
    [2 ** 53, 'G\x43\x40\0\0\0\0\0\0'],
    ['', '\x8c\x00'],
    ['µ', '\x8c\x02\xc2\xb5'],
    ['\ud800', '\x8c\x03\xed\xa0\x80'],
    ['a\ude00b\u{1f600}', '\x8c\x09a\xed\xb8\x80b\xf0\x9f\x98\x80'],
    ['a'.repeat(256), `X\x00\x01\x00\x00${'a'.repeat(256)}`],
    [Uint8Array.of(1, 2), 'C\x02\x01\x02'],
    [Buffer.alloc(256), `B\x00\x01\x00\x00${'\0'.repeat(256)}`],
    [[], '](e'],
    [[1, [2]], '](K\x01](K\x02ee'],
    [{ a: 1 }, '}(\x8c\x01aK\x01u'],
    [new Map([[1, 2]]), '}(K\x01K\x02u'],
    [new Set([1]), '\x8f(K\x01\x90'],
    [new Map([[[1, [2]], 3]]), '}((K\x01(K\x02ttK\x03u'],
    [new Set([new Set([1])]), '\x8f((K\x01\x91\x90'],
  ])('writes the fewest bytes that do: %#', (value, opcodes) => {
    expect(written(value)).toBe(`\x80\x04${opcodes}.`);
  });

  test('takes own enumerable string keys alone', () => {
    const value = Object.create(null) as Record<string | symbol, number>;
    value.a = 1;
    value[Symbol('b')] = 2;
    Object.defineProperty(value, 'c', { value: 3, enumerable: false });
    expect(roundTrip(value as { a: number })).toEqual(new Map([['a', 1]]));
    expect(roundTrip(JSON.parse('{"__proto__": 1}') as Picklable)).toEqual(new Map([['__proto__', 1]]));
  });

  test('writes holes as None', () => {
    expect(roundTrip(new Array(2))).toEqual([null, null]);
  });

  test('writes big data of any size, and many values, without loss', () => {
    for (const length of [4095, 4096, 70_000, 1_000_000]) {
      const [before, bytes, after, text] = roundTrip([
        'before',
        Buffer.alloc(length, 5),
        'after',
        'é'.repeat(length),
      ]) as [string, Buffer, string, string];
      expect([before, bytes.equals(Buffer.alloc(length, 5)), after]).toEqual(['before', true, 'after']);
      expect(text === 'é'.repeat(length)).toBe(true);
    }
    const many = Array.from({ length: 100_000 }, (_, index) => index * 1000);
    expect(roundTrip(many)).toEqual(many);
  });

  test('gives memory that is not that of the value', () => {
    const bytes = Buffer.alloc(10_000, 1);
    const pickle = writePickle(bytes);
    bytes.fill(2);
    expect(pickle.includes(2)).toBe(false);
  });
});

describe('round trips', () => {
  const { value } = fc.letrec<{ value: PickleValue }>((tie) => ({
    value: fc.oneof(
      { maxDepth: 4 },
      fc.constantFrom(null, true, false, -0, Number.NaN, Number.POSITIVE_INFINITY),
      fc.integer(),
      fc.maxSafeInteger(),
      fc.double(),
      fc.bigInt().filter((int) => !Number.isSafeInteger(Number(int))),
      fc.array(fc.integer({ min: 0, max: 0xffff })).map((units) => String.fromCharCode(...units)),
      fc.string({ unit: 'grapheme' }),
      fc.uint8Array().map((bytes) => Buffer.from(bytes)),
      fc.array(tie('value')),
      fc.array(fc.tuple(fc.oneof(fc.string(), fc.integer()), tie('value'))).map((entries) => new Map(entries)),
      fc.array(fc.string()).map((members) => new Set(members)),
    ),
  }));

  test.prop([value])('reads what it wrote', (input) => {
    expect(roundTrip(input as Picklable)).toStrictEqual(input);
  });
});

describe('what is refused', () => {
  class Camera {
    exposure = 1;
  }
  test.each<[unknown, string]>([
    [() => 1, 'value is a function'],
    [{ callback: () => 1 }, 'value.callback is a function'],
    [
      { images: [1, 2, 3, new Date(0)] },
      'value.images[3] is a Date, which is not plain data. Send value.toISOString()',
    ],
    [[Symbol('x')], 'value[0] is a symbol'],
    [new Map([['a b', { c: Symbol('x') }]]), 'value.get("a b").c is a symbol'],
    [new Map([[{}, 1]]), '[...value.keys()][0] would be a dict in a key'],
    [new Map([[[new Map()], 1]]), '[...value.keys()][0][0] would be a dict in a key'],
    [new Set([1, new Map()]), '[...value][1] would be a dict in a key or a set'],
    [{ 'a b': new Camera() }, 'value["a b"] is an object of class Camera'],
    [
      new Float32Array(2),
      'value is a Float32Array, whose type a pickle cannot hold. Send its bytes with new Uint8Array(',
    ],
    [new DataView(new ArrayBuffer(1)), 'value is a DataView'],
    [new ArrayBuffer(1), 'value is an ArrayBuffer. Send new Uint8Array(buffer)'],
    [new NumpyArray('<f4', [0], false, Buffer.alloc(0)), 'value is a NumpyArray'],
    [Promise.resolve(), 'value is a Promise. Await it'],
    [Object(1), 'value is a Number object'],
    [new Error('x'), 'value is an object of class Error'],
    [/x/, 'value is an object of class RegExp'],
    [new WeakMap(), 'value is an object of class WeakMap'],
    [Object.create({ inherited: 1 }), 'value is an object of class Object'],
  ])('says where and why: %#', (value, words) => {
    expect(errorOf(value).message).toContain(words);
  });

  test('refuses what holds itself, and takes what is only shared', () => {
    const list: unknown[] = [];
    list.push({ back: list });
    expect(errorOf(list).message).toMatch(/^value\[0\]\.back contains itself/);
    const map = new Map<unknown, unknown>();
    map.set('self', map);
    expect(errorOf(map).message).toMatch(/^value\.get\("self"\) contains itself/);
    const shared = [1];
    expect(roundTrip([shared, shared])).toEqual([[1], [1]]);
  });

  test.each<[Picklable, string]>([
    [
      new Map<Picklable, Picklable>([
        [1, 'a'],
        [1n, 'b'],
      ]),
      '1 and 1n',
    ],
    [
      new Map<Picklable, Picklable>([
        [true, 'a'],
        [1, 'b'],
      ]),
      'true and 1',
    ],
    [
      new Map<Picklable, Picklable>([
        [null, 'a'],
        [undefined, 'b'],
      ]),
      'null and undefined',
    ],
    [new Set<Picklable>([2 ** 60, 2n ** 60n]), '1152921504606847000 and 1152921504606846976n'],
    [
      new Set<Picklable>([
        [1, 'a'],
        [true, 'a'],
      ]),
      'Array and Array',
    ],
    [new Set<Picklable>([Buffer.from('a'), Buffer.from('a')]), 'Uint8Array and Uint8Array'],
    [new Set<Picklable>([new Set([1, 2]), new Set([2, 1])]), 'Set and Set'],
  ])('refuses keys that are one in Python: %#', (value, pair) => {
    expect(errorOf({ table: value }).message).toContain(`value.table has two keys that are equal in Python: ${pair}`);
  });

  test('takes keys that only look alike', () => {
    expect(roundTrip(new Set<Picklable>([1n, '1', 1.5, 2n, null, 'None', [1], ['1'], new Set([1])]))).toHaveProperty(
      'size',
      9,
    );
  });
});

describe('limits', () => {
  const nested = (levels: number): Picklable => (levels === 0 ? 1 : [nested(levels - 1)]);

  test('takes as many levels as maxDepth says, and no more', () => {
    expect(() => writePickle(nested(100))).not.toThrow();
    expect(errorOf(nested(101)).message).toContain('is nested deeper than 100 levels (maxDepth)');
    expect(() => writePickle(nested(3), { maxDepth: 2 })).toThrow(/^value\[0\]\[0\] is nested deeper than 2 levels/);
    expect(() => writePickle(nested(1000), { maxDepth: 1000 })).not.toThrow();
  });

  test('takes as many values as maxItems says, and no more', () => {
    expect(() => writePickle([1, 2], { maxItems: 3 })).not.toThrow();
    expect(() => writePickle([1, 2, 3], { maxItems: 3 })).toThrow(
      /^value\[2\] exceeds the limit of 3 values \(maxItems\)/,
    );
    expect(errorOf(new Array(2 ** 32 - 1)).message).toContain('maxItems');
  });

  test('stops at maxBytes', () => {
    expect(() => writePickle('12345', { maxBytes: 10 })).not.toThrow();
    for (const value of ['123456', Buffer.alloc(5000), [1, 2, 3, 4]]) {
      expect(() => writePickle(value, { maxBytes: 9 })).toThrow(
        expect.objectContaining({ code: 'ERR_SERPY_TOO_LARGE' }),
      );
    }
  });

  test.each([{ maxDepth: 0 }, { maxDepth: 1001 }, { maxItems: 1.5 }, { maxBytes: Number.NaN }, { maxItems: 2 ** 24 }])(
    'refuses the limits %j',
    (limits) => {
      expect(() => writePickle(1, limits)).toThrow(expect.objectContaining({ code: 'ERR_SERPY_OPTION' }));
      expect(() => readPickle(Buffer.from('N.'), limits)).toThrow(
        expect.objectContaining({ code: 'ERR_SERPY_OPTION' }),
      );
    },
  );
});
