/** A simulated photon counter: photons per interval, at a drifting rate. */
import { mixSeeds, poisson, seededRandom } from './random.js';

export interface CounterOptions {
  /** Expected photons per interval, averaged over a long time. */
  readonly meanCounts: number;
  /** The factor of Poisson noise: 1 for photon noise, 0 for none. */
  readonly noise: number;
  readonly seed: number;
}

export interface Counter {
  /** The expected photons of an interval: the drifting rate. */
  expected(interval: number): number;
  /** The counted photons. Interval n is the same in every run, in any order of the calls. */
  count(interval: number): number;
}

/** The drifts of the rate: depth as a part of the mean, and period in intervals. */
const drifts = [
  { depth: 0.2, period: 830 },
  { depth: 0.1, period: 131 },
] as const;

export function counter({ meanCounts, noise, seed }: CounterOptions): Counter {
  const random = seededRandom(seed);
  const waves = drifts.map((drift) => ({ ...drift, phase: random() }));
  const expected = (interval: number) =>
    waves.reduce(
      (mean, { depth, period, phase }) =>
        mean + meanCounts * depth * Math.sin(2 * Math.PI * (interval / period + phase)),
      meanCounts,
    );
  return {
    expected,
    count(interval) {
      const mean = expected(interval);
      const photons = poisson(mean, seededRandom(mixSeeds(seed, interval)));
      return Math.max(0, Math.round(mean + noise * (photons - mean)));
    },
  };
}
