/** Reading numpy arrays and scalars: the recorded vectors, older forms of them, and what is refused. */

import { readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { NumpyArray, readPickle } from '../../src/pickle/index.js';

interface Vector {
  dtype: string;
  shape: number[];
  fortran: boolean;
  c_order_values: number[];
  pickle_hex: string;
}
const { numpy } = JSON.parse(
  readFileSync(new URL('../../../../test/vectors/pickles.json', import.meta.url), 'utf8'),
) as {
  numpy: Vector[];
};

function arrayOf(pickle: Uint8Array | string): NumpyArray {
  const result = readPickle(typeof pickle === 'string' ? Buffer.from(pickle, 'latin1') : pickle);
  if (!result.ok) throw new Error(result.reason);
  if (!(result.value instanceof NumpyArray)) throw new Error('no array');
  return result.value;
}

const reasonOf = (pickle: string) => {
  const result = readPickle(Buffer.from(pickle, 'latin1'));
  return result.ok ? 'it was read' : result.reason;
};

/** All elements as numbers, last axis fastest. */
function elements({ dtype, shape, fortran, data }: NumpyArray): number[] {
  const view = new DataView(data.buffer, data.byteOffset, data.length);
  const little = dtype.startsWith('<');
  const itemBytes = Number(dtype.slice(2));
  const readers: Record<string, (at: number) => number> = {
    f4: (at) => view.getFloat32(at, little),
    f8: (at) => view.getFloat64(at, little),
    i2: (at) => view.getInt16(at, little),
    i8: (at) => Number(view.getBigInt64(at, little)),
    u1: (at) => view.getUint8(at),
    b1: (at) => view.getUint8(at),
  };
  const read = readers[dtype.slice(1)];
  if (read === undefined) throw new Error(`no reader for ${dtype}`);
  const inMemory = Array.from({ length: data.length / itemBytes }, (_, index) => read(index * itemBytes));
  if (!fortran || shape.length !== 2) return inMemory;
  const [rows = 0, columns = 0] = shape;
  return inMemory.map((_, index) => inMemory[Math.floor(index / columns) + (index % columns) * rows] as number);
}

describe('the recorded vectors', () => {
  test.each(numpy)(
    'reads an array of $dtype and shape $shape',
    ({ dtype, shape, fortran, c_order_values, pickle_hex }) => {
      const array = arrayOf(Buffer.from(pickle_hex, 'hex'));
      expect({ ...array, data: elements(array) }).toEqual({ dtype, shape, fortran, data: c_order_values });
    },
  );
});

/** As protocol 2 writes a dtype. */
const dtype = (code: string, order: string, rest = 'NNNJ\xff\xff\xff\xffJ\xff\xff\xff\xffK\x00') =>
  `cnumpy\ndtype\nU${String.fromCharCode(code.length)}${code}\x89\x88\x87R(K\x03U\x01${order}${rest}tb`;
const blank = (core: string) => `cnumpy.${core}.multiarray\n_reconstruct\ncnumpy\nndarray\nK\x00\x85U\x01b\x87R`;
/** As `_frombuffer` is called in protocol 5. */
const fromBuffer = (data: string, itsDtype: string, shape: string, order = 'U\x01C') =>
  `\x80\x05cnumpy._core.numeric\n_frombuffer\n(${data}${itsDtype}${shape}${order}tR.`;

describe('the forms of older pythons and numpys', () => {
  test('reads an array of Python 2, whose bytes are a str', () => {
    const array = arrayOf(`\x80\x02${blank('core')}(K\x01K\x02\x85${dtype('i2', '<')}\x89U\x04\x01\x00\xff\xfftb.`);
    expect([array.dtype, array.shape, elements(array)]).toEqual(['<i2', [2], [1, -1]]);
  });

  test('reads an array of protocol 2, whose bytes are encoded text', () => {
    const data = 'c_codecs\nencode\nX\x02\x00\x00\x00\xc3\xbfU\x06latin1\x86R';
    const array = arrayOf(`\x80\x02${blank('_core')}(K\x01K\x01\x85${dtype('u1', '|')}\x89${data}tb.`);
    expect([array.dtype, elements(array)]).toEqual(['|u1', [255]]);
  });

  test('reads an array that is referred to twice as one', () => {
    const pickle = `\x80\x02(${blank('core')}q\x01(K\x01K\x01\x85${dtype('u1', '|')}\x89C\x01\x05tbh\x01t.`;
    const result = readPickle(Buffer.from(pickle, 'latin1'));
    if (!result.ok || !Array.isArray(result.value)) throw new Error('no tuple');
    const [first, second] = result.value;
    expect(first).toBeInstanceOf(NumpyArray);
    expect(first).toBe(second);
  });
});

test('puts the axes of an array in order in the same time when most of its 64 have one place', () => {
  const count = 2 ** 20;
  const bytes = `\x8e${String.fromCharCode(0, 0, 16, 0, 0, 0, 0, 0)}${'\x01\x02\x03\x04'.repeat(count / 4)}`;
  const tuple = (numbers: readonly number[]) => `(${numbers.map((each) => `J${int32(each)}`).join('')}t`;
  const read = (shape: readonly number[]) => {
    const axes = shape.map((_, axis) => shape.length - 1 - axis);
    const order = `U\x01K${tuple(axes)}`;
    const before = process.cpuUsage();
    const array = arrayOf(fromBuffer(bytes, dtype('u1', '|'), tuple(shape), order));
    return { array, cpuUs: process.cpuUsage(before).user };
  };
  const ones = Array<number>(61).fill(1);
  const few = read([2, 2, count / 4]);
  const many = read([...ones, 2, 2, count / 4]);
  expect(few.array.data.length).toBe(count);
  expect(many.array.data.equals(few.array.data)).toBe(true);
  expect(many.cpuUs).toBeLessThan(4 * few.cpuUs + 50_000);
});

function int32(value: number): string {
  const bytes = Buffer.alloc(4);
  bytes.writeInt32LE(value);
  return bytes.toString('latin1');
}

describe('dtypes', () => {
  test('reads a scalar as an array without axes', () => {
    const scalar = arrayOf(`\x80\x02cnumpy.core.multiarray\nscalar\n${dtype('f4', '>')}C\x04\x3f\xc0\x00\x00\x86R.`);
    expect({ ...scalar, data: elements(scalar) }).toEqual({ dtype: '>f4', shape: [], fortran: false, data: [1.5] });
  });

  test('names strings, raw bytes and times as numpy does', () => {
    const sized = 'NNNK\x08K\x04K\x08';
    expect(arrayOf(fromBuffer(`C\x08${'a\0\0\0b\0\0\0'}`, dtype('U2', '<', sized), 'K\x01\x85')).dtype).toBe('<U2');
    expect(arrayOf(fromBuffer('C\x03abc', dtype('S3', '|'), 'K\x01\x85')).dtype).toBe('|S3');
    expect(arrayOf(fromBuffer('C\x03abc', dtype('V3', '|'), 'K\x01\x85')).dtype).toBe('|V3');
    expect(arrayOf(fromBuffer('C\x01a', dtype('i1', '<'), 'K\x01\x85')).dtype).toBe('|i1');
    const time = (unit: string, count = '\x01') =>
      `cnumpy\ndtype\nU\x02M8\x89\x88\x87R(K\x04U\x01<NNNJ\xff\xff\xff\xffJ\xff\xff\xff\xffK\x00N(${unit}K${count}K\x01K\x01t\x86tb`;
    expect(arrayOf(fromBuffer('C\x00', time('C\x02ms'), 'K\x00\x85')).dtype).toBe('<M8[ms]');
    expect(arrayOf(fromBuffer('C\x00', time('U\x01s', '\x19'), 'K\x00\x85')).dtype).toBe('<M8[25s]');
    expect(arrayOf(fromBuffer('C\x00', time('C\x07generic'), 'K\x00\x85')).dtype).toBe('<M8');
    expect(reasonOf(fromBuffer('C\x00', time('C\x01x'), 'K\x00\x85'))).toMatch(/M8 of an unknown unit/);
  });

  test('refuses objects, named fields and arrays of arrays, and says so', () => {
    expect(reasonOf(fromBuffer('C\x00', dtype('O8', '|'), 'K\x00\x85'))).toMatch(/numpy array of Python objects/);
    const fields = `NU\x01a\x85}K\x04K\x01K\x10`;
    expect(reasonOf(fromBuffer('C\x00', dtype('V4', '|', fields), 'K\x00\x85'))).toMatch(/named fields/);
    const subarray = `${dtype('i4', '<')}K\x02\x85\x86NNK\x08K\x04K\x00`;
    expect(reasonOf(fromBuffer('C\x00', dtype('V8', '|', subarray), 'K\x00\x85'))).toMatch(/is itself an array/);
    expect(reasonOf(fromBuffer('C\x00', dtype('X9', '<'), 'K\x00\x85'))).toMatch(/the unknown dtype X9/);
  });
});

describe('order', () => {
  test('turns an array with its axes in any order into C order', () => {
    // numpy.arange(6, dtype='u1').reshape(1, 2, 3).transpose(2, 0, 1), as numpy 2.4 pickles it.
    const order = 'U\x01KK\x02K\x00K\x01\x87';
    const array = arrayOf(fromBuffer('C\x06\0\x01\x02\x03\x04\x05', dtype('u1', '|'), 'K\x01K\x02K\x03\x87', order));
    expect({ ...array, data: elements(array) }).toEqual({
      dtype: '|u1',
      shape: [3, 1, 2],
      fortran: false,
      data: [0, 3, 1, 4, 2, 5],
    });
  });

  test.each(['U\x01K', 'U\x01KK\x00K\x00K\x01\x87', 'U\x01KK\x00K\x01K\x03\x87', 'U\x01KK\x00K\x01\x86', 'U\x01A'])(
    'refuses the order %j',
    (order) => {
      expect(reasonOf(fromBuffer('C\x00', dtype('u1', '|'), 'K\x00K\x02K\x03\x87', order))).toMatch(/order|incomplete/);
    },
  );
});

describe('arrays that are damaged', () => {
  test.each([
    ['too few bytes', fromBuffer('C\x03abc', dtype('i2', '<'), 'K\x02\x85')],
    ['too many bytes', fromBuffer('C\x03abc', dtype('i2', '<'), 'K\x01\x85')],
    ['a shape beyond all memory', fromBuffer('C\x00', dtype('i2', '<'), 'J\xff\xff\xff\x7fJ\xff\xff\xff\x7f\x86')],
    ['a negative length', fromBuffer('C\x00', dtype('i2', '<'), 'J\xff\xff\xff\xff\x85')],
    ['a length that is no integer', fromBuffer('C\x00', dtype('i2', '<'), 'G\x3f\xe0\0\0\0\0\0\0\x85')],
    ['more axes than numpy has', fromBuffer('C\x00', dtype('i2', '<'), `(${'K\x00'.repeat(65)}t`)],
    ['no shape', fromBuffer('C\x00', dtype('i2', '<'), 'N')],
    ['no dtype', fromBuffer('C\x00', 'N', 'K\x00\x85')],
    ['no data', fromBuffer('N', dtype('i2', '<'), 'K\x00\x85')],
    ['data that is text', fromBuffer('V\\u0100\n', dtype('u1', '|'), 'K\x01\x85')],
    ['a dtype without byte order', fromBuffer('C\x00', 'cnumpy\ndtype\nU\x02i2\x85R', 'K\x00\x85')],
    ['a dtype with a wrong byte order', fromBuffer('C\x00', dtype('i2', '|'), 'K\x00\x85')],
    ['a dtype with a number for a name', 'cnumpy\ndtype\nK\x01\x85R.'],
    ['a dtype whose state is none', 'cnumpy\ndtype\nU\x02i2\x85RNb.'],
    ['an array whose state is none', `${blank('core')}Nb.`],
  ])('tells %s from data', (_what, pickle) => {
    expect(readPickle(Buffer.from(pickle, 'latin1'))).toMatchObject({ ok: false, malformed: true });
  });

  test('refuses an array that was given no data, and a dtype on its own', () => {
    expect(reasonOf(`${blank('core')}.`)).toMatch(/holds a numpy array without its data/);
    expect(reasonOf(`](${blank('core')}e.`)).toMatch(/holds a numpy array without its data/);
    expect(reasonOf(`${dtype('i2', '<')}.`)).toMatch(/holds a numpy dtype/);
  });
});
