/** Arrays to `.npy` and back, against bytes that numpy wrote. */

import {
  arrayOf,
  type DType,
  decodeNpy,
  encodeNpy,
  isNpy,
  type NdArray,
  npyHeader,
  npyParts,
  readNpyHeader,
} from 'serpy-arrays';
import { fc } from 'serpy-contract-tests/properties';
import { describe, expect, test } from 'vitest';
import { hexOf, npyWith, thrownBy, vectors } from '../bytes.js';

describe('decodeNpy', () => {
  test.each(vectors.arrays.map((each) => [each.name, each] as const))(
    'gives %s',
    (_, { npy, dtype, shape, elements }) => {
      const bytes = Buffer.from(npy, 'hex');
      const array = decodeNpy(bytes);
      expect({ ...array, data: hexOf(array.data) }).toEqual({ dtype, shape, data: elements });
      expect(bytes.toString('hex'), 'the bytes stay as they were').toBe(npy);
    },
  );

  test.each(vectors.arrays.map((each) => [each.name, each] as const))(
    'gives %s from any place in memory',
    (_, vector) => {
      for (let shift = 0; shift < 16; shift++) {
        const memory = Buffer.alloc(shift + vector.npy.length / 2 + 3);
        memory.write(vector.npy, shift, 'hex');
        const array = decodeNpy(memory.subarray(shift, shift + vector.npy.length / 2));
        expect(hexOf(array.data), `${shift} bytes on`).toBe(vector.elements);
      }
    },
  );

  test.each(vectors.refused.map((each) => [each.name, each] as const))(
    'refuses %s, and the error has the bytes',
    (_, { npy, says }) => {
      const bytes = Buffer.from(npy, 'hex');
      const error = thrownBy(() => decodeNpy(bytes));
      expect(error).toMatchObject({ name: 'ArrayFormatError', code: 'ERR_SERPY_ARRAY_FORMAT' });
      expect(error.message).toContain(says);
      expect(error.data).toBe(bytes);
    },
  );

  test('uses the elements where they are: no copy of what is aligned and in the order of the machine', () => {
    for (const dtype of ['float32', 'float64', 'int16', 'uint8', 'bool', 'complex128', 'uint64'] as const) {
      const npy = Buffer.from(npyHeader({ dtype, shape: [0, 1] }));
      const { data } = decodeNpy(npy);
      expect(data.buffer).toBe(npy.buffer);
    }
    const npy = encodeNpy(new Float32Array(5000));
    const { data } = decodeNpy(npy);
    npy.writeFloatLE(7, 128);
    expect([data[0], data.byteOffset, npy.byteOffset]).toEqual([7, 128, 0]);
  });

  test.each([
    ["{'descr': '<i2', 'fortran_order': False, 'shape': (2,), }"],
    ["{'shape': (2,), 'descr': '<i2', 'fortran_order': False}   \n"],
    ['{"descr":"<i2","fortran_order":False,"shape":(2,)}'],
    ["{ 'descr' :\t'<i2',\n'fortran_order' : True , 'shape' : ( 2 , ) , }"],
    ["{'descr': '<i2', 'fortran_order': False, 'shape': (2L,), }"],
  ])('reads the header %s', (text) => {
    for (const version of [1, 2, 3] as const) {
      expect(decodeNpy(npyWith(text, Buffer.of(1, 0, 255, 255), version))).toEqual({
        data: Int16Array.of(1, -1),
        shape: [2],
        dtype: 'int16',
      });
    }
  });

  test.each(['|u1', '<u1', '>u1', '=u1', 'u1'])('takes %s for what it is: one byte has no order', (descr) => {
    const text = `{'descr': '${descr}', 'fortran_order': False, 'shape': (1,), }`;
    expect(decodeNpy(npyWith(text, Buffer.of(9)))).toMatchObject({ data: Uint8Array.of(9), dtype: 'uint8' });
  });
});

