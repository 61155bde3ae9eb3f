/** Doubles as hexadecimal text, compared with a table that can be checked by hand, with the oracle, and with Python if it is installed. */
import { spawnSync } from 'node:child_process';
import { fc } from 'serpy-contract-tests/properties';
import { seededRandom } from 'serpy-core/testing';
import { describe, expect, test } from 'vitest';
import { formatFloatHex, parseFloatHex } from '../../src/values/float-hex.js';
import { bitsOf, doubleOf, floatText, readFloat } from '../oracle.js';

const smallest = 2 ** -1074;
const smallestNormal = 2 ** -1022;
const largest = Number.MAX_VALUE;

/** All patterns of 64 bits, with edge cases more often than at random. */
const anyDouble = fc.oneof(
  fc.bigInt({ min: 0n, max: 2n ** 64n - 1n }).map(doubleOf),
  fc.bigInt({ min: 0n, max: 2n ** 53n }).map(doubleOf), // subnormals and the smallest normals
  fc.double(),
);

/** The result of float.fromhex; undefined if it rejects the text. */
function parsed(text: string): number | undefined {
  try {
    return parseFloatHex(text);
  } catch (error) {
    expect(error).toBeInstanceOf(RangeError);
    return undefined;
  }
}

describe('formatFloatHex', () => {
  test.each([
    [0, '0x0.0p+0'],
    [-0, '-0x0.0p+0'],
    [1, '0x1.0000000000000p+0'],
    [-1.5, '-0x1.8000000000000p+0'],
    [0.1, '0x1.999999999999ap-4'],
    [Math.PI, '0x1.921fb54442d18p+1'],
    [smallest, '0x0.0000000000001p-1022'],
    [smallestNormal - smallest, '0x0.fffffffffffffp-1022'],
    [smallestNormal, '0x1.0000000000000p-1022'],
    [largest, '0x1.fffffffffffffp+1023'],
    [-largest, '-0x1.fffffffffffffp+1023'],
    [Number.POSITIVE_INFINITY, 'inf'],
    [Number.NEGATIVE_INFINITY, '-inf'],
    [Number.NaN, 'nan'],
    [doubleOf(0xffff_0000_0000_0001n), 'nan'],
  ])('writes %d as %s', (value, text) => {
    expect(formatFloatHex(value)).toBe(text);
  });

  test('agrees with the oracle for all patterns of bits', () => {
    fc.assert(
      fc.property(anyDouble, (value) => formatFloatHex(value) === floatText(value)),
      { numRuns: 2000 },
    );
  });

  test('writes text that parseFloatHex reads back bit for bit', () => {
    fc.assert(
      fc.property(anyDouble, (value) => Object.is(parseFloatHex(formatFloatHex(value)), value)),
      { numRuns: 5000 },
    );
  });
});

