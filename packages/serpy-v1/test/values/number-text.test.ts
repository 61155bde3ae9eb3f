/** Numbers as Python's `str` writes them, compared with Python itself, and back. */
import { spawnSync } from 'node:child_process';
import { fc } from 'serpy-contract-tests/properties';
import { seededRandom } from 'serpy-core/testing';
import { describe, expect, test } from 'vitest';
import { formatFloat, formatNumber, parseNumber } from '../../src/values/number-text.js';

const { status } = spawnSync('python3', ['-c', 'import sys; assert sys.version_info >= (3, 8)']);
const hasPython = status === 0;
const titled = (title: string) => (hasPython ? title : `${title} (skipped: there is no python3 on this machine)`);

/** Doubles at the borders of the forms, and many of random bits, random sizes and few digits. */
function* doubles(): Iterable<number> {
  yield* [0, -0, 1, -1, 0.1, 1 / 3, 5e-324, 2.2250738585072014e-308, Number.MAX_VALUE, 2 ** 53, 2 ** 53 + 2];
  yield* [Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY, Number.NaN];
  for (let exponent = -30; exponent <= 30; exponent++)
    yield* [10 ** exponent, -(10 ** exponent) / 3, 9.5 * 10 ** exponent];
  for (const near of [1e-4, 1e15, 1e16, 1e17, 2 ** 53]) {
    const bits = new DataView(new ArrayBuffer(8));
    for (let step = -3n; step <= 3n; step++) {
      bits.setFloat64(0, near);
      bits.setBigUint64(0, bits.getBigUint64(0) + step);
      yield bits.getFloat64(0);
    }
  }
  const random = seededRandom(85);
  const bits = new DataView(new ArrayBuffer(8));
  for (let i = 0; i < 4000; i++) {
    bits.setUint32(0, random() * 2 ** 32);
    bits.setUint32(4, random() * 2 ** 32);
    yield bits.getFloat64(0);
    yield (random() - 0.5) * 10 ** Math.floor(random() * 40 - 20);
    yield Number(((random() - 0.5) * 1000).toFixed(2));
  }
}

test.skipIf(!hasPython)(titled('writes thousands of doubles as Python does'), () => {
  const values = [...doubles()];
  const bits = Buffer.alloc(values.length * 8);
  values.forEach((value, i) => bits.writeDoubleBE(value, i * 8));
  const script =
    'import struct, sys; [print(str(value)) for (value,) in struct.iter_unpack(">d", bytes.fromhex(sys.stdin.read()))]';
  const { stdout } = spawnSync('python3', ['-c', script], {
    input: bits.toString('hex'),
    encoding: 'utf8',
    maxBuffer: 16 * 1024 * 1024,
  });
  expect(values.length).toBeGreaterThan(10_000);
  expect(values.map(formatFloat)).toEqual(stdout.trimEnd().split('\n'));
});

describe('formatNumber', () => {
  const rows: [number | bigint, string][] = [
    [0, '0'],
    [-0, '-0.0'],
    [7, '7'],
    [-2, '-2'],
    [3.5, '3.5'],
    [0.0001, '0.0001'],
    [0.00001, '1e-05'],
    [1e16, '1e+16'],
    [1e100, '1e+100'],
    [1.5e-7, '1.5e-07'],
    [Number.MAX_SAFE_INTEGER, '9007199254740991'],
    [2 ** 53, '9007199254740992.0'],
    [2n ** 64n, '18446744073709551616'],
    [-(2n ** 64n), '-18446744073709551616'],
    [Number.NaN, 'nan'],
    [Number.POSITIVE_INFINITY, 'inf'],
    [Number.NEGATIVE_INFINITY, '-inf'],
  ];
  test.each(rows.map(([value, text]) => [String(value), text, value] as const))('%s is %s', (_, text, value) => {
    expect(formatNumber(value)).toBe(text);
  });

  test('an integer formatted as a double has a point', () => {
    expect([7, 0, -3, 1e15, 1e16].map(formatFloat)).toEqual(['7.0', '0.0', '-3.0', '1000000000000000.0', '1e+16']);
  });
});

describe('parseNumber', () => {
  test('reads back every double and every integer', () => {
    fc.assert(
      fc.property(fc.oneof(fc.double(), fc.integer(), fc.maxSafeInteger()), (value) => {
        expect(parseNumber(formatNumber(value))).toBe(value);
        expect(parseNumber(formatFloat(value))).toBe(value);
      }),
    );
    fc.assert(
      fc.property(fc.bigInt(), (value) => {
        const safe = value >= BigInt(Number.MIN_SAFE_INTEGER) && value <= BigInt(Number.MAX_SAFE_INTEGER);
        expect(parseNumber(formatNumber(value))).toBe(safe ? Number(value) : value);
      }),
    );
  });

  const rows: [string, number | bigint | undefined][] = [
    [' 7\r\n', 7],
    ['+7', 7],
    ['007', 7],
    ['+9007199254740993', 9007199254740993n],
    ['-9007199254740993', -9007199254740993n],
    ['1.', 1],
    ['.5', 0.5],
    ['1E5', 100_000],
    ['1e+16', 1e16],
    ['-1.5e-07', -1.5e-7],
    ['1e999', Number.POSITIVE_INFINITY],
    ['inf', Number.POSITIVE_INFINITY],
    ['-Infinity', Number.NEGATIVE_INFINITY],
    ['NaN', Number.NaN],
    ['-0.0', -0],
    ...['', ' ', '.', '+', 'e5', '1e', '1e+', '0x10', '1,5', '1 2', '--1', '1.2.3', 'infin', 'in', 'one', '1n'].map(
      (text): [string, undefined] => [text, undefined],
    ),
  ];
  test.each(rows.map(([text, value]) => [JSON.stringify(text), String(value), text, value] as const))(
    'reads %s as %s',
    (_, __, text, value) => {
      expect(parseNumber(text)).toBe(value);
    },
  );

  test('rejects a long text of digits in linear time', () => {
    for (const text of [`${'1'.repeat(4_000)}x`, `1e${'1'.repeat(4_000)}x`, `${' '.repeat(1_000_000)}x`]) {
      expect(parseNumber(text)).toBeUndefined();
    }
  });
});

describe('a number that is too long', () => {
  const tooLong = (action: () => unknown) =>
    expect(action).toThrow(expect.objectContaining({ code: 'ERR_SERPY_VALUE' }));

  test('is refused in both directions, before time is spent on its digits', () => {
    tooLong(() => formatNumber(1n << 8191n));
    tooLong(() => formatNumber(1n << 100_000_000n));
    tooLong(() => parseNumber('7'.repeat(50_000_000)));
    tooLong(() => parseNumber(`1.${'0'.repeat(4300)}`));
  });

  test('is one beyond 1024 bytes, or beyond 4300 characters', () => {
    const most = (1n << 8191n) - 1n;
    expect(parseNumber(formatNumber(most))).toBe(most);
    expect(parseNumber(formatNumber(-most - 1n))).toBe(-most - 1n);
    expect(parseNumber('0'.repeat(4300))).toBe(0);
  });
});
