/** Curves: arrays with one axis, as at most two points for each pixel of the screen. */
import type { NdArray } from 'serpy-arrays';
import { numbersOf } from './numbers.js';
import type { Numbers } from './reduce.js';

export interface CurvePoints {
  readonly positions: Float64Array;
  readonly values: Float64Array;
  readonly numbers: Numbers;
}

/** @param columns pixels of the screen. A longer curve keeps the minimum and maximum of each column, in their order. */
export function reduceCurve(array: NdArray, columns: number): CurvePoints {
  const numbers = numbersOf(array);
  const width = Math.min(4096, Math.max(64, Math.floor(columns) || 0));
  if (numbers.length <= 2 * width) {
    return { positions: Float64Array.from(numbers, (_, at) => at), values: Float64Array.from(numbers), numbers };
  }
  const positions = new Float64Array(2 * width);
  const values = new Float64Array(2 * width);
  for (let column = 0; column < width; column++) {
    const first = Math.floor((column * numbers.length) / width);
    const last = Math.floor(((column + 1) * numbers.length) / width);
    let [low, high] = [first, first];
    for (let at = first + 1; at < last; at++) {
      if ((numbers[at] as number) < (numbers[low] as number)) low = at;
      if ((numbers[at] as number) > (numbers[high] as number)) high = at;
    }
    for (const [offset, at] of [Math.min(low, high), Math.max(low, high)].entries()) {
      positions[2 * column + offset] = at;
      values[2 * column + offset] = numbers[at] as number;
    }
  }
  return { positions, values, numbers };
}
