/** Values to payloads and back, and the errors for values that v2 cannot send. */
import { constants } from 'node:buffer';
import { runInNewContext } from 'node:vm';
import { fc } from 'serpy-contract-tests/properties';
import { isSerpyError } from 'serpy-core';
import { describe, expect, test, vi } from 'vitest';
import { decodeValue, encodeValue, float, int, type TypedValue, type Value } from '../../src/values/values.js';
import { frameType } from '../../src/wire/constants.js';
import { messageOf } from '../conversation.js';
import { littleEndian, signedInteger } from '../oracle.js';

const thrownBy = (action: () => unknown): Error => {
  try {
    action();
  } catch (error) {
    return error as Error;
  }
  throw new Error('nothing was thrown');
};

const roundTrip = (value: Value): TypedValue => {
  const { type, bytes } = encodeValue(value);
  return messageOf(decodeValue(frameType[type], Buffer.from(bytes)));
};

const receivedInt = (payload: readonly number[]) => decodeValue(frameType.int, Buffer.from(payload)).value;

/** The expected integer: a number if it is a safe integer, otherwise a bigint. */
const delivered = (value: bigint) =>
  BigInt.asIntN(54, value) === value && value !== -(2n ** 53n) ? Number(value) : value;

describe('integers', () => {
  test.each<[value: Value, payload: string]>([
    [0, '0000000000000000'],
    [1, '0100000000000000'],
    [-1, 'ffffffffffffffff'],
    [256n, '0001000000000000'],
    [Number.MAX_SAFE_INTEGER, 'ffffffffffff1f00'],
    [Number.MIN_SAFE_INTEGER, '010000000000e0ff'],
    [2n ** 63n - 1n, 'ffffffffffffff7f'],
    [-(2n ** 63n), '0000000000000080'],
    [int(5), '0500000000000000'],
    [int(-0), '0000000000000000'],
    [int(5n), '0500000000000000'],
    [int(2 ** 62), '0000000000000040'],
    [{ type: 'int', value: 5 }, '0500000000000000'],
  ])('%s goes as 8 bytes, little-endian', (value, payload) => {
    const { type, bytes } = encodeValue(value);
    expect([type, Buffer.from(bytes).toString('hex')]).toEqual(['int', payload]);
  });

  test.each<[what: string, make: () => unknown]>([
    ['2^63', () => encodeValue(2n ** 63n)],
    ['-2^63 - 1', () => encodeValue(-(2n ** 63n) - 1n)],
    ['10^30', () => encodeValue(10n ** 30n)],
    ['int(2^63)', () => int(2n ** 63n)],
    ['int() of a number that is too large', () => int(2 ** 63)],
    ['a message that is too large', () => encodeValue({ type: 'int', value: 2n ** 64n })],
  ])('%s does not fit: a RangeError with a code, and what to do', (_what, make) => {
    const error = thrownBy(make);
    expect(error).toBeInstanceOf(RangeError);
    expect(error).toMatchObject({ name: 'IntegerRangeError', code: 'ERR_SERPY_INTEGER_RANGE' });
    expect(error.message).toMatch(/does not fit .* 64-bit .*: send it as text, or with float\(\)$/);
    expect(isSerpyError(error)).toBe(true);
  });

  test('all 64-bit integers come back, as a number where that is exact', () => {
    const near = (center: bigint) => fc.bigInt({ min: center - 3n, max: center + 3n });
    const any = fc.oneof(
      fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n }),
      near(2n ** 53n),
      near(-(2n ** 53n)),
      near(0n),
    );
    fc.assert(
      fc.property(any, (value) => {
        expect(roundTrip(value)).toStrictEqual({ type: 'int', value: delivered(value) });
        expect([...encodeValue(value).bytes]).toEqual(littleEndian(value, 8));
      }),
    );
  });

  test.each<[payload: number[], value: number | bigint]>([
    [[], 0],
    [[0x05], 5],
    [[0xff], -1],
    [[0x80], -128],
    [[0xff, 0x00], 255],
    [[0x00, 0x00, 0x80], -(2 ** 23)],
    [[0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x1f], Number.MAX_SAFE_INTEGER],
    [[0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x20], 2n ** 53n],
    [[0x01, 0x00, 0x00, 0x00, 0x00, 0x00, 0xe0], Number.MIN_SAFE_INTEGER],
    [[0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0xe0], -(2n ** 53n)],
    [[0, 0, 0, 0, 0, 0, 0, 0x80, 0x00], 2n ** 63n],
    [[0, 0, 0, 0, 0, 0, 0, 0, 0x80], -(2n ** 71n)],
    [[0xfe, ...Array<number>(1023).fill(0xff)], -2],
    [[0x07, ...Array<number>(1023).fill(0)], 7],
    [[...Array<number>(1023).fill(0), 0x40], 2n ** 8190n],
  ])('reads the payload of any length: %j', (payload, value) => {
    expect(receivedInt(payload)).toBe(value);
  });

  test.each([0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 16, 1024])('reads what the oracle reads from %i bytes', (length) => {
    const payload = fc.array(fc.oneof(fc.constantFrom(0, 0xff, 0x80, 0x1f, 0x20), fc.nat(255)), {
      minLength: length,
      maxLength: length,
    });
    fc.assert(
      fc.property(payload, (bytes) => receivedInt(bytes) === delivered(signedInteger(bytes))),
      { numRuns: length > 100 ? 20 : 200 },
    );
  });

  test('an integer of more than 1024 bytes is delivered as its bytes, in memory of its own', () => {
    const payload = Buffer.alloc(1025, 7);
    const message = decodeValue(frameType.int, payload);
    payload.fill(0); // it was lent
    expect(messageOf(message)).toEqual({ type: 'longint', value: Buffer.alloc(1025, 7) });
    expect(decodeValue(frameType.int, Buffer.alloc(1024, 7)).type).toBe('int');
  });

  test('the error for a very long integer does not contain its digits', () => {
    expect(thrownBy(() => int(1n << 4_000_000n)).message).toMatch(/^an integer of more than 256 bits does not fit/);
  });
});

