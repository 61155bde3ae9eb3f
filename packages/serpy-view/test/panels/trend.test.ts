import { describe, expect, test } from 'vitest';
import { TrendHistory } from '../../src/panels/trend.js';

function historyOf(count: number, stepMs = 1000): TrendHistory {
  const history = new TrendHistory();
  for (let at = 0; at < count; at++) history.add(at, at * stepMs);
  return history;
}

describe('a history of numbers', () => {
  test('has the single values of the last time', () => {
    const { times, mean, statistics } = historyOf(100).points(9500, 99_000);
    expect([...times]).toEqual([90, 91, 92, 93, 94, 95, 96, 97, 98, 99]);
    expect([...mean]).toEqual([90, 91, 92, 93, 94, 95, 96, 97, 98, 99]);
    expect(statistics).toEqual({ min: 90, max: 99, mean: 94.5, count: 10 });
  });

  test('of a million values is bounded, and keeps minimum, maximum, mean and number of all of them', () => {
    const { times, min, max, statistics } = historyOf(1_000_000, 1).points(null, 1_000_000);
    expect(times.length).toBeLessThanOrEqual(1500);
    expect([min[0], max.at(-1)]).toEqual([0, 999_999]);
    expect(statistics).toMatchObject({ min: 0, max: 999_999, mean: 499_999.5, count: 1_000_000 });
  });

  test('the values of a long time come in order', () => {
    const { times } = historyOf(50_000).points(40_000_000, 50_000_000);
    expect([...times]).toEqual([...times].sort((a, b) => a - b));
    expect(times[0]).toBeGreaterThan(9000);
  });

  test('without a value in the time has no points', () => {
    expect(historyOf(3).points(10, 1e9).times).toHaveLength(0);
    expect(new TrendHistory().points(null, 0).times).toHaveLength(0);
    expect(new TrendHistory().last).toBeUndefined();
  });

  test('values that are not finite are seen as the last value, and spoil nothing', () => {
    const history = historyOf(3);
    history.add(Number.NaN, 4000);
    expect(history.last).toBeNaN();
    expect(history.points(null, 5000).statistics).toEqual({ min: 0, max: 2, mean: 1, count: 3 });
  });
});
