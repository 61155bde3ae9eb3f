/** Reads the arrays, scalars and dtypes in pickles of numpy, from numpy 1 under Python 2 to numpy 2. */

import { malformed, opaqueError } from '../format/unreadable-pickle.js';
import { NumpyArray } from '../format/values.js';
import { type Machine, PartialValue, type Reducer, type StackValue } from './machine.js';
import { Dtype } from './numpy-dtype.js';
import { toCOrder } from './numpy-order.js';

/** The limit of numpy. */
const MAX_AXES = 64;

/** The result of `numpy.core.multiarray._reconstruct`: an array that BUILD fills. */
class BlankArray extends PartialValue {
  readonly what = 'a numpy array without its data';

  override build(state: StackValue, machine: Machine): StackValue {
    const [version, shape, dtype, fortran, data, ...rest] = tuple(state);
    if ((version !== 0 && version !== 1) || rest.length > 0) {
      throw opaqueError('holds a numpy array in an unknown version of its format. Send its bytes and its shape');
    }
    const array = numpyArray(machine, dtype, shape, Boolean(fortran), data);
    this.result = array;
    return array;
  }
}

/** By module, space and name. numpy 2 renamed `numpy.core`. A class has no reducer: it is only an argument. */
export const numpyReducers: ReadonlyArray<readonly [string, Reducer | undefined]> = [
  ['numpy ndarray', undefined],
  ['numpy dtype', dtypeReducer],
  ['numpy.core.multiarray _reconstruct', blankReducer],
  ['numpy._core.multiarray _reconstruct', blankReducer],
  ['numpy.core.multiarray scalar', scalarReducer],
  ['numpy._core.multiarray scalar', scalarReducer],
  ['numpy.core.numeric _frombuffer', frombufferReducer],
  ['numpy._core.numeric _frombuffer', frombufferReducer],
];

function dtypeReducer(args: readonly StackValue[]): StackValue {
  const [code] = args;
  if (typeof code !== 'string') throw malformed('it holds a numpy dtype without a name');
  return new Dtype(code);
}

/** Ignores its arguments: the class, which can only be `numpy.ndarray`, and placeholders. */
function blankReducer(): StackValue {
  return new BlankArray();
}

function scalarReducer(args: readonly StackValue[], machine: Machine): StackValue {
  const [dtype, data] = args;
  return numpyArray(machine, dtype, [], false, data);
}

/** Used by numpy ≥ 1.17 under protocol 5. `axes` exists with order K, from numpy 2.3 on. */
function frombufferReducer(args: readonly StackValue[], machine: Machine): StackValue {
  const [data, dtype, shape, order, axes] = args;
  if (order !== 'C' && order !== 'F' && order !== 'K') {
    throw opaqueError('holds a numpy array in an unknown order. Send numpy.ascontiguousarray(array)');
  }
  const array = numpyArray(machine, dtype, shape, order === 'F', data);
  if (order !== 'K') return array;
  machine.spendBytes(array.data.length);
  return toCOrder(array, sizes(axes));
}

function numpyArray(
  machine: Machine,
  dtype: StackValue | undefined,
  shape: StackValue | undefined,
  fortran: boolean,
  content: StackValue | undefined,
): NumpyArray {
  if (!(dtype instanceof Dtype)) throw malformed('it holds a numpy array without a dtype');
  const lengths = sizes(shape);
  machine.spendItems(lengths.length);
  // Python 2 writes the bytes as str.
  const data = typeof content === 'string' ? machine.latin1(content) : content;
  if (!Buffer.isBuffer(data)) throw malformed('it holds a numpy array without data');
  const { description, itemBytes } = dtype.complete();
  const expected = lengths.reduce((product, length) => product * length, itemBytes);
  if (data.length !== expected) {
    throw malformed(`it holds a numpy array of ${data.length} bytes whose shape and dtype need ${expected}`);
  }
  return new NumpyArray(description, lengths, fortran, data);
}

function sizes(shape: StackValue | undefined): number[] {
  const lengths = tuple(shape);
  if (lengths.length > MAX_AXES) throw malformed(`it holds a numpy array with ${lengths.length} axes`);
  return lengths.map((length) => {
    if (typeof length === 'number' && Number.isSafeInteger(length) && length >= 0) return length;
    throw malformed('it holds a numpy array with an invalid length');
  });
}

function tuple(value: StackValue | undefined): readonly StackValue[] {
  if (Array.isArray(value)) return value;
  throw malformed('it holds an incomplete numpy array');
}