describe('texts', () => {
  test('a UTF-8 text that is too long for a string is reported as too large, not as damaged', () => {
    // Node's decoder throws the same above 512 MiB.
    vi.spyOn(TextDecoder.prototype, 'decode').mockImplementationOnce(() => {
      throw new TypeError('The encoded data was not valid for encoding utf-8');
    });
    const error = thrownBy(() => decodeValue(frameType.str, Buffer.from('yes µ')));
    expect(error).toMatchObject({ code: 'ERR_SERPY_TOO_LARGE', sizeBytes: 6, limitBytes: constants.MAX_STRING_LENGTH });
    expect(error.message).toMatch(
      /^a text that the peer sent has 6 bytes, .*: the peer must send it in parts, or as bytes$/,
    );
    expect(decodeValue(frameType.str, Buffer.from('yes µ')).value).toBe('yes µ');
  });
});

describe('doubles', () => {
  test('a float whose text is longer than any double needs is rejected before it is parsed', () => {
    const error = thrownBy(() => decodeValue(frameType.float, Buffer.alloc(1025, '1')));
    expect(error).toMatchObject({ code: 'ERR_SERPY_PROTOCOL' });
    expect(error.message).toMatch(/a float as a text of 1025 bytes, and the maximum is 1024/);
  });

  test.each<[value: Value, text: string]>([
    [0.5, '0x1.0000000000000p-1'],
    [-0, '-0x0.0p+0'],
    [2 ** 53, '0x1.0000000000000p+53'],
    [1e300, '0x1.7e43c8800759cp+996'],
    [Number.NaN, 'nan'],
    [Number.NEGATIVE_INFINITY, '-inf'],
    [float(3), '0x1.8000000000000p+1'],
    [float(-0), '-0x0.0p+0'],
    [{ type: 'float', value: 3 }, '0x1.8000000000000p+1'],
    [{ type: 'float', value: 3n }, '0x1.8000000000000p+1'],
  ])('%s goes as hexadecimal text', (value, text) => {
    const { type, bytes } = encodeValue(value);
    expect([type, Buffer.from(bytes).toString('latin1')]).toEqual(['float', text]);
  });

  test('all doubles come back bit for bit', () => {
    fc.assert(
      fc.property(fc.double(), (value) => {
        const message = roundTrip(float(value));
        expect(message.type).toBe('float');
        expect(message.value).toBe(value);
      }),
    );
  });

  test.each(['', 'one', '1,5', '0x', '0x1p1024', '\xff', '0x1\xa0'])(
    'the text %j is a protocol error that shows it',
    (text) => {
      const error = thrownBy(() => decodeValue(frameType.float, Buffer.from(text, 'latin1')));
      expect(error).toMatchObject({ name: 'ProtocolError', code: 'ERR_SERPY_PROTOCOL' });
      expect(error.message).toContain(JSON.stringify(text));
      expect(error.cause).toBeInstanceOf(RangeError);
    },
  );
});

