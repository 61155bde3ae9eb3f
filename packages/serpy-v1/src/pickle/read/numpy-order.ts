/** Converts arrays of three or more axes whose order in memory is neither C nor Fortran order. */

import { malformed } from '../format/unreadable-pickle.js';
import { NumpyArray } from '../format/values.js';

/**
 * Transposes an array, as numpy's `stored.transpose(axes).copy()` does: axis n of the result is axis `axes[n]` of `stored`. Both are in
 * C order.
 */
export function toCOrder(stored: NumpyArray, axes: readonly number[]): NumpyArray {
  const axisCount = stored.shape.length;
  if (axes.length !== axisCount || new Set(axes).size !== axisCount || axes.some((axis) => axis >= axisCount)) {
    throw malformed('it holds a numpy array with an invalid order of axes');
  }
  const shape = axes.map((axis) => stored.shape[axis] as number);
  const data = transposed(stored, axes);
  return new NumpyArray(stored.dtype, shape, false, data);
}

function transposed(stored: NumpyArray, allAxes: readonly number[]): Buffer {
  // Axes of length 1 change nothing, and to count through them would take as long as through all others.
  const axes = allAxes.filter((axis) => stored.shape[axis] !== 1);
  const axisCount = axes.length;
  const shape = axes.map((axis) => stored.shape[axis] as number);
  const count = shape.reduce((product, length) => product * length, 1);
  const itemBytes = count === 0 ? 0 : stored.data.length / count;
  const storedStrides = cOrderStrides(stored.shape, itemBytes);
  const strides = axes.map((axis) => storedStrides[axis] as number);

  const data = Buffer.allocUnsafeSlow(stored.data.length);
  const index = new Array<number>(axisCount).fill(0);
  let from = 0;
  for (let to = 0; to < data.length; to += itemBytes) {
    for (let byte = 0; byte < itemBytes; byte++) data[to + byte] = stored.data[from + byte] as number;
    // Counts up like an odometer, last axis first.
    for (let axis = axisCount - 1; axis >= 0; axis--) {
      const next = (index[axis] as number) + 1;
      from += strides[axis] as number;
      if (next < (shape[axis] as number)) {
        index[axis] = next;
        break;
      }
      index[axis] = 0;
      from -= next * (strides[axis] as number);
    }
  }
  return data;
}

function cOrderStrides(shape: readonly number[], itemBytes: number): number[] {
  let stride = itemBytes;
  return shape
    .toReversed()
    .map((length) => {
      const own = stride;
      stride *= length;
      return own;
    })
    .reverse();
}
