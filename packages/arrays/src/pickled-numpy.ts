/** Arrays as pickles have them, with numpy's own words. */
import { ArrayFormatError } from 'serpy-core';
import { elementsOf } from './layout.js';
import type { NdArray } from './ndarray.js';
import { readDescr } from './npy/descr.js';
import { countOf, formatShape, shapeError } from './shape.js';

/** An array as it was pickled. */
export interface NumpyArrayLike {
  /** As numpy's `dtype.str` writes it, such as `'<f4'`. */
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

/** Throws `ERR_SERPY_ARRAY_FORMAT` for an array of anything but numbers and booleans; its `data` has the array. */
export function fromNumpy(array: NumpyArrayLike): NdArray {
  const { shape, fortran, data } = array;
  const type = readDescr(array.dtype);
  if (type.refusal !== undefined) throw formatError(type.refusal, array);
  const { kind, byteOrder } = type;
  const needed = countOf(shape) * kind.itemBytes;
  const fault =
    shapeError(shape) ?? (data.length === needed ? undefined : `its shape ${formatShape(shape)} does not fit`);
  if (fault !== undefined) throw formatError(fault, array);
  const elements = elementsOf(kind, shape, data, { byteOrder, fortranOrder: fortran });
  return { data: elements, shape, dtype: kind.dtype } as NdArray;
}

function formatError(why: string, array: NumpyArrayLike): ArrayFormatError {
  return new ArrayFormatError(`the array cannot be given: ${why} (the error's data has it came)`, array);
}
