/** A history of numbers with bounded memory: the last ones singly, all of them as buckets that grow. */

/** A time span with the minimum, maximum and sum of its values. */
interface Bucket {
  wallMs: number;
  min: number;
  max: number;
  sum: number;
  count: number;
}

const recentSize = 4096;
const maxBuckets = 2048;

/** Points of a frame. More than a screen shows side by side. */
const maxPoints = 1500;

export interface TrendPoints {
  readonly times: Float64Array;
  readonly mean: Float64Array;
  readonly min: Float64Array;
  readonly max: Float64Array;
  readonly statistics: { readonly min: number; readonly max: number; readonly mean: number; readonly count: number };
}

export class TrendHistory {
  readonly #times = new Float64Array(recentSize);
  readonly #values = new Float64Array(recentSize);
  #count = 0;
  #buckets: Bucket[] = [];
  #perBucket = 1;
  /** The last value. */
  last: number | undefined;

  /** A value that is not finite is only the last one: it has no place on an axis. */
  add(value: number, wallMs: number): void {
    this.last = value;
    if (!Number.isFinite(value)) return;
    const at = this.#count++ % recentSize;
    this.#times[at] = wallMs;
    this.#values[at] = value;
    const last = this.#buckets.at(-1);
    if (last && last.count < this.#perBucket) addTo(last, { wallMs, min: value, max: value, sum: value, count: 1 });
    else this.#buckets.push({ wallMs, min: value, max: value, sum: value, count: 1 });
    if (this.#buckets.length > maxBuckets) this.#mergePairs();
  }

  /** The last `spanMs`, or everything; single values where they are still known. */
  points(spanMs: number | null, nowMs: number): TrendPoints {
    const sinceMs = spanMs === null ? Number.NEGATIVE_INFINITY : nowMs - spanMs;
    const held = Math.min(this.#count, recentSize);
    const oldestMs = this.#times[this.#count > recentSize ? this.#count % recentSize : 0] as number;
    const isRecent = this.#count <= recentSize || oldestMs <= sinceMs;
    const all = isRecent ? this.#single(held, sinceMs) : this.#buckets.filter(({ wallMs }) => wallMs >= sinceMs);
    return pack(thinned(all));
  }

  #single(held: number, sinceMs: number): Bucket[] {
    const found: Bucket[] = [];
    for (let index = this.#count - held; index < this.#count; index++) {
      const wallMs = this.#times[index % recentSize] as number;
      const value = this.#values[index % recentSize] as number;
      if (wallMs >= sinceMs) found.push({ wallMs, min: value, max: value, sum: value, count: 1 });
    }
    return found;
  }

  #mergePairs(): void {
    this.#perBucket *= 2;
    this.#buckets = mergedBy(this.#buckets, 2);
  }
}

function addTo(bucket: Bucket, other: Bucket): void {
  bucket.min = Math.min(bucket.min, other.min);
  bucket.max = Math.max(bucket.max, other.max);
  bucket.sum += other.sum;
  bucket.count += other.count;
}

function thinned(points: Bucket[]): Bucket[] {
  return points.length > maxPoints ? mergedBy(points, Math.ceil(points.length / maxPoints)) : points;
}

function mergedBy(points: readonly Bucket[], size: number): Bucket[] {
  const merged: Bucket[] = [];
  for (const [index, point] of points.entries()) {
    if (index % size === 0) merged.push({ ...point });
    else addTo(merged.at(-1) as Bucket, point);
  }
  return merged;
}

function pack(points: readonly Bucket[]): TrendPoints {
  const total: Bucket = { wallMs: 0, min: Number.POSITIVE_INFINITY, max: Number.NEGATIVE_INFINITY, sum: 0, count: 0 };
  for (const point of points) addTo(total, point);
  return {
    times: Float64Array.from(points, ({ wallMs }) => wallMs / 1000),
    mean: Float64Array.from(points, ({ sum, count }) => sum / count),
    min: Float64Array.from(points, ({ min }) => min),
    max: Float64Array.from(points, ({ max }) => max),
    statistics: { min: total.min, max: total.max, mean: total.sum / total.count, count: total.count },
  };
}
