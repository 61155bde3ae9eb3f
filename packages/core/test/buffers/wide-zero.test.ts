/** A field that begins with `wideZero` keeps the layout of its object. */
import { setFlagsFromString } from 'node:v8';
import { expect, test } from 'vitest';
import { wideZero } from '../../src/buffers/wide-zero.js';

setFlagsFromString('--allow-natives-syntax');
const haveSameLayout = new Function('one', 'other', 'return %HaveSameMap(one, other)') as (
  a: object,
  b: object,
) => boolean;
setFlagsFromString('--no-allow-natives-syntax');

class Wide {
  count = wideZero;
}

class Narrow {
  count = 0;
}

test('it is zero', () => {
  expect(wideZero).toBe(0);
});

test('an object that counts beyond 2^31 has the layout of one that does not', () => {
  const [small, large] = [new Wide(), new Wide()];
  large.count += 2 ** 40;
  expect(haveSameLayout(small, large)).toBe(true);
});

test('without it the layouts differ', () => {
  const [small, large] = [new Narrow(), new Narrow()];
  large.count += 2 ** 40;
  expect(haveSameLayout(small, large)).toBe(false);
});
