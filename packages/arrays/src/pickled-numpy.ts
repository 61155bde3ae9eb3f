/** Converts the numpy arrays of pickles. */
import { ArrayFormatError } from 'serpy-core';
import { elementsOf } from './layout.js';
import type { NdArray } from './ndarray.js';
import { readDescr } from './npy/descr.js';
import { countOf, formatShape, shapeError } from './shape.js';

/** An array as read from a pickle. */
export interface NumpyArrayLike {
  /** numpy's `dtype.str`, such as `'<f4'`. */
  readonly dtype: string;
  readonly shape: readonly number[];
  readonly fortran: boolean;
  /** The bytes of the elements. */
  readonly data: Uint8Array;
}

export function isNumpyArray(value: unknown): value is NumpyArrayLike {
  if (typeof value !== 'object' || value === null || !('fortran' in value)) return false;
  const { dtype, shape, fortran, data } = value as Record<string, unknown>;
  return typeof dtype === 'string' && Array.isArray(shape) && typeof fortran === 'boolean' && Buffer.isBuffer(data);
}

/** Converts an array. Throws `ERR_SERPY_ARRAY_FORMAT` with the array as `data` if the elements are not numbers or booleans. */
export function fromNumpy(array: NumpyArrayLike): NdArray {
  const { shape, fortran, data } = array;
  const type = readDescr(array.dtype);
  if (type.refusal !== undefined) throw formatError(type.refusal, array);
  const { kind, byteOrder } = type;
  const needed = countOf(shape) * kind.itemBytes;
  const fault =
    shapeError(shape) ??
    (data.length === needed ? undefined : `its shape ${formatShape(shape)} does not fit its ${data.length} bytes`);
  if (fault !== undefined) throw formatError(fault, array);
  const elements = elementsOf(kind, shape, data, { byteOrder, fortranOrder: fortran });
  return { data: elements, shape, dtype: kind.dtype } as NdArray;
}

function formatError(why: string, array: NumpyArrayLike): ArrayFormatError {
  return new ArrayFormatError(`the numpy array cannot be decoded: ${why}. The error's data holds the array`, array);
}
