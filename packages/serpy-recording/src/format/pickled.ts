/** Python objects received over v1 that are not values: numpy arrays, and pickles that were not read. */
import { arrayHeader } from './npy-header.js';

/** A numpy array as v1 delivers it. */
export interface PickledArray {
  readonly dtype: string;
  readonly shape: readonly number[];
  readonly fortran: boolean;
  readonly data: Buffer;
}

/** Whether a value is a numpy array as v1 delivers it. */
export function isPickledArray(value: unknown): value is PickledArray {
  return typeof value === 'object' && value !== null && 'fortran' in value && 'dtype' in value && 'shape' in value;
}

/** The same as a `.npy`, also with elements that are not numbers. */
export function npyOf({ dtype, shape, fortran, data }: PickledArray): Buffer {
  return Buffer.concat([arrayHeader(dtype, shape, fortran), data]);
}

/** Whether a value is a pickle that was not read. */
export function isOpaque(value: unknown): value is { readonly bytes: Buffer; readonly reason: string } {
  return typeof value === 'object' && value !== null && 'bytes' in value && 'reason' in value;
}
