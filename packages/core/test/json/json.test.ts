/** JSON text of values, and values of JSON text: nothing is lost without an error. */
import { fc } from 'serpy-contract-tests/properties';
import { isSerpyError, json, jsonOf, Message } from 'serpy-core';
import { describe, expect, test } from 'vitest';
import { faultPosition } from '../../src/json/fault-position.js';

const read = (value: unknown) => new Message('str', value).json();

function refused(run: () => unknown) {
  try {
    run();
  } catch (error) {
    if (isSerpyError(error) && error.code === 'ERR_SERPY_VALUE') return error;
    throw error;
  }
  throw new Error('nothing was thrown');
}

describe('json()', () => {
  test('writes what message.json() reads', () => {
    const value = { text: 'µ "quoted" \u{1f52c}\n\0', list: [1, -0, 0.1, 1e300, true, null, []], empty: {} };
    expect(read(json(value))).toEqual(value);
    expect(read(Buffer.from(json(value)))).toEqual(value);
  });

  test('writes the same as JSON.stringify for values of ASCII', () => {
    fc.assert(
      fc.property(fc.jsonValue(), (any) => {
        // JSON.stringify writes -0 as 0.
        const value = JSON.parse(JSON.stringify(any));
        fc.pre(/^[\x20-\x7e]*$/.test(JSON.stringify(value)));
        expect(json(value)).toBe(JSON.stringify(value));
      }),
    );
  });

  test('gives back every value that JSON has, as ASCII on one line', () => {
    fc.assert(
      fc.property(fc.jsonValue(), (value) => {
        const text = json(value);
        expect(text).toMatch(/^[\x20-\x7e]*$/);
        expect(read(text)).toEqual(value);
      }),
    );
  });

  test('writes half a character so that it arrives as it is', () => {
    expect(read(json('\ud83d'))).toBe('\ud83d');
  });

  test.each([
    [new Date(0), '"1970-01-01T00:00:00.000Z"'],
    [{ toJSON: (key: string) => `of ${key}` }, '"of "'],
    [{ part: { toJSON: (key: string) => `of ${key}` } }, '{"part":"of part"}'],
    [Object(5), '5'],
    [Object('text'), '"text"'],
    [-0, '-0.0'],
    [Object.create(null, { a: { value: 1, enumerable: true } }), '{"a":1}'],
    [JSON.parse('{"__proto__":1}'), '{"__proto__":1}'],
  ])('writes %o as %s', (value, text) => {
    expect(json(value)).toBe(text);
  });

  test.each<[unknown, string]>([
    [undefined, 'JSON cannot carry undefined: leave it out, or send null'],
    [{ a: [1, undefined] }, 'JSON cannot carry undefined at value.a[1]: leave it out'],
    // biome-ignore lint/suspicious/noSparseArray: a hole is undefined
    [[1, , 2], 'undefined at value[1]'],
    [() => 1, 'a function: send what it returns'],
    [{ b: Symbol('x') }, 'a symbol at value.b: send its description'],
    [{ 'two words': 7n }, 'a bigint at value["two words"]: send Number(value) or String(value)'],
    [[Number.NaN], 'NaN at value[0]: send null, or a text'],
    [Number.NEGATIVE_INFINITY, '-Infinity: send null'],
    [Object(Number.NaN), 'NaN'],
    [new Date(Number.NaN), 'an invalid Date'],
    [Buffer.from('x'), 'an object (Buffer): send it as a message of its own, or Array.from(value)'],
    [Float64Array.of(1), 'an object (Float64Array)'],
    [new ArrayBuffer(1), 'an object (ArrayBuffer)'],
    [new Map(), 'an object (Map): send Object.fromEntries(value)'],
    [new Set(), 'an object (Set): send [...value]'],
    [new Error('x'), 'an object (Error): send its message'],
    [Promise.resolve(1), 'an object (Promise): await it'],
    [/x/, 'an object (RegExp)'],
    [{ toJSON: () => undefined }, 'undefined'],
  ])('refuses %o', (value, message) => {
    expect(refused(() => json(value)).message).toContain(message);
  });

  test('refuses a value that contains itself, and names the place', () => {
    const value: Record<string, unknown> = { a: { b: [] } };
    (value.a as { b: unknown[] }).b.push(value);
    expect(refused(() => json(value)).message).toBe(
      'JSON cannot carry a part that contains itself at value.a.b[0]: leave it out',
    );
  });

  test('writes a part that occurs twice twice', () => {
    const part = { x: 1 };
    expect(json([part, part])).toBe('[{"x":1},{"x":1}]');
  });

  test('accepts 500 levels, and refuses more', () => {
    const nested = (levels: number) => {
      let value: unknown = 1;
      for (let i = 0; i < levels; i++) value = [value];
      return value;
    };
    expect(json(nested(500))).toHaveLength(1001);
    expect(refused(() => json(nested(501))).message).toContain('more than 500 levels');
    expect(refused(() => json(nested(100_000))).message).toContain('more than 500 levels');
  });
});

