/** Reads bare bytes as an array, whose type and shape the receiver knows. */
import { ArrayFormatError, OptionError } from 'serpy-core';
import { checkBytes } from './check-bytes.js';
import { type ByteOrder, type DType, dtypes, type Kind, kindOf } from './dtype.js';
import { elementsOf } from './layout.js';
import type { NdArray } from './ndarray.js';
import { countOf, formatShape, shapeError } from './shape.js';

/** The type and layout of bare bytes. */
export interface BareArray<D extends DType = DType> {
  readonly dtype: D;
  /** The number of elements along each axis. By default one axis with all elements. */
  readonly shape?: readonly number[] | undefined;
  /** Default `'little'`. */
  readonly byteOrder?: ByteOrder | undefined;
  /** Whether the first axis runs fastest, as in MATLAB and Fortran. Default false. */
  readonly fortranOrder?: boolean | undefined;
}

/**
 * Reads bare bytes as an array. It copies them only if their byte order, axis order or alignment requires it, and never changes them.
 * @throws `ERR_SERPY_ARRAY_FORMAT` with the bytes as `data` if their number does not fit `dtype` and `shape`;
 * `ERR_SERPY_OPTION` for an invalid `dtype`, `shape` or order; `ERR_SERPY_VALUE` if `bytes` is not bytes
 */
export function arrayOf<D extends DType>(bytes: Uint8Array, bare: BareArray<D>): NdArray<D> {
  checkBytes('arrayOf', bytes);
  const kind = checkBare(bare);
  const { byteOrder = 'little', fortranOrder = false } = bare;
  const shape = bare.shape ?? [bytes.length / kind.itemBytes];
  const needed = countOf(shape) * kind.itemBytes;
  if (bare.shape === undefined && bytes.length % kind.itemBytes !== 0) {
    const elements = `${kind.dtype} elements of ${kind.itemBytes} bytes each`;
    throw new ArrayFormatError(
      `the message has ${bytes.length} bytes, which cannot be split into ${elements}. The error's data holds them`,
      bytes,
    );
  }
  if (needed !== bytes.length) {
    const what = `${kind.dtype} elements of shape ${formatShape(shape)} have ${needed} bytes`;
    throw new ArrayFormatError(`${what}, and the message has ${bytes.length}. The error's data holds them`, bytes);
  }
  return { data: elementsOf(kind, shape, bytes, { byteOrder, fortranOrder }), shape, dtype: kind.dtype } as NdArray<D>;
}

/** Checks the type and layout of bare bytes. Throws `ERR_SERPY_OPTION`. */
export function checkBare(bare: BareArray): Kind {
  if (bare === null || typeof bare !== 'object') {
    throw new OptionError(
      `arrayOf takes the type of the bytes as an object such as { dtype: 'float32' }, not ${String(bare)}`,
    );
  }
  const { dtype, shape, byteOrder, fortranOrder } = bare;
  const kind = kindOf(dtype as unknown);
  if (kind === undefined) throw new OptionError(`dtype takes one of ${dtypes.join(', ')}, not ${String(dtype)}`);
  const fault = shape === undefined ? undefined : shapeError(shape);
  if (fault !== undefined) throw new OptionError(fault);
  if (byteOrder !== undefined && byteOrder !== 'little' && byteOrder !== 'big') {
    throw new OptionError(`byteOrder takes 'little' or 'big', not ${String(byteOrder)}`);
  }
  if (fortranOrder !== undefined && typeof fortranOrder !== 'boolean') {
    throw new OptionError(`fortranOrder takes true or false, not ${String(fortranOrder)}`);
  }
  return kind;
}
