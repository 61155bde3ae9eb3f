/** Makes arrays smaller: each element of the result is the mean of a square of elements. */
import type { NdArray, TypedArray } from 'serpy-arrays';

/** A header of `.npy` with some space. */
const headerBytes = 128;

export interface Binned {
  readonly array: { readonly data: TypedArray; readonly shape: readonly number[]; readonly dtype: NdArray['dtype'] };
  /** The side of the square. */
  readonly bin: number;
}

/** The array with at most `maxBytes` as `.npy`. Undefined if it cannot be binned: more than two axes, complex, or 64-bit integers. */
export function binToFit(array: NdArray, maxBytes: number): Binned | undefined {
  const { data, shape, dtype } = array;
  if (shape.length === 0 || shape.length > 2 || dtype.startsWith('complex') || dtype === 'bool') return undefined;
  if (data instanceof BigInt64Array || data instanceof BigUint64Array) return undefined;
  const [height, width] = shape.length === 2 ? (shape as [number, number]) : [1, shape[0] as number];
  const itemBytes = dtype === 'float16' ? 2 : data.BYTES_PER_ELEMENT;
  const most = Math.floor((maxBytes - headerBytes) / itemBytes);
  if (most < 1) return undefined;
  const isPlane = shape.length === 2;
  let bin = 1;
  while (sizeOf(height, width, bin, isPlane) > most) bin++;
  const [rows, columns] = [isPlane ? Math.ceil(height / bin) : 1, Math.ceil(width / bin)];
  const result = means(data, height, width, isPlane ? bin : 1, bin, rows, columns);
  return { array: { data: result, shape: isPlane ? [rows, columns] : [columns], dtype }, bin };
}

function sizeOf(height: number, width: number, bin: number, isPlane: boolean): number {
  return (isPlane ? Math.ceil(height / bin) : 1) * Math.ceil(width / bin);
}

type Numbers = Exclude<NdArray['data'], BigInt64Array | BigUint64Array>;

/** At the edges the squares are smaller. Means of integers are rounded. */
function means(
  data: Numbers,
  height: number,
  width: number,
  binY: number,
  binX: number,
  rows: number,
  columns: number,
): Numbers {
  const result = new (data.constructor as new (length: number) => Numbers)(rows * columns);
  const isFloat = data instanceof Float32Array || data instanceof Float64Array;
  const sums = new Float64Array(columns);
  for (let row = 0; row < rows; row++) {
    sums.fill(0);
    const lastY = Math.min(height, (row + 1) * binY);
    for (let y = row * binY; y < lastY; y++) {
      for (let column = 0, x = y * width; column < columns; column++) {
        const end = y * width + Math.min(width, (column + 1) * binX);
        let sum = 0;
        for (; x < end; x++) sum += data[x] as number;
        sums[column] = (sums[column] as number) + sum;
      }
    }
    for (let column = 0; column < columns; column++) {
      const count = (lastY - row * binY) * (Math.min(width, (column + 1) * binX) - column * binX);
      const mean = (sums[column] as number) / count;
      result[row * columns + column] = isFloat ? mean : Math.round(mean);
    }
  }
  return result;
}