describe('parseFloatHex', () => {
  test.each<[text: string, value: number]>([
    // forms that only float.fromhex accepts
    ['1', 1],
    ['10', 16],
    ['a', 10],
    ['1.0e5', 1 + 0x0e5 / 4096], // e is a digit
    ['0x1', 1],
    ['0X1P3', 8],
    ['0x1p3', 8],
    ['0x1p+3', 8],
    ['0x1p-3', 0.125],
    ['0x1p0000000000000000000003', 8],
    ['0x1.', 1],
    ['0x.8', 0.5],
    ['.8', 0.5],
    ['1.', 1],
    ['0x00001.8', 1.5],
    ['0xABC.DEF', 0xabcdef / 4096],
    ['+0x1', 1],
    ['-0x1', -1],
    [' \t\n\v\f\r0x1\r\f\v\n\t ', 1],
    ['inf', Number.POSITIVE_INFINITY],
    ['INF', Number.POSITIVE_INFINITY],
    ['+Infinity', Number.POSITIVE_INFINITY],
    ['-infinity', Number.NEGATIVE_INFINITY],
    [' -iNf ', Number.NEGATIVE_INFINITY],
    ['nan', Number.NaN],
    ['NaN', Number.NaN],
    ['+nan', Number.NaN],
    ['-nan', Number.NaN],
    // zeros
    ['0', 0],
    ['-0', -0],
    ['0x.0', 0],
    ['-0x0.0p+0', -0],
    ['0p99999999999999999999999', 0],
    ['0x0.000000000000000000000000000000000000p5', 0],
    // rounding of normal numbers: to nearest, ties to even
    ['0x1.00000000000008', 1],
    ['0x1.000000000000080000000000000000000001', 1 + 2 ** -52],
    ['0x1.00000000000007ffffffffffffffffffffff', 1],
    ['0x1.00000000000018', 1 + 2 ** -51],
    ['0x1.0000000000001', 1 + 2 ** -52],
    ['0x3.00000000000008', 3],
    ['0x1.fffffffffffff8', 2],
    ['0x1.fffffffffffff7fffff', 2 - 2 ** -52],
    ['20000000000001', 2 ** 53],
    ['20000000000003', 2 ** 53 + 4],
    [`0x${'0'.repeat(400)}1${'0'.repeat(400)}p-1600`, 1],
    [`0x0.${'0'.repeat(400)}1p1604`, 1],
    // rounding at and below the smallest normal number
    ['0x1p-1074', smallest],
    ['0x1p-1075', 0],
    ['0x1.0000000000000000000000001p-1075', smallest],
    ['0x0.8p-1074', 0],
    ['0x1.8p-1074', 2 * smallest],
    ['0x2.8p-1074', 2 * smallest],
    ['0x2.80000000001p-1074', 3 * smallest],
    ['0x1p-1076', 0],
    ['-0x1p-1076', -0],
    ['0x1p-99999999999999999999999', 0],
    ['0x0.fffffffffffff8p-1022', smallestNormal],
    ['0x0.fffffffffffff7p-1022', smallestNormal - smallest],
    // up to the largest
    ['0x1.fffffffffffffp1023', largest],
    ['0x1.fffffffffffff7ffffffffffffffffp1023', largest],
    ['0x.1fffffffffffffp1027', largest],
  ])('reads %j as %d', (text, value) => {
    expect(parsed(text)).toBe(value);
    expect(readFloat(text), 'the oracle').toBe(value);
  });

  test.each([
    '',
    ' ',
    '+',
    '-',
    '0x',
    '0x.',
    '.',
    '0x.p1',
    'p1',
    '0x1p',
    '0x1p+',
    '0x1p+-1',
    '0x1p 1',
    '0x1p1.0',
    '0x1pa',
    '0x 1',
    '+ 0x1',
    '--1',
    '0x-1',
    '0x0x1',
    'x1',
    '0x1..8',
    '0x1.8.8',
    '0x1_0',
    '1,5',
    '1g',
    '0x1p1 junk',
    '0x1\0',
    'in',
    'infi',
    'infinit',
    'infinityy',
    'infp1',
    '0xinf',
    'nan0',
    'nan(1)',
    '0x1\xa0',
    '\u2003' + '1',
    '１',
    '0x1\x1c',
    '0x1\x85',
    // too large
    '0x1p1024',
    '-0x1p1024',
    '0x.1p1028',
    '0x1.fffffffffffff8p1023',
    '0x1p99999999999999999999999',
    `0x1${'0'.repeat(256)}`,
  ])('refuses %j', (text) => {
    expect(() => parseFloatHex(text)).toThrow(RangeError);
    expect(readFloat(text), 'the oracle').toBeUndefined();
  });

  test('reports whether a text is not a number or too large, and shows only the start of a long one', () => {
    expect(() => parseFloatHex('1.5 V')).toThrow('"1.5 V" is not a hexadecimal floating-point number');
    expect(() => parseFloatHex('0x1p1024')).toThrow('"0x1p1024" is too large for a double');
    expect(() => parseFloatHex('z'.repeat(5000))).toThrow(`"${'z'.repeat(40)}…" is no`);
  });

  test('reads a long text in linear time, even if it is invalid', { timeout: 5000 }, () => {
    // A regular expression that can match in many ways takes seconds for some of these, and the test times out.
    const length = 1 << 16;
    for (const part of [' ', '0', 'f', '.', '0x', 'p', 'inf', '+', '\n']) {
      const long = part.repeat(length / part.length);
      for (const text of [long, `${long}z`, `z${long}`, `1${long}z`, `0x1.8p1${long}z`, `0x1.${long}p`]) parsed(text);
    }
    expect(parsed(`${' '.repeat(length)}0x1${'f'.repeat(length)}p-${4 * length}${' '.repeat(length)}`)).toBe(2);
  });

  test('agrees with the oracle on random texts', () => {
    const random = seededRandom(7);
    for (let i = 0; i < 3000; i++) {
      const text = randomText(random);
      expect(parsed(text), JSON.stringify(text)).toBe(readFloat(text));
    }
  });
});