describe('encodeNpy', () => {
  /** Its lengths are more than the largest number when they are multiplied, but for the last. */
  const beyond = [...new Array(30).fill(2 ** 52), 0];

  /** Those that numpy wrote as we do: in the machine's order and C order, version 1.0. */
  const same = vectors.arrays.filter(({ npy }) => {
    const { byteOrder, fortranOrder, headerBytes } = readNpyHeader(Buffer.from(npy, 'hex'));
    return byteOrder === 'little' && !fortranOrder && npy.slice(12, 14) === '01' && headerBytes > 0;
  });

  test.each(same.map((each) => [each.name, each.npy] as const))('writes %s byte for byte as numpy does', (_, npy) => {
    expect(encodeNpy(decodeNpy(Buffer.from(npy, 'hex'))).toString('hex')).toBe(npy);
  });

  test('is tested with every dtype', () => {
    const all: DType[] = [
      'bool',
      'complex128',
      'complex64',
      'float16',
      'float32',
      'float64',
      'int16',
      'int32',
      'int64',
    ];
    all.push('int8', 'uint16', 'uint32', 'uint64', 'uint8');
    expect([...new Set(same.map(({ dtype }) => dtype))].sort()).toEqual(all);
  });

  test.each<[unknown, DType, number[]]>([
    [new Int8Array(3), 'int8', [3]],
    [new Uint8Array(3), 'uint8', [3]],
    [Buffer.alloc(3), 'uint8', [3]],
    [new Uint8ClampedArray(3), 'uint8', [3]],
    [new Int16Array(3), 'int16', [3]],
    [new Uint16Array(3), 'uint16', [3]],
    [new Int32Array(3), 'int32', [3]],
    [new Uint32Array(3), 'uint32', [3]],
    [new BigInt64Array(3), 'int64', [3]],
    [new BigUint64Array(3), 'uint64', [3]],
    [new Float32Array(3), 'float32', [3]],
    [new Float64Array(3), 'float64', [3]],
    [{ data: new Uint8Array(6), shape: [2, 3] }, 'uint8', [2, 3]],
    [{ data: new Uint8Array(6), shape: undefined, dtype: undefined }, 'uint8', [6]],
    [{ data: new Uint8Array(6), dtype: 'bool' }, 'bool', [6]],
    [{ data: new Float32Array(6), dtype: 'complex64' }, 'complex64', [3]],
    [{ data: new Float64Array(6), dtype: 'complex128', shape: [3, 1] }, 'complex128', [3, 1]],
    [{ data: new Float32Array(6), dtype: 'float16' }, 'float16', [6]],
    [{ data: new Uint16Array(6), dtype: 'float16' }, 'float16', [6]],
    [{ data: new Float64Array(1), shape: [] }, 'float64', []],
    [{ data: new Float64Array(0), shape: [0, 2 ** 40, 2 ** 40] }, 'float64', [0, 2 ** 40, 2 ** 40]],
    [{ data: new Int8Array(0), shape: beyond }, 'int8', beyond],
  ])('makes of %o an array of %s', (array, dtype, shape) => {
    expect(readNpyHeader(encodeNpy(array as NdArray))).toMatchObject({ dtype, shape, fortranOrder: false });
  });

  test.skipIf(!('Float16Array' in globalThis))('takes a Float16Array as it is', () => {
    const Halves = (globalThis as never as { Float16Array: new (values: number[]) => Uint16Array }).Float16Array;
    expect(decodeNpy(encodeNpy(new Halves([1.5, -2])))).toMatchObject({
      data: Float32Array.of(1.5, -2),
      dtype: 'float16',
    });
  });

  test.each<[unknown, string]>([
    [{ data: new Float32Array(6), shape: [2, 2] }, 'the shape [2, 2] needs 4 numbers, and data has 6'],
    [{ data: new Float32Array(6), shape: [] }, 'the shape [] needs 1 numbers, and data has 6'],
    [
      { data: new Float32Array(6), shape: [6], dtype: 'complex64' },
      'needs 12 numbers (complex64 elements of 2 numbers each), and data has 6',
    ],
    [
      { data: new Float32Array(5), dtype: 'complex64' },
      '5 numbers cannot be split into complex64 elements of 2 numbers each',
    ],
    [{ data: new Float32Array(6), shape: [2, -3] }, 'not an integer from 0 on'],
    [{ data: new Float32Array(6), shape: [1.5, 4] }, 'not an integer from 0 on'],
    [{ data: new Float32Array(6), shape: [2 ** 53, 1] }, 'not an integer from 0 on'],
    [{ data: new Float32Array(0), shape: ['0'] }, 'not an integer from 0 on'],
    [{ data: new Float32Array(1), shape: new Array(1) }, 'not an integer from 0 on'],
    [{ data: new Float32Array(1), shape: new Array(65).fill(1) }, 'the shape has 65 axes'],
    [{ data: new Float32Array(6), shape: 6 }, 'a shape is a list'],
    [{ data: [1, 2], shape: [2] }, 'typed array as data'],
    [{ data: new DataView(new ArrayBuffer(2)), shape: [2] }, 'typed array as data'],
    [
      { data: new Float32Array(6), dtype: 'float64' },
      'a Float32Array can be sent as float32 or float16 or complex64, not as float64',
    ],
    [{ data: new Float32Array(6), dtype: 'toString' }, 'not as toString'],
    [{ data: new Float32Array(6), stride: [1] }, 'has no property stride'],
    [null, 'typed array as data'],
    [5, 'typed array as data'],
  ])('refuses %o', (array, says) => {
    const error = thrownBy(() => encodeNpy(array as NdArray));
    expect(error).toMatchObject({ name: 'ValueError', code: 'ERR_SERPY_VALUE' });
    expect(error.message).toContain(says);
  });

  test('makes 1 of everything in a mask that is not 0, and leaves the mask alone', () => {
    const mask = Uint8Array.of(0, 1, 255, 2);
    expect(decodeNpy(encodeNpy({ data: mask, dtype: 'bool' })).data).toEqual(Uint8Array.of(0, 1, 1, 1));
    expect(mask).toEqual(Uint8Array.of(0, 1, 255, 2));
  });

  test('everything but 0 in a mask that arrives is true, and its bytes stay as they are', () => {
    const clean = encodeNpy({ data: Uint8Array.of(1, 0, 1, 0, 1, 1), shape: [2, 3], dtype: 'bool' });
    expect((decodeNpy(clean).data as Uint8Array).buffer).toBe(clean.buffer); // no copy
    const npy = Buffer.from(clean);
    npy.set([7, 1, 0, 255, 2, 0], npy.length - 6);
    const before = Buffer.from(npy);
    expect(decodeNpy(npy).data).toEqual(Uint8Array.of(1, 1, 0, 1, 1, 0));
    expect(npy).toEqual(before);
    const bare = Uint8Array.of(7, 1, 0, 255, 2, 0);
    expect(arrayOf(bare, { dtype: 'bool' }).data).toEqual(Uint8Array.of(1, 1, 0, 1, 1, 0));
    expect(arrayOf(bare, { dtype: 'bool', shape: [2, 3], fortranOrder: true }).data).toEqual(
      Uint8Array.of(1, 0, 1, 1, 1, 0),
    );
    expect(arrayOf(bare, { dtype: 'uint8' }).data).toEqual(bare);
    expect(bare).toEqual(Uint8Array.of(7, 1, 0, 255, 2, 0));
  });

  test('rounds to the nearest 16-bit float, and of two as near to the even one', () => {
    const rows: [number, number][] = [
      ...[0, -0, 1, -1, 65504, 2 ** -24].map((value): [number, number] => [value, value]),
      [65519.996, 65504],
      [65520, Number.POSITIVE_INFINITY],
      [1e30, Number.POSITIVE_INFINITY],
      [-1e30, Number.NEGATIVE_INFINITY],
      [1 + 2 ** -11, 1],
      [1 + 3 * 2 ** -11, 1 + 2 ** -9],
      [1 + 2 ** -11 + 2 ** -20, 1 + 2 ** -10],
      [2 ** -25, 0],
      [2 ** -25 + 2 ** -40, 2 ** -24],
      [3 * 2 ** -25, 2 ** -23],
      [2 ** -14 - 2 ** -26, 2 ** -14],
      [-(2 ** -30), -0],
      [Number.NaN, Number.NaN],
    ];
    const npy = encodeNpy({ data: Float32Array.from(rows, ([value]) => value), dtype: 'float16' });
    expect([...decodeNpy(npy).data]).toEqual(rows.map(([, rounded]) => rounded));
  });

  test('keeps every one of the 16-bit floats, every NaN too', () => {
    const bits = Uint16Array.from({ length: 65_536 }, (_, i) => i);
    const floats = decodeNpy(encodeNpy({ data: bits, dtype: 'float16' }));
    const again = encodeNpy(floats).subarray(128);
    expect(again.equals(Buffer.from(bits.buffer))).toBe(true);
  });
});

