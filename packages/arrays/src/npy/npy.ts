/** Encodes arrays as `.npy`, and decodes them. */
import { types } from 'node:util';
import { ArrayFormatError } from 'serpy-core';
import { checkBytes } from '../check-bytes.js';
import { type DType, kindOf } from '../dtype.js';
import { float32ArrayToFloat16 } from '../float16.js';
import { elementsOf, type Layout } from '../layout.js';
import { checkArray, type NdArray, type ShapedArray, type TypedArray } from '../ndarray.js';
import { countOf, formatShape, shapeError } from '../shape.js';
import { readDescr } from './descr.js';
import { npyHeader, npyMagic, textStart } from './npy-header.js';
import { readNpyText } from './npy-literal.js';

/** The longest text of a header. Only a header with many fields is longer. */
const maxTextBytes = 65_535;

/** The content of the header of a `.npy`. */
export interface NpyHeader extends Layout {
  readonly dtype: DType;
  readonly shape: readonly number[];
  /** The length of the header: the elements start here. */
  readonly headerBytes: number;
  /** The length of the elements. */
  readonly dataBytes: number;
}

/** A `.npy` in two parts. */
export interface NpyParts {
  readonly header: Buffer;
  /** The elements: the memory of the array, or a copy if they had to be converted. */
  readonly body: Uint8Array;
}

/**
 * Encodes an array as a `.npy` (version 1.0, C order), byte for byte as `numpy.save` does.
 * @throws `ERR_SERPY_VALUE` for a shape that does not fit the length, or a `dtype` that does not fit the typed array
 */
export function encodeNpy(array: TypedArray | ShapedArray): Buffer {
  const { header, body } = npyParts(array);
  const npy = Buffer.allocUnsafeSlow(header.length + body.length);
  npy.set(header);
  npy.set(body, header.length);
  return npy;
}

/** Encodes an array as a `.npy` in two parts, without a copy of the elements. */
export function npyParts(array: TypedArray | ShapedArray): NpyParts {
  const { data, shape, dtype } = checkArray(array);
  const converted = convert(data, dtype);
  const body = new Uint8Array(converted.buffer, converted.byteOffset, converted.byteLength);
  return { header: npyHeader({ dtype, shape }), body };
}

function convert(data: TypedArray, dtype: DType): TypedArray {
  if (dtype === 'float16' && data[Symbol.toStringTag] === 'Float32Array')
    return float32ArrayToFloat16(data as Float32Array);
  // numpy requires 0 and 1, but a mask may use 255.
  if (dtype === 'bool' && (data as Uint8Array).some((value) => value > 1)) {
    return Uint8Array.from(data as Uint8Array, (value) => (value === 0 ? 0 : 1));
  }
  return data;
}

/** Whether bytes start like a `.npy`. */
export function isNpy(bytes: Uint8Array): boolean {
  return types.isUint8Array(bytes) && npyMagic.equals(bytes.subarray(0, npyMagic.length));
}

/**
 * Decodes a `.npy`. The array uses the elements in place if they are in C order, in the byte order of the machine and aligned to their size,
 * and if booleans are 0 or 1. Otherwise it holds a copy. The bytes are not changed.
 * @throws `ERR_SERPY_ARRAY_FORMAT` with the bytes as `data`, unless they are a complete `.npy` of numbers or booleans; `ERR_SERPY_VALUE` if
 * `bytes` is not bytes
 */
export function decodeNpy(bytes: Uint8Array): NdArray {
  checkBytes('decodeNpy', bytes);
  const header = readNpyHeader(bytes);
  const { dtype, shape, headerBytes, dataBytes } = header;
  const body = bytes.subarray(headerBytes);
  if (body.length !== dataBytes) {
    const kind = body.length < dataBytes ? 'truncated' : 'too long';
    const needed = `${dtype} elements of shape ${formatShape(shape)} have ${dataBytes} bytes`;
    throw formatError(`it is ${kind}, since ${needed}, and ${body.length} follow the header`, bytes);
  }
  return { data: elementsOf(kindOf(dtype), shape, body, header), shape, dtype } as NdArray;
}

/**
 * Reads the header of a `.npy`, without the elements.
 * @throws `ERR_SERPY_ARRAY_FORMAT` for an invalid header, as `decodeNpy` does
 */
export function readNpyHeader(bytes: Uint8Array): NpyHeader {
  checkBytes('readNpyHeader', bytes);
  if (!isNpy(bytes)) {
    throw new ArrayFormatError(
      'the bytes are not a .npy. Send the output of numpy.save, or state their type: getArray({ dtype, shape })',
      bytes,
    );
  }
  const { text, headerBytes } = textOf(bytes);
  const read = readNpyText(text);
  if (read === undefined) throw formatError('numpy does not write such a header', bytes);
  const { descr, fortranOrder, shape } = read;
  const type = readDescr(descr);
  if (type.refusal !== undefined) throw formatError(type.refusal, bytes);
  const { kind, byteOrder } = type;
  const fault = shapeError(shape);
  if (fault !== undefined) throw formatError(fault, bytes);
  const dataBytes = countOf(shape) * kind.itemBytes;
  return { dtype: kind.dtype, shape, byteOrder, fortranOrder, headerBytes, dataBytes };
}

function textOf(bytes: Uint8Array): { readonly text: string; readonly headerBytes: number } {
  const { buffer, byteOffset, length } = bytes;
  const npy = Buffer.from(buffer, byteOffset, length);
  const major = npy[6];
  const start = major === 1 ? textStart : textStart + 2;
  if (length < start) throw formatError('it is truncated within its header', bytes);
  if (major !== 1 && major !== 2 && major !== 3) {
    throw formatError(`its version is ${npy[6]}.${npy[7]}, and serpy reads 1.0, 2.0 and 3.0`, bytes);
  }
  const textBytes = major === 1 ? npy.readUInt16LE(8) : npy.readUInt32LE(8);
  if (textBytes > maxTextBytes)
    throw formatError(`its header has ${textBytes} bytes, and serpy reads at most ${maxTextBytes}`, bytes);
  if (length < start + textBytes) throw formatError('it is truncated within its header', bytes);
  return { text: npy.toString('latin1', start, start + textBytes), headerBytes: start + textBytes };
}

function formatError(why: string, bytes: Uint8Array): ArrayFormatError {
  return new ArrayFormatError(`the .npy cannot be decoded: ${why}. The error's data holds its bytes`, bytes);
}
