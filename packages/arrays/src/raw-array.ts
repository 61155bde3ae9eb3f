/** Arrays from bare bytes, whose type and shape the receiver knows. */
import { ArrayFormatError, OptionError } from 'serpy-core';
import { checkBytes } from './check-bytes.js';
import { type ByteOrder, type DType, dtypes, type Kind, kindOf } from './dtype.js';
import { elementsOf } from './layout.js';
import type { NdArray } from './ndarray.js';
import { countOf, formatShape, shapeError } from './shape.js';

/** What bare bytes are. */
export interface BareArray<D extends DType = DType> {
  readonly dtype: D;
  /** The number of elements along each axis. Default: one axis, as long as the bytes make it. */
  readonly shape?: readonly number[] | undefined;
  /** Default `'little'`. */
  readonly byteOrder?: ByteOrder | undefined;
  /** Whether the first axis runs fastest, as MATLAB and Fortran have it. Default false. */
  readonly fortranOrder?: boolean | undefined;
}

/**
 * The array that bare bytes are, without a copy where they lie as they should; otherwise they are copied. The bytes are not changed.
 * @throws `ERR_SERPY_ARRAY_FORMAT` when there are more or fewer bytes than `dtype` and `shape` need; its `data` has the bytes.
 * `ERR_SERPY_OPTION` for a `dtype`, `shape` or order that is none, `ERR_SERPY_VALUE` for what is no bytes
 */
export function arrayOf<D extends DType>(bytes: Uint8Array, bare: BareArray<D>): NdArray<D> {
  checkBytes('arrayOf', bytes);
  const kind = checkBare(bare);
  const { byteOrder = 'little', fortranOrder = false } = bare;
  const shape = bare.shape ?? [bytes.length / kind.itemBytes];
  const needed = countOf(shape) * kind.itemBytes;
  if (bare.shape === undefined && bytes.length % kind.itemBytes !== 0) {
    const whole = `whole ${kind.dtype} elements of ${kind.itemBytes} bytes each`;
    throw new ArrayFormatError(
      `the message has ${bytes.length} bytes, which are no ${whole} (the error's data has them)`,
      bytes,
    );
  }
  if (needed !== bytes.length) {
    const what = `${kind.dtype} elements of shape ${formatShape(shape)} have ${needed} bytes`;
    throw new ArrayFormatError(`${what}, and the message has ${bytes.length} (the error's data has them)`, bytes);
  }
  return { data: elementsOf(kind, shape, bytes, { byteOrder, fortranOrder }), shape, dtype: kind.dtype } as NdArray<D>;
}

/** Throws `ERR_SERPY_OPTION` unless it is said what bare bytes are. */
export function checkBare(bare: BareArray): Kind {
  if (bare === null || typeof bare !== 'object') {
    throw new OptionError(`it must be said what the bytes are, such as { dtype: 'float32' }, not ${String(bare)}`);
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