describe('npyParts', () => {
  test('gives the memory of the array itself as the body', () => {
    const image = new Float32Array(new ArrayBuffer(48), 8, 6);
    const { header, body } = npyParts({ data: image, shape: [2, 3] });
    expect([body.buffer, body.byteOffset, body.length]).toEqual([image.buffer, 8, 24]);
    expect(Buffer.concat([header, body])).toEqual(encodeNpy({ data: image, shape: [2, 3] }));
  });
});

describe('npyHeader', () => {
  test('ends at a multiple of 64, wherever that is', () => {
    for (let axes = 0; axes <= 64; axes++) {
      const header = npyHeader({ dtype: 'uint16', shape: new Array(axes).fill(axes) });
      expect([header.length % 64, header.at(-1)]).toEqual([0, 0x0a]);
      const shape = new Array(axes).fill(axes);
      expect(readNpyHeader(header)).toMatchObject({ dtype: 'uint16', shape, headerBytes: header.length });
    }
  });

  test('has one size however long the first axis grows', () => {
    for (let axes = 0; axes < 40; axes++) {
      const rest = new Array(axes).fill(5);
      const sizes = [0, 9, 10, 123_456, Number.MAX_SAFE_INTEGER].map(
        (first) => npyHeader({ dtype: 'float32', shape: [first, ...rest] }).length,
      );
      expect(new Set(sizes).size).toBe(1);
    }
  });

  test('in Fortran order it has one size however long the last axis grows', () => {
    const sizes = [0, 9, 123_456].map(
      (last) => npyHeader({ dtype: 'float32', shape: [1000, last], fortran: true }).length,
    );
    expect(new Set(sizes).size).toBe(1);
    const header = npyHeader({ dtype: '>f4', shape: [2, 3], fortran: true });
    expect(readNpyHeader(header)).toMatchObject({ shape: [2, 3], fortranOrder: true, byteOrder: 'big' });
  });

  test.each(['<U8', '|S3', '|V4', '<M8[ms]', '|b1', '>c16', '|O'] as const)(
    "takes numpy's dtype.str, and writes %s as it is",
    (dtype) => {
      expect(npyHeader({ dtype, shape: [3] }).toString('latin1', 10)).toContain(
        `{'descr': '${dtype}', 'fortran_order': False, 'shape': (3,), }`,
      );
    },
  );

  test('reserves digits for the growing axis at a multiple of 8, which a program overwrites alone', () => {
    for (const shape of [[0], [0, 480, 640], [0, ...new Array(63).fill(7)]]) {
      const header = npyHeader({ dtype: '|u1', shape, reserveDigits: 16 });
      const text = header.toString('latin1');
      const digitsAt = 8 * Math.ceil((text.indexOf('(') + 1) / 8);
      expect(text.slice(digitsAt, digitsAt + 16)).toBe('0'.padStart(16));
      header.write('123456'.padStart(16), digitsAt, 'latin1');
      expect(header).toEqual(npyHeader({ dtype: '|u1', shape: [123_456, ...shape.slice(1)], reserveDigits: 16 }));
      expect(readNpyHeader(header).shape).toEqual([123_456, ...shape.slice(1)]);
    }
    const fortran = npyHeader({ dtype: '|u1', shape: [480, 640, 12], fortran: true, reserveDigits: 4 });
    expect(fortran.toString('latin1')).toMatch(/\(480, 640, {1,8} {2}12\), }/);
    expect(readNpyHeader(fortran).shape).toEqual([480, 640, 12]);
    expect(readNpyHeader(npyHeader({ dtype: '|u1', shape: [], reserveDigits: 4 })).shape).toEqual([]);
  });

  test.each([
    [{ dtype: 'float', shape: [1] }, 'dtype takes one of bool, int8'],
    [{ dtype: "<f4', 'x': '", shape: [1] }, 'dtype takes one of bool, int8'],
    [{ dtype: 'float32', shape: [100], reserveDigits: 2 }, 'has more than 2 digits (reserveDigits)'],
    [{ dtype: 'float32', shape: [1], reserveDigits: 0 }, 'reserveDigits takes an integer from 1 to 16, not 0'],
    [{ dtype: 'float32', shape: [1], reserveDigits: 17 }, 'reserveDigits takes an integer from 1 to 16, not 17'],
    [{ dtype: 'float32', shape: [-1] }, 'not an integer'],
    [{ dtype: 'float32', shape: undefined }, 'a shape is a list'],
  ])('refuses %o', (options, says) => {
    const error = thrownBy(() => npyHeader(options as never));
    expect(error.code).toBe('ERR_SERPY_OPTION');
    expect(error.message).toContain(says);
  });
});

