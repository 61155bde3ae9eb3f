import { describeValue } from 'serpy-core';
import { expect, test } from 'vitest';

test.each([
  [null, 'null'],
  [undefined, 'undefined'],
  [true, 'a boolean'],
  [1, 'a number'],
  [1n, 'a bigint'],
  ['text', 'a string'],
  [Symbol('name'), 'a symbol'],
  [() => undefined, 'a function'],
  [[1, 2], 'an array'],
  [{}, 'an object (Object)'],
  [new Date(0), 'an object (Date)'],
  [new Float32Array(1), 'an object (Float32Array)'],
  [Object.create(null), 'an object (without a class)'],
  [{ constructor: 1 }, 'an object (without a class)'],
  [new (class {})(), 'an object (without a class)'],
])('describes %o as %s', (value, expected) => {
  expect(describeValue(value)).toBe(expected);
});
