/** An array in one line: type, shape, minimum, maximum and mean. */
import type { NdArray } from 'serpy-arrays';

export interface ArraySummary {
  readonly dtype: string;
  readonly shape: readonly number[];
  /** Of all elements except NaN. Undefined without such elements, and for complex types. */
  readonly min: number | bigint | undefined;
  readonly max: number | bigint | undefined;
  readonly mean: number | undefined;
  /** The number of elements that are NaN. */
  readonly nan: number;
}

export function summarize({ data, dtype, shape }: NdArray): ArraySummary {
  const empty = { dtype, shape, min: undefined, max: undefined, mean: undefined, nan: 0 };
  if (dtype === 'complex64' || dtype === 'complex128') return empty;
  if (data instanceof BigInt64Array || data instanceof BigUint64Array) return { ...empty, ...extentOfBigInts(data) };
  return { ...empty, ...extentOf(data) };
}

type Extent = Pick<ArraySummary, 'min' | 'max' | 'mean' | 'nan'>;

function extentOf(data: Exclude<NdArray['data'], BigInt64Array | BigUint64Array>): Partial<Extent> {
  let [min, max, sum, nan] = [Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY, 0, 0];
  for (let i = 0; i < data.length; i++) {
    const value = data[i] as number;
    if (value < min) min = value;
    if (value > max) max = value;
    if (Number.isNaN(value)) nan++;
    else sum += value;
  }
  return nan === data.length ? { nan } : { min, max, mean: sum / (data.length - nan), nan };
}

function extentOfBigInts(data: BigInt64Array | BigUint64Array): Partial<Extent> {
  if (data.length === 0) return {};
  let [min, max, sum] = [data[0] as bigint, data[0] as bigint, 0n];
  for (const value of data) {
    if (value < min) min = value;
    if (value > max) max = value;
    sum += value;
  }
  return { min, max, mean: Number(sum) / data.length };
}

/** As `float32 512×512, min 0.01, max 0.9987, mean 0.4987`. */
export function summaryLine({ dtype, shape, min, max, mean, nan }: ArraySummary): string {
  const parts = [
    `${dtype} ${shape.length === 0 ? 'scalar' : shape.join('×')}${shape.length !== 1 ? '' : shape[0] === 1 ? ' element' : ' elements'}`,
  ];
  if (shape.includes(0)) parts.push('empty');
  if (min !== undefined && max !== undefined && mean !== undefined) {
    parts.push(`min ${short(min)}`, `max ${short(max)}`, `mean ${short(mean)}`);
  }
  if (nan > 0) parts.push(`${nan} NaN`);
  return parts.join(', ');
}

/** Whole numbers unchanged, others with four significant digits. */
function short(value: number | bigint): string {
  return Number.isInteger(Number(value)) ? String(value) : String(Number(Number(value).toPrecision(4)));
}
