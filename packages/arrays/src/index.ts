/** serpy-arrays: encodes typed arrays with their shape as .npy bytes, and decodes them. */

export type { WaitOptions } from 'serpy-core';
export type { ByteOrder, DataOf, DType } from './dtype.js';
export { ArrayMessages, type ArrayOptions, parseArrayOptions, readArray } from './get-array.js';
export type { Layout } from './layout.js';
export { type ArrayValue, isArrayValue, type NdArray, type ShapedArray, type TypedArray } from './ndarray.js';
export { decodeNpy, encodeNpy, isNpy, type NpyHeader, type NpyParts, npyParts, readNpyHeader } from './npy/npy.js';
export { type NpyHeaderOptions, npyHeader } from './npy/npy-header.js';
export { arrayOf, type BareArray } from './raw-array.js';
