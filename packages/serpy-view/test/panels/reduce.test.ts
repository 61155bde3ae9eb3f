import { fc } from 'serpy-contract-tests/properties';
import { describe, expect, test } from 'vitest';
import {
  binOf,
  clampRegion,
  type Numbers,
  type ReduceOptions,
  reduceImage,
  valuesAlong,
} from '../../src/panels/reduce.js';

const whole: ReduceOptions = { region: null, width: 1000, height: 1000, reduce: 'mean', saturation: null };

/** 4 rows of 6: 0 to 23. */
const image = Uint16Array.from({ length: 24 }, (_, at) => at);

/** The screen that needs a bin of `bin`: a screen has at least 16 pixels. */
function large(bin: number): { data: Float64Array; size: number; options: ReduceOptions } {
  const size = 16 * bin;
  const data = Float64Array.from({ length: size * size }, (_, at) => at % 97);
  return { data, size, options: { ...whole, width: 16, height: 16 } };
}

describe('reduceImage', () => {
  test('leaves an image as it is that fits the screen', () => {
    const reduced = reduceImage(image, 6, 4, whole);
    expect(reduced).toMatchObject({ width: 6, height: 4, bin: 1, region: [0, 0, 6, 4], mask: undefined });
    expect(reduced.pixels).toEqual(image);
  });

  test('cuts a region out at full resolution', () => {
    const reduced = reduceImage(image, 6, 4, { ...whole, region: [2, 1, 3, 2] });
    expect([...reduced.pixels]).toEqual([8, 9, 10, 14, 15, 16]);
  });

  test.each(['mean', 'max'] as const)('computes the %s of each block, also of those at the edge', (reduce) => {
    const { options } = large(2);
    const [width, height] = [31, 29];
    const data = Float64Array.from({ length: width * height }, (_, at) => (at * 7919) % 251);
    const { pixels, bin, ...size } = reduceImage(data, width, height, { ...options, reduce });
    expect({ bin, ...size }).toMatchObject({ bin: 2, width: 16, height: 15 });
    for (let y = 0; y < 15; y++) {
      for (let x = 0; x < 16; x++) {
        const block = [0, 1].flatMap((dy) => [0, 1].map((dx) => [2 * x + dx, 2 * y + dy] as const));
        const values = block
          .filter(([at, line]) => at < width && line < height)
          .map(([at, line]) => data[line * width + at]!);
        const expected =
          reduce === 'max' ? Math.max(...values) : values.reduce((sum, each) => sum + each, 0) / values.length;
        expect(pixels[y * 16 + x]).toBeCloseTo(expected, 3);
      }
    }
  });

  test('marks the pixels in which one is saturated, and none if none is', () => {
    const { options } = large(3);
    const data = new Uint16Array(48 * 48).fill(10);
    expect(reduceImage(data, 48, 48, { ...options, saturation: 65_535 }).mask).toBeUndefined();
    data[48 * 4 + 7] = 65_535;
    const { mask } = reduceImage(data, 48, 48, { ...options, saturation: 65_535 });
    expect([...(mask ?? [])].flatMap((each, at) => (each ? [at] : []))).toEqual([16 + 2]);
  });

  test('the mean of the reduced pixels is the mean of the image', () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 9 }), (bin) => {
        const { data, size, options } = large(bin);
        const { pixels } = reduceImage(data, size, size, options);
        expect(mean(pixels)).toBeCloseTo(mean(data), 3);
      }),
      { numRuns: 9 },
    );
  });

  test.each([
    [new Uint8Array(4), Uint8Array],
    [new Uint16Array(4), Uint16Array],
    [new Int16Array(4), Float32Array],
    [new Float64Array(4), Float32Array],
  ])('small unsigned integers stay integers, others become floats (%#)', (data, type) => {
    expect(reduceImage(data as Numbers, 2, 2, whole).pixels).toBeInstanceOf(type);
  });

  test('a pixel with NaN is NaN', () => {
    expect([...reduceImage(Float32Array.of(1, Number.NaN), 2, 1, whole).pixels]).toEqual([1, Number.NaN]);
  });
});

describe('a request of a page', () => {
  test('never leaves the image', () => {
    const any = fc.oneof(fc.double(), fc.integer({ min: -1e9, max: 1e9 }));
    fc.assert(
      fc.property(
        fc.tuple(any, any, any, any),
        fc.integer({ min: 1, max: 50 }),
        fc.integer({ min: 1, max: 50 }),
        (region, width, height) => {
          const [x, y, columns, rows] = clampRegion(region, width, height);
          expect(Math.min(x, y, columns - 1, rows - 1)).toBeGreaterThanOrEqual(0);
          expect(x + columns).toBeLessThanOrEqual(width);
          expect(y + rows).toBeLessThanOrEqual(height);
        },
      ),
    );
  });

  test.each([0, -5, Number.NaN, 1e12])(
    'with a screen of %d pixels gets between 16 and 4096 pixels per axis',
    (screen) => {
      const bin = binOf([0, 0, 20_000, 20_000], screen, screen);
      expect(20_000 / bin).toBeLessThanOrEqual(4096);
      expect(20_000 / bin).toBeGreaterThanOrEqual(15);
    },
  );
});

describe('valuesAlong', () => {
  test('follows a line from one end to the other', () => {
    expect([...valuesAlong(image, 6, 4, [0, 0, 5, 0])]).toEqual([0, 1, 2, 3, 4, 5]);
    expect([...valuesAlong(image, 6, 4, [3, 3, 0, 0])]).toEqual([21, 14, 7, 0]);
  });

  test('stays inside the image, and is bounded', () => {
    expect(valuesAlong(image, 6, 4, [-1e9, -1e9, 1e9, 1e9])).toHaveLength(1024);
    expect([...valuesAlong(image, 6, 4, [-3, 0, -1, 0])]).toEqual([0, 0, 0]);
  });
});

function mean(values: ArrayLike<number>): number {
  return Array.from(values).reduce((sum, each) => sum + each, 0) / values.length;
}
