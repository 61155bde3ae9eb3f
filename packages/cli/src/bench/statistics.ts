/** Statistics of times: percentiles, and a histogram with the steps 1, 2, 5, 10 … */

/** Times in milliseconds. */
export interface TimeSummary {
  readonly count: number;
  readonly minMs: number;
  readonly p50Ms: number;
  readonly p90Ms: number;
  readonly p99Ms: number;
  readonly maxMs: number;
}

/** The number of times above the previous bin and up to `toMs`. */
export interface Bin {
  readonly toMs: number;
  readonly count: number;
}

/** @throws a `RangeError` for an empty list */
export function summarize(timesMs: readonly number[]): TimeSummary {
  if (timesMs.length === 0) throw new RangeError('there are no times to summarize');
  const sorted = Float64Array.from(timesMs).sort();
  return {
    count: sorted.length,
    minMs: percentile(sorted, 0),
    p50Ms: percentile(sorted, 0.5),
    p90Ms: percentile(sorted, 0.9),
    p99Ms: percentile(sorted, 0.99),
    maxMs: percentile(sorted, 1),
  };
}

/** The percentile by nearest rank: the smallest time that at least this part of all times does not exceed. */
function percentile(sorted: Float64Array, part: number): number {
  const rank = Math.max(1, Math.ceil(part * sorted.length));
  return sorted[rank - 1] as number;
}

/** All bins from that of the shortest time to that of the longest. */
export function histogram(timesMs: readonly number[]): Bin[] {
  const counts = new Map<number, number>();
  for (const timeMs of timesMs) {
    const step = stepOf(timeMs);
    counts.set(step, (counts.get(step) ?? 0) + 1);
  }
  const steps = [...counts.keys()];
  const [first, last] = [Math.min(...steps), Math.max(...steps)];
  return Array.from({ length: steps.length === 0 ? 0 : last - first + 1 }, (_, index) => ({
    toMs: upToMs(first + index),
    count: counts.get(first + index) ?? 0,
  }));
}

/** The finest step: 0.1 µs. */
const minStep = -12;

/** The number of the smallest step that is at least a time: 0 is 1 ms, 1 is 2 ms, 2 is 5 ms, 3 is 10 ms, -1 is 0.5 ms. */
function stepOf(timeMs: number): number {
  let step = Math.max(minStep, 3 * Math.floor(Math.log10(timeMs)) - 1);
  while (upToMs(step) < timeMs) step++;
  return step;
}

function upToMs(step: number): number {
  const decade = Math.floor(step / 3);
  return Number(`${[1, 2, 5][step - 3 * decade]}e${decade}`); // from decimal digits, because 0.1 ** 3 is not 0.001
}