/** A text of the right form or nearly so, often at an edge of what a double can hold. */
function randomText(random: () => number): string {
  const pick = (choices: readonly string[]) => choices[Math.floor(random() * choices.length)] as string;
  const some = (alphabet: string, most: number) =>
    Array.from({ length: Math.floor(random() * (most + 1)) }, () => pick([...alphabet])).join('');
  const digits = (most: number) => some(pick(['0123456789abcdef', '0123456789abcdefABCDEF', '0f8', '01']), most);
  const tail = pick(['', '', '8', '80', '800', '80000000000000000001', '7ffffffffffffffffff', '4', 'c']);
  const fraction = random() < 0.6 ? digits(13).padEnd(13, pick(['0', 'f', '1'])) + tail : digits(20);
  const exponents = [0, 3, -4, 52, 1020, 1023, 1024, -1020, -1022, -1023, -1060, -1074, -1075, -1076];
  const exponent = Number(pick(exponents.map(String))) + Math.floor(random() * 5) - 2;
  const text = [
    some(' \t\n', random() < 0.1 ? 3 : 0),
    pick(['', '', '+', '-']),
    pick(['0x', '0x', '0X', '']),
    pick(['1', '1', '0', '', digits(20)]),
    random() < 0.85 ? `.${fraction}` : '',
    random() < 0.85 ? pick(['p', 'P']) + (exponent >= 0 ? pick(['', '+']) : '') + exponent : '',
    some(' \r\v\f', random() < 0.1 ? 3 : 0),
  ].join('');
  if (random() < 0.75) return text;
  const at = Math.floor(random() * (text.length + 1));
  const removed = Math.floor(random() * 3);
  const inserted = pick([
    '',
    '',
    '.',
    'p',
    'x',
    '0x',
    '-',
    '+',
    ' ',
    '_',
    'g',
    'e',
    'inf',
    'nan',
    'é',
    '\0',
    '１',
    'i',
    'n',
  ]);
  return text.slice(0, at) + inserted + text.slice(at + removed);
}

/** Reads texts and patterns of bits as JSON, and prints the bits of each text (null: rejected) and the text of each pattern. */
const pythonProgram = `
import json, struct, sys
asked = json.load(sys.stdin)
def bits(text):
    try:
        return struct.pack('>d', float.fromhex(text)).hex()
    except (ValueError, OverflowError):
        return None
answer = {
    'bits': [bits(text) for text in asked['texts']],
    'texts': [struct.unpack('>d', bytes.fromhex(b))[0].hex() for b in asked['bits']],
}
json.dump(answer, sys.stdout)
`;

const hasPython = spawnSync('python3', ['-c', 'pass']).status === 0;
const python = hasPython ? 'python3' : 'python3 (not here, so this is skipped)';

describe.skipIf(!hasPython)(`beside ${python}`, () => {
  const random = seededRandom(42);
  const texts = Array.from({ length: 12_000 }, () => randomText(random));
  const doubles = Array.from({ length: 4000 }, () => {
    const bits = (BigInt(Math.floor(random() * 2 ** 32)) << 32n) | BigInt(Math.floor(random() * 2 ** 32));
    return doubleOf(random() < 0.3 ? bits % 2n ** 54n : bits);
  });
  const bitsHex = (value: number) => bitsOf(value).toString(16).padStart(16, '0');
  const asked = JSON.stringify({ texts, bits: doubles.map(bitsHex) });
  const { stdout, stderr } = spawnSync('python3', ['-c', pythonProgram], { input: asked, maxBuffer: 1 << 26 });

  test('Python answered', () => {
    expect(stderr.toString()).toBe('');
  });

  const answer = JSON.parse(stdout.toString() || '{"bits":[],"texts":[]}') as {
    bits: (string | null)[];
    texts: string[];
  };

  test('float.fromhex and parseFloatHex agree on thousands of texts, rejected ones included', () => {
    expect(answer.bits).toHaveLength(texts.length);
    texts.forEach((text, i) => {
      const bits = answer.bits[i];
      expect(parsed(text), JSON.stringify(text)).toBe(bits == null ? undefined : doubleOf(BigInt(`0x${bits}`)));
    });
    const refused = answer.bits.filter((bits) => bits === null).length;
    expect(refused, 'there are enough of either kind').toBeGreaterThan(1000);
    expect(refused).toBeLessThan(texts.length / 2);
  });

  test('float.hex and formatFloatHex agree on thousands of patterns of bits', () => {
    expect(doubles.map(formatFloatHex)).toEqual(answer.texts);
  });
});
