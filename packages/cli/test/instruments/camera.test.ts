import { describe, expect, test } from 'vitest';
import { background, type CameraOptions, camera } from '../../src/instruments/camera.js';

const options: CameraOptions = { width: 64, height: 48, dtype: 'float32', noise: 1, seed: 7 };

const mean = (values: ArrayLike<number>) => Array.from(values).reduce((sum, value) => sum + value, 0) / values.length;

describe('the camera', () => {
  test('gives the same frame for the same seed, whichever were asked for before', () => {
    const first = camera(options);
    const second = camera(options);
    for (let frame = 0; frame < 5; frame++) first(frame);
    expect(first(5)).toEqual(second(5));
    expect(first(5)).toEqual(first(5));
  });

  test('gives other frames for another seed, and for another number', () => {
    expect(camera(options)(0)).not.toEqual(camera({ ...options, seed: 8 })(0));
    expect(camera(options)(0)).not.toEqual(camera(options)(1));
  });

  test('has noise whose variance is the number of photons, as Poisson’s', () => {
    const clean = camera({ ...options, noise: 0 });
    const noisy = camera(options);
    const deviations: number[] = [];
    for (let frame = 0; frame < 20; frame++) {
      const expected = clean(frame);
      noisy(frame).forEach((value, at) => {
        deviations.push((value - expected[at]!) / Math.sqrt(expected[at]!));
      });
    }
    expect(mean(deviations)).toBeCloseTo(0, 1);
    expect(mean(deviations.map((deviation) => deviation ** 2))).toBeCloseTo(1, 1);
  });

  test('has the requested noise', () => {
    const spread = (noise: number) => {
      const clean = camera({ ...options, noise: 0 })(3);
      return mean(camera({ ...options, noise })(3).map((value, at) => Math.abs(value - clean[at]!)));
    };
    expect(spread(2) / spread(1)).toBeCloseTo(2, 1);
    expect(spread(0)).toBe(0);
  });

  test('shows spots that are brighter than the background and move', () => {
    const clean = camera({ ...options, noise: 0 });
    const brightest = (frame: number) => {
      const image = clean(frame);
      return image.indexOf(Math.max(...image) as never);
    };
    expect(Math.max(...clean(0))).toBeGreaterThan(4 * background);
    expect(Math.min(...clean(0))).toBeGreaterThanOrEqual(background);
    expect(new Set([0, 30, 60, 90].map(brightest)).size).toBeGreaterThan(2);
  });

  test('counts whole photons up to 65535 as uint16, and the same light as float32', () => {
    const whole = camera({ ...options, dtype: 'uint16' })(2);
    expect(whole).toBeInstanceOf(Uint16Array);
    expect([...whole]).toEqual([...camera(options)(2)].map(Math.round));
  });
});
