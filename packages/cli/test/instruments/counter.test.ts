import { describe, expect, test } from 'vitest';
import { counter } from '../../src/instruments/counter.js';
import { poisson, seededRandom } from '../../src/instruments/random.js';

const mean = (values: readonly number[]) => values.reduce((sum, value) => sum + value, 0) / values.length;

function variance(values: readonly number[]): number {
  const middle = mean(values);
  return mean(values.map((value) => (value - middle) ** 2));
}

test.each([0, 0.3, 4, 49, 50, 4000])('Poisson’s numbers have mean and variance %d', (expected) => {
  const random = seededRandom(11);
  const drawn = Array.from({ length: 20_000 }, () => poisson(expected, random));
  expect(drawn.every((value) => Number.isInteger(value) && value >= 0)).toBe(true);
  expect(Math.abs(mean(drawn) - expected)).toBeLessThanOrEqual(0.03 * Math.max(1, Math.sqrt(expected)));
  expect(Math.abs(variance(drawn) - expected)).toBeLessThanOrEqual(0.05 * expected);
});

describe('the photon counter', () => {
  const options = { meanCounts: 4000, noise: 1, seed: 5 };
  const counts = (each: typeof options, length = 8300) => {
    const { count } = counter(each);
    return Array.from({ length }, (_, interval) => count(interval));
  };

  test('counts the same for the same seed, whichever interval is asked for first', () => {
    const { count } = counter(options);
    count(900);
    expect(Array.from({ length: 50 }, (_, interval) => count(interval))).toEqual(counts(options, 50));
    expect(counts({ ...options, seed: 6 }, 50)).not.toEqual(counts(options, 50));
  });

  test('drifts around its mean', () => {
    const { expected } = counter(options);
    const rates = Array.from({ length: 8300 }, (_, interval) => expected(interval));
    expect(mean(rates)).toBeGreaterThan(3900);
    expect(mean(rates)).toBeLessThan(4100);
    expect(Math.max(...rates)).toBeGreaterThan(4400);
    expect(Math.min(...rates)).toBeLessThan(3600);
  });

  test('has Poisson noise around the expected rate, or the requested factor of it', () => {
    const { expected } = counter(options);
    const deviations = (noise: number) =>
      counts({ ...options, noise }).map(
        (value, interval) => (value - expected(interval)) / Math.sqrt(expected(interval)),
      );
    expect(mean(deviations(1))).toBeCloseTo(0, 1);
    expect(variance(deviations(1))).toBeCloseTo(1, 1);
    expect(Math.sqrt(variance(deviations(3)))).toBeCloseTo(3, 1);
    expect(Math.max(...deviations(0).map(Math.abs))).toBeLessThan(0.02);
  });

  test('counts none where none are expected', () => {
    expect(new Set(counts({ ...options, meanCounts: 0 }, 100))).toEqual(new Set([0]));
  });
});