describe('message.json()', () => {
  test('is a method of a shared class: the message shows and compares as before', () => {
    const message = new Message('str', 'x');
    expect(message).toEqual({ type: 'str', value: 'x' });
    expect(Object.keys(message)).toEqual(['type', 'value']);
    expect({ ...message }).toStrictEqual({ type: 'str', value: 'x' });
    expect(message.json).toBe(new Message('str', 'y').json);
  });

  test.each<[unknown, unknown]>([
    ['{"gain":3}', { gain: 3 }],
    [' [1, 2]\n', [1, 2]],
    ['null', null],
    [Buffer.from('"\u{1f52c}"'), '\u{1f52c}'],
    [42, 42],
    [2n ** 62n, 2n ** 62n],
  ])('of %o is the value', (value, expected) => {
    expect(read(value)).toEqual(expected);
  });

  test.each<[unknown, number | undefined, string]>([
    ['', 0, 'it is empty'],
    ['nan', 0, 'at position 0, in "nan"'],
    ["{'a': 1}", 1, 'at position 1'],
    ['{"a": 1,}', 8, 'at position 8'],
    ['{"a": 1', 7, 'at its end, position 7'],
    ['{"a" 1}', 5, 'at position 5'],
    ['[1, NaN]', 4, 'at position 4'],
    ['[1 2]', 3, 'at position 3'],
    ['01', 0, 'at position 0'],
    ['"a\nb"', 2, 'at position 2'],
    ['"a\\x"', 2, 'at position 2'],
    ['1 2', 2, 'at position 2'],
    [Buffer.of(0xff), undefined, '1 bytes that are not UTF-8'],
    [{ an: 'object' }, undefined, 'not JSON but an object (Object). Use value'],
    [undefined, undefined, 'not JSON but undefined'],
  ])('of %o is an error with the position', (value, position, message) => {
    const error = refused(() => read(value));
    expect(error.message).toContain(message);
    expect('position' in error ? error.position : undefined).toBe(position);
  });

  test('of a long integer is an error', () => {
    expect(refused(() => jsonOf({ type: 'longint', value: Buffer.from('1') })).message).toContain('an integer');
  });

  test('shows at most 40 characters of a hostile text, escaped', () => {
    const error = refused(() => read(`["${'x'.repeat(1e6)}\x1b[2J${'y'.repeat(1e6)}"]`));
    expect(error.message).toContain('xxxx\\u001b[2Jyyyy');
    expect(error.message.length).toBeLessThan(160);
  });

  test('of a deep text is its value or an error at once, and never exhausts the stack', () => {
    const levels = 1_000_000;
    expect(Array.isArray(read('['.repeat(levels) + ']'.repeat(levels)))).toBe(true);
    expect(refused(() => read('['.repeat(levels)))).toMatchObject({ position: levels });
    expect(refused(() => read('{"a":'.repeat(levels)))).toMatchObject({ position: 5 * levels });
    expect(refused(() => read(`"${'x'.repeat(5 * levels)}`))).toMatchObject({ position: 5 * levels + 1 });
  });

  test('makes __proto__ a property like any other', () => {
    const value = read('{"__proto__":{"admin":true},"constructor":1}') as Record<string, unknown>;
    expect(Object.keys(value)).toEqual(['__proto__', 'constructor']);
    expect(Object.getPrototypeOf(value)).toBe(Object.prototype);
    expect(value.admin).toBeUndefined();
    expect(({} as Record<string, unknown>).admin).toBeUndefined();
  });

  test('finds a fault in each text that is not JSON, and the end of each other text', () => {
    const piece = fc.constantFrom(...'{}[]:,"\\/ \n0123.-+eEtrufalsn', 'true', 'null', '"a"', '\\u00e9', '1.5');
    const text = fc.oneof(
      fc.array(piece, { maxLength: 12 }).map((pieces) => pieces.join('')),
      fc.json(),
    );
    fc.assert(
      fc.property(text, (each) => {
        let isJson = true;
        try {
          JSON.parse(each);
        } catch {
          isJson = false;
        }
        const position = faultPosition(each);
        if (isJson) expect(position).toBe(each.length);
        else expect(position).toBeLessThanOrEqual(each.length);
      }),
      { numRuns: 3000 },
    );
  });
});
