/** Arrays as they are given and as they are taken. */
import { types } from 'node:util';
import { ValueError } from 'serpy-core';
import { type DataOf, type DType, dtypesOfArray, kindOf } from './dtype.js';
import { countOf, formatShape, shapeError } from './shape.js';

/** Any array of numbers with a type of its own. */
export type TypedArray =
  | Int8Array
  | Uint8Array
  | Uint8ClampedArray
  | Int16Array
  | Uint16Array
  | Int32Array
  | Uint32Array
  | BigInt64Array
  | BigUint64Array
  | Float32Array
  | Float64Array;

/** An array that arrived: elements in C order (the last axis runs fastest), in a typed array that goes by `dtype`. */
export type NdArray<D extends DType = DType> = {
  readonly [Each in D]: {
    /** The elements; of complex ones real and imaginary part in turn. */
    readonly data: DataOf[Each];
    /** The number of elements along each axis. */
    readonly shape: readonly number[];
    readonly dtype: Each;
  };
}[D];

/** An array to be sent: elements in C order, and what a typed array does not tell of them. */
export interface ShapedArray {
  readonly data: TypedArray;
  /** The number of elements along each axis. Default: one axis. */
  readonly shape?: readonly number[] | undefined;
  /**
   * Default: the type that goes with the typed array. `'bool'` for a `Uint8Array`; `'complex64'` and `'complex128'` for real and imaginary
   * parts in turn; `'float16'` for a `Float32Array`, which is rounded, or the bits in a `Uint16Array`.
   */
  readonly dtype?: DType | undefined;
}

/** What `sendData` takes for an array. A `Uint8Array` or `Buffer` goes as plain bytes: `{ data: bytes }` makes an array of it. */
export type ArrayValue = Exclude<TypedArray, Uint8Array> | ShapedArray;

/** Whether a value is meant as an array, and not as plain bytes or anything else. What is wrong with it is told when it is sent. */
export function isArrayValue(value: unknown): value is ArrayValue {
  if (typeof value !== 'object' || value === null) return false;
  if (ArrayBuffer.isView(value)) return types.isTypedArray(value) && !types.isUint8Array(value);
  return 'data' in value && ('shape' in value || types.isTypedArray(value.data));
}

/** An array to be sent, complete and checked. */
export interface Checked {
  readonly data: TypedArray;
  readonly shape: readonly number[];
  readonly dtype: DType;
}

const names = ['data', 'shape', 'dtype'];

/** Checks and completes an array to be sent. Throws `ERR_SERPY_VALUE`. */
export function checkArray(value: TypedArray | ShapedArray): Checked {
  const given: ShapedArray = types.isTypedArray(value) ? { data: value as TypedArray } : value;
  const data: TypedArray | undefined = given?.data;
  if (!types.isTypedArray(data)) {
    throw new ValueError(
      'an array is { data, shape } with a typed array as data, or a typed array: new Float32Array(…)',
    );
  }
  const strange = Object.keys(given).find((name) => !names.includes(name));
  if (strange !== undefined) {
    throw new ValueError(
      `an array is { data, shape, dtype } with data in C order, and has no ${strange}: leave it out`,
    );
  }
  const dtype = given.dtype ?? dtypeOf(data)[0];
  if (!dtypeOf(data).includes(dtype)) {
    throw new ValueError(
      `a ${nameOf(data)} goes as ${dtypeOf(data).join(' or ')}, not as ${String(dtype)}: convert it, or take another dtype`,
    );
  }
  const { parts } = kindOf(dtype);
  const shape = given.shape ?? [data.length / parts];
  const fault = given.shape === undefined ? undefined : shapeError(shape);
  if (fault !== undefined) throw new ValueError(fault);
  if (countOf(shape) * parts !== data.length || !Number.isInteger(data.length / parts)) {
    throw new ValueError(lengthError(data.length, given.shape, dtype, parts));
  }
  return { data, shape, dtype };
}

function lengthError(length: number, shape: readonly number[] | undefined, dtype: DType, parts: number): string {
  const each = parts === 1 ? '' : ` ${dtype} elements of ${parts} numbers each`;
  if (shape === undefined) return `${length} numbers make no${each}: one is missing, or too many`;
  return `the shape ${formatShape(shape)} needs ${countOf(shape) * parts} numbers${each && ` (${each.trim()})`}, and data has ${length}`;
}

function nameOf(data: TypedArray): string {
  return data[Symbol.toStringTag];
}

function dtypeOf(data: TypedArray): readonly [DType, ...DType[]] {
  const found = dtypesOfArray[nameOf(data)];
  if (found === undefined) throw new ValueError(`a ${nameOf(data)} cannot be sent as an array`);
  return found;
}
