/** The public names: they change on purpose or not at all. */
import * as arrays from 'serpy-arrays';
import { expect, test } from 'vitest';

test('serpy-arrays exports just these values', () => {
  expect(Object.keys(arrays).sort()).toMatchInlineSnapshot(`
    [
      "ArrayMessages",
      "arrayOf",
      "decodeNpy",
      "encodeNpy",
      "isArrayValue",
      "isNpy",
      "npyHeader",
      "npyParts",
      "parseArrayOptions",
      "readArray",
      "readNpyHeader",
    ]
  `);
});
