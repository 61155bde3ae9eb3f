/** Statistics of arrays: of all elements, except for what takes a sort, which a sample represents. */
import { quantileLevels, type Statistics } from '../wire/messages.js';
import type { Numbers } from './reduce.js';

/** Elements that are sorted for the quantiles and counted for the histogram. */
const sampleSize = 4096;

const histogramBins = 64;

/** The largest value of types of integers, at which a sensor is saturated. */
const largest: Readonly<Record<string, number>> = { uint8: 255, uint16: 65_535, int16: 32_767 };

export function saturationOf(dtype: string, chosen: number | null): number | null {
  return chosen !== null && Number.isFinite(chosen) ? chosen : (largest[dtype] ?? null);
}

/** Of `length` elements from `start`. Elements that are NaN are counted and left out. */
export function statisticsOf(data: Numbers, start: number, length: number, saturation: number | null): Statistics {
  let [min, max, sum, nan, saturated] = [Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY, 0, 0, 0];
  const limit = saturation ?? Number.POSITIVE_INFINITY;
  const isLimited = saturation !== null;
  for (let at = start; at < start + length; at++) {
    const value = data[at] as number;
    if (value < min) min = value;
    if (value > max) max = value;
    sum += value;
  }
  if (Number.isNaN(sum)) [sum, nan] = sumWithoutNaN(data, start, length);
  if (isLimited && max >= limit) {
    for (let at = start; at < start + length; at++) if ((data[at] as number) >= limit) saturated++;
  }
  const count = length - nan;
  return { min, max, mean: count > 0 ? sum / count : Number.NaN, nan, saturated, saturation };
}

function sumWithoutNaN(data: Numbers, start: number, length: number): [sum: number, nan: number] {
  let [sum, nan] = [0, 0];
  for (let at = start; at < start + length; at++) {
    const value = data[at] as number;
    if (Number.isNaN(value)) nan++;
    else sum += value;
  }
  return [sum, nan];
}

/** Elements at equal distances, without NaN and infinities, sorted. */
export function sortedSample(data: Numbers, start: number, length: number): Float64Array {
  const step = Math.max(1, length / sampleSize);
  const sample = new Float64Array(Math.min(length, sampleSize));
  let count = 0;
  for (let at = 0; at < length && count < sample.length; at += step) {
    const value = data[start + Math.floor(at)] as number;
    if (Number.isFinite(value)) sample[count++] = value;
  }
  return sample.subarray(0, count).sort();
}

/** @param sorted without NaN */
export function quantilesOf(sorted: Float64Array, { min, max }: Pick<Statistics, 'min' | 'max'>): number[] {
  if (sorted.length === 0) return quantileLevels.map(() => 0);
  return quantileLevels.map((level) => {
    if (level === 0 && Number.isFinite(min)) return min;
    if (level === 1 && Number.isFinite(max)) return max;
    return sorted[Math.min(sorted.length - 1, Math.round(level * (sorted.length - 1)))] as number;
  });
}

/** Of the sample, between its first and last thousandth; what is outside counts in the outer bins. */
export function histogramOf(sorted: Float64Array): { from: number; to: number; counts: number[] } {
  const counts = new Array<number>(histogramBins).fill(0);
  const at = (level: number) => sorted[Math.round(level * (sorted.length - 1))] ?? 0;
  const [low, high] = [at(0.001), at(0.999)];
  const [from, to] = high > low ? [low, high] : [low - 0.5, low + 0.5];
  for (const value of sorted) {
    const bin = Math.floor(((value - from) / (to - from)) * histogramBins);
    const inside = Math.min(histogramBins - 1, Math.max(0, bin));
    counts[inside] = (counts[inside] as number) + 1;
  }
  return { from, to, counts };
}