describe('text', () => {
  test.each([
    '',
    'a',
    'µ',
    '日本語',
    '🔬',
    '\0',
    '\uFEFFwith a byte order mark',
    '\x01SETMODE0\x1f',
    '\uFFFD',
    'x'.repeat(5000),
  ])('%j comes back as it was', (text) => {
    expect(roundTrip(text)).toStrictEqual({ type: 'str', value: text });
  });

  test('all text comes back unchanged', () => {
    fc.assert(fc.property(fc.string({ unit: 'binary' }), (text) => roundTrip(text).value === text));
  });

  test.each([
    ['a lone high half at the end', 'ab\uD83D', 2],
    ['a lone high half', '\uD83Dab', 0],
    ['a lone low half', 'a\uDD2Cb', 1],
    ['two low halves', '🔬\uDD2C', 2],
    ['two high halves', '\uD83D🔬', 0],
  ])('%s is refused, with its position', (_what, text, position) => {
    const error = thrownBy(() => encodeValue(text));
    expect(error).toMatchObject({ name: 'ValueError', code: 'ERR_SERPY_VALUE' });
    expect(error.message).toContain(`at position ${position}`);
    expect(error.message).toContain('toWellFormed()');
  });

  test.each<[what: string, payload: number[]]>([
    ['a byte that never occurs', [0xff]],
    ['a lone continuation', [0x80]],
    ['a character cut short', [0x61, 0xe2, 0x82]],
    ['a longer form than needed', [0xc0, 0x80]],
    ['half a character (CESU)', [0xed, 0xa0, 0xbd]],
    ['beyond U+10FFFF', [0xf4, 0x90, 0x80, 0x80]],
    ['latin1', [...Buffer.from('µ', 'latin1')]],
  ])('bytes that are not UTF-8 are a protocol error: %s', (_what, payload) => {
    const error = thrownBy(() => decodeValue(frameType.str, Buffer.from(payload)));
    expect(error).toMatchObject({ name: 'ProtocolError', code: 'ERR_SERPY_PROTOCOL' });
    expect(error.message).toContain('UTF-8');
    expect(decodeValue(frameType.str, Buffer.from('next')).value).toBe('next');
  });
});

describe('bytes', () => {
  test('are sent without a copy', () => {
    const bytes = Buffer.from([1, 2, 3]);
    expect(encodeValue(bytes)).toEqual({ type: 'bytes', bytes });
    expect(encodeValue(bytes).bytes).toBe(bytes);
    expect(encodeValue(new Uint8Array(0))).toEqual({ type: 'bytes', bytes: new Uint8Array(0) });
  });

  test('of another realm are sent too', () => {
    const foreign = runInNewContext('new Uint8Array([1, 2, 3])') as Uint8Array;
    expect(foreign instanceof Uint8Array).toBe(false);
    expect(encodeValue(foreign)).toEqual({ type: 'bytes', bytes: foreign });
  });
});

