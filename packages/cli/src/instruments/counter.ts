/** A simulated photon counter: how many photons came in each interval, at a rate that drifts. */
import { mixSeeds, poisson, seededRandom } from './random.js';

export interface CounterOptions {
  /** Photons that are expected in an interval, on average over a long time. */
  readonly meanCounts: number;
  /** 1 for Poisson's noise, 0 for none; in between and above, so much of it. */
  readonly noise: number;
  readonly seed: number;
}

export interface Counter {
  /** How many photons are expected in an interval: the rate as it drifts. */
  expected(interval: number): number;
  /** How many came. Interval n is the same in every run, whichever were asked for before. */
  count(interval: number): number;
}

/** How far the rate drifts, as a part of its mean, and in how many intervals it comes back. */
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
      const came = poisson(mean, seededRandom(mixSeeds(seed, interval)));
      return Math.max(0, Math.round(mean + noise * (came - mean)));
    },
  };
}
