/** The arrays that a program receives and sends, and the checks of an array to send. */
import { types } from 'node:util';
import { ValueError } from 'serpy-core';
import { type DataOf, type DType, dtypesOfArray, kindOf } from './dtype.js';
import { countOf, formatShape, shapeError } from './shape.js';

/** Any typed array. */
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

/** A received array: elements in C order (the last axis runs fastest), in the typed array of `dtype`. */
export type NdArray<D extends DType = DType> = {
  readonly [Each in D]: {
    /** The elements. For complex types, real and imaginary part alternate. */
    readonly data: DataOf[Each];
    /** The number of elements along each axis. */
    readonly shape: readonly number[];
    readonly dtype: Each;
  };
}[D];

/** An array to send: elements in C order, with the shape and type that a typed array does not state. */
export interface ShapedArray {
  readonly data: TypedArray;
  /** The number of elements along each axis. By default one axis. */
  readonly shape?: readonly number[] | undefined;
  /**
   * By default the type of the typed array. `'bool'` for a `Uint8Array`; `'complex64'` and `'complex128'` for alternating real and imaginary
   * parts; `'float16'` for a `Float32Array`, whose elements are rounded, or for the bits in a `Uint16Array`.
   */
  readonly dtype?: DType | undefined;
}

/** An array as `sendData` accepts it. A `Uint8Array` or `Buffer` is sent as bytes: to send it as an array, pass `{ data: bytes }`. */
export type ArrayValue = Exclude<TypedArray, Uint8Array> | ShapedArray;

/** Whether a value is meant as an array, and not as bytes or another value. `checkArray` reports errors in it. */
export function isArrayValue(value: unknown): value is ArrayValue {
  if (typeof value !== 'object' || value === null) return false;
  if (ArrayBuffer.isView(value)) return types.isTypedArray(value) && !types.isUint8Array(value);
  return 'data' in value && ('shape' in value || types.isTypedArray(value.data));
}

/** An array to send, complete and checked. */
export interface Checked {
  readonly data: TypedArray;
  readonly shape: readonly number[];
  readonly dtype: DType;
}

const names = ['data', 'shape', 'dtype'];

/** Checks and completes an array to send. Throws `ERR_SERPY_VALUE`. */
export function checkArray(value: TypedArray | ShapedArray): Checked {
  const given: ShapedArray = types.isTypedArray(value) ? { data: value as TypedArray } : value;
  const data: TypedArray | undefined = given?.data;
  if (!types.isTypedArray(data)) {
    throw new ValueError(
      'an array is a typed array such as new Float32Array(…), or { data, shape } with a typed array as data',
    );
  }
  const unknown = Object.keys(given).find((name) => !names.includes(name));
  if (unknown !== undefined) {
    throw new ValueError(
      `an array is { data, shape, dtype } with data in C order, and has no property ${unknown}. Omit it`,
    );
  }
  const dtype = given.dtype ?? dtypeOf(data)[0];
  if (!dtypeOf(data).includes(dtype)) {
    throw new ValueError(
      `a ${nameOf(data)} can be sent as ${dtypeOf(data).join(' or ')}, not as ${String(dtype)}. Convert it, or use another dtype`,
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
  if (shape === undefined) return `${length} numbers cannot be split into${each}. Add or remove a number`;
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