describe('a value that v2 cannot send is rejected, with advice', () => {
  class Sample {}
  test.each<[value: unknown, is: string, advice: string]>([
    [null, 'null', "''"],
    [undefined, 'undefined', "''"],
    [true, 'a boolean', '1 or 0'],
    [false, 'a boolean', '1 or 0'],
    [{ a: 1 }, 'an object (Object)', 'json(value)'],
    [new Sample(), 'an object (Sample)', 'json(value)'],
    [Object.create(null), 'an object (without a class)', 'json(value)'],
    [new Date(0), 'an object (Date)', 'json(value)'],
    [[1, 2], 'an array', 'json(value)'],
    [{ type: 'str', value: 'x' }, 'an object (Object)', 'json(value)'],
    [new DataView(new ArrayBuffer(2)), 'an object (DataView)', 'Buffer.from(array.buffer, '],
    [new ArrayBuffer(2), 'an object (ArrayBuffer)', 'Buffer.from(arrayBuffer)'],
    [new SharedArrayBuffer(2), 'an object (SharedArrayBuffer)', 'Buffer.from(arrayBuffer)'],
    [() => 1, 'a function', 'what it returns'],
    [Symbol('s'), 'a symbol', 'its description'],
    [Promise.resolve(1), 'an object (Promise)', 'await'],
  ])('%s', (value, is, advice) => {
    const error = thrownBy(() => encodeValue(value as Value));
    expect(error).toMatchObject({ name: 'ValueError', code: 'ERR_SERPY_VALUE' });
    const takes = 'text, numbers, bigints, bytes (Buffer or Uint8Array) and arrays ({ data, shape } or a typed array)';
    expect(error.message).toContain(`v2 sends ${takes}, not ${is}`);
    expect(error.message).toContain(advice);
  });

  test.each<[value: unknown, is: string]>([
    [0.5, '0.5'],
    [Number.NaN, 'NaN'],
    [Number.POSITIVE_INFINITY, 'Infinity'],
    ['5', 'a string'],
    [null, 'null'],
    [undefined, 'undefined'],
    [{}, 'an object (Object)'],
    [Object.create(null), 'an object (without a class)'],
    [[5], 'an array'],
    [true, 'a boolean'],
  ])('int(%s)', (value, is) => {
    const error = thrownBy(() => int(value as number));
    expect(error).toMatchObject({ code: 'ERR_SERPY_VALUE' });
    expect(error.message).toBe(`int() takes a whole number or a bigint, not ${is}: use float() or Math.round()`);
    expect(() => encodeValue({ type: 'int', value: value as number })).toThrow(/whole number|an object/);
  });

  test.each<[value: unknown, is: string]>([
    ['1.5', 'a string'],
    [undefined, 'undefined'],
    [null, 'null'],
    [[1.5], 'an array'],
  ])('float(%s), and never NaN for it', (value, is) => {
    const error = thrownBy(() => float(value as number));
    expect(error).toMatchObject({ code: 'ERR_SERPY_VALUE' });
    expect(error.message).toBe(`float() takes a number, not ${is}: use Number(…)`);
    expect(() => encodeValue({ type: 'float', value: value as number })).toThrow('an object');
  });

  test('float() of a bigint', () => {
    expect(thrownBy(() => float(5n as unknown as number)).message).toBe(
      'float() takes a number, not a bigint: use Number(…)',
    );
  });
});

test.each([0x00, 0x02, 0x10, 0x22, 0x7e, 0x80, 0xff])(
  'the type %i does not exist: a protocol error that names it and those that do',
  (type) => {
    const error = thrownBy(() => decodeValue(type, Buffer.alloc(0)));
    expect(error).toMatchObject({ name: 'ProtocolError', code: 'ERR_SERPY_PROTOCOL' });
    expect(error.message).toContain(`type ${Buffer.of(type).toString('hex').toUpperCase()};`);
    expect(error.message).toContain('01 (int), 11 (float), 21 (str), 81 (bytes)');
  },
);