describe('readNpyHeader', () => {
  test('says what is there and where, also of a file that is not whole', () => {
    const npy = encodeNpy({ data: new Int32Array(12), shape: [3, 4] });
    const said = { dtype: 'int32', shape: [3, 4], fortranOrder: false, headerBytes: 128, dataBytes: 48 };
    expect(readNpyHeader(npy.subarray(0, 128))).toMatchObject(said);
  });
});

test('isNpy looks at the first bytes alone', () => {
  expect(isNpy(encodeNpy(new Int8Array(1)))).toBe(true);
  expect(isNpy(Buffer.from('\x93NUMPY', 'latin1'))).toBe(true);
  expect(isNpy(Buffer.from('\x93NUMP', 'latin1'))).toBe(false);
  expect(isNpy(new Uint8Array(0))).toBe(false);
});

test('any array goes there and back unchanged', () => {
  const shapes = fc.array(fc.integer({ min: 0, max: 5 }), { maxLength: 5 });
  const numbers = fc.constantFrom(
    Int8Array,
    Uint16Array,
    Int32Array,
    Float32Array,
    Float64Array,
    BigInt64Array,
    Uint8Array,
  );
  fc.assert(
    fc.property(shapes, numbers, fc.infiniteStream(fc.nat(255)), (shape, Numbers, stream) => {
      const count = shape.reduce((product, length) => product * length, 1);
      const bytes = Uint8Array.from({ length: count * Numbers.BYTES_PER_ELEMENT }, () => stream.next().value as number);
      const array = { data: new Numbers(bytes.buffer), shape };
      const back = decodeNpy(encodeNpy(array));
      expect(back.shape).toEqual(shape);
      expect(back.data.constructor).toBe(Numbers);
      expect(hexOf(back.data)).toBe(Buffer.from(bytes).toString('hex'));
    }),
  );
});
