import { describe, expect, test } from 'vitest';
import { histogramOf, quantilesOf, saturationOf, sortedSample, statisticsOf } from '../../src/panels/statistics.js';
import { quantileLevels } from '../../src/wire/messages.js';

describe('statistics', () => {
  test('are those of all elements, and NaN is counted apart', () => {
    const data = Float32Array.of(3, Number.NaN, -1, 10);
    expect(statisticsOf(data, 0, 4, 10)).toEqual({ min: -1, max: 10, mean: 4, nan: 1, saturated: 1, saturation: 10 });
    expect(statisticsOf(data, 2, 1, null)).toMatchObject({ min: -1, max: -1, saturated: 0, saturation: null });
  });

  test('of nothing but NaN have no mean', () => {
    expect(statisticsOf(Float32Array.of(Number.NaN), 0, 1, null).mean).toBeNaN();
  });

  test.each([
    ['uint8', null, 255],
    ['uint16', null, 65_535],
    ['float32', null, null],
    ['uint16', 4095, 4095],
  ])('the saturation of %s with the choice %s is %s', (dtype, chosen, expected) => {
    expect(saturationOf(dtype, chosen)).toBe(expected);
  });
});

describe('quantiles and histogram', () => {
  const data = Float64Array.from({ length: 100_000 }, (_, at) => (at * 7919) % 100_000);
  const sorted = sortedSample(data, 0, data.length);

  test('come from a sample, with the true minimum and maximum', () => {
    const quantiles = quantilesOf(sorted, { min: -5, max: 200_000 });
    expect([quantiles[0], quantiles.at(-1)]).toEqual([-5, 200_000]);
    for (const [index, level] of quantileLevels.entries()) {
      if (level > 0 && level < 1) expect(quantiles[index]! / 100_000).toBeCloseTo(level, 2);
    }
  });

  test('one hot pixel does not squeeze the histogram', () => {
    const image = new Float64Array(10_000).map((_, at) => at % 100);
    image[5] = 1e9;
    const { from, to, counts } = histogramOf(sortedSample(image, 0, image.length));
    expect(to).toBeLessThan(101);
    expect(from).toBeGreaterThanOrEqual(0);
    expect(counts.reduce((sum, each) => sum + each, 0)).toBe(4096);
  });

  test('of an image without a finite pixel are zeros', () => {
    const none = sortedSample(Float32Array.of(Number.NaN, Number.POSITIVE_INFINITY), 0, 2);
    expect(quantilesOf(none, { min: Number.POSITIVE_INFINITY, max: Number.NEGATIVE_INFINITY })).toEqual(
      quantileLevels.map(() => 0),
    );
    expect(histogramOf(none).counts.every((count) => count === 0)).toBe(true);
  });
});
