import { int } from 'serpy';
import { encodeNpy } from 'serpy-arrays';
import { describe, expect, test } from 'vitest';
import { HubMessage } from '../src/message.js';

const of = (value: unknown) => new HubMessage('a', { type: 'value', value }, 1, 0);
const npy = (shape: number[]) => encodeNpy({ data: new Uint16Array(shape.reduce((a, b) => a * b, 1)), shape });

describe('the kind of a message', () => {
  test.each([
    [1.5, 'number'],
    [10n, 'number'],
    [int(3), 'number'],
    ['+1.042E+03', 'number'],
    [' 12 ', 'number'],
    ['12 V', 'text'],
    ['', 'text'],
    ['1'.repeat(41), 'text'],
    [Buffer.from('12'), 'bytes'],
    [npy([]), 'array-0d'],
    [npy([4]), 'array-1d'],
    [npy([2, 3]), 'array-2d'],
    [npy([2, 3, 4]), 'array-3d'],
    [npy([1, 2, 3, 4]), 'array-nd'],
    [npy([2, 3]).subarray(0, 60), 'bytes'],
    [Float32Array.of(1, 2), 'array-1d'],
    [{ data: new Float64Array(6), shape: [2, 3] }, 'array-2d'],
    [{ data: new Float64Array(6), shape: [2, 4] }, 'bytes'],
    [{ a: 1 }, 'object'],
    [null, 'object'],
  ])('of %o is %s', (value, kind) => {
    expect(of(value).kind).toBe(kind);
  });

  test('an array is decoded once for all consumers', () => {
    const message = of(npy([2, 3]));
    expect(message.array()).toMatchObject({ shape: [2, 3], dtype: 'uint16' });
    expect(message.array()).toBe(message.array());
  });

  test('a message that is not an array says so', () => {
    expect(() => of('text').array()).toThrow('not an array');
    expect(of('text').reading()).toBeNaN();
    expect(of('+2.5e1').reading()).toBe(25);
  });
});
