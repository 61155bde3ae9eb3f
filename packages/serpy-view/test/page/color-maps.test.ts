import { describe, expect, test } from 'vitest';
import { type ColorMapName, colorMap, colorMapNames } from '../../src/page/color-maps.js';

/** The lightness of CIELAB, from 0 to 100. */
function lightness([red = 0, green = 0, blue = 0]: readonly number[]): number {
  const linear = [red, green, blue].map((each) =>
    each / 255 <= 0.04045 ? each / 255 / 12.92 : ((each / 255 + 0.055) / 1.055) ** 2.4,
  );
  const luminance = 0.2126 * linear[0]! + 0.7152 * linear[1]! + 0.0722 * linear[2]!;
  return luminance > 0.008856 ? 116 * Math.cbrt(luminance) - 16 : 903.3 * luminance;
}

function lightnesses(name: ColorMapName): number[] {
  const colors = colorMap(name);
  return Array.from({ length: 256 }, (_, index) => lightness([...colors.subarray(3 * index, 3 * index + 3)]));
}

describe('color maps', () => {
  test.each(['even', 'gray', 'heat'] as const)('%s becomes lighter with every step, without a jump', (name) => {
    const values = lightnesses(name);
    const steps = values.slice(1).map((value, at) => value - values[at]!);
    expect(Math.min(...steps)).toBeGreaterThan(-0.6); // one step of a byte
    expect(Math.max(...steps)).toBeLessThan(1.6);
    expect(values.at(-1)! - values[0]!).toBeGreaterThan(80);
  });

  test('the default has the same contrast in the dark and in the light', () => {
    const values = lightnesses('even');
    const [dark, light] = [values[112]! - values[16]!, values[239]! - values[143]!];
    expect(dark / light).toBeGreaterThan(0.75);
    expect(dark / light).toBeLessThan(1.33);
  });

  test('the diverging one is white in the middle and equally dark at both ends', () => {
    const values = lightnesses('diverging');
    expect(Math.max(...values)).toBeGreaterThan(98);
    expect(Math.abs(values[0]! - values[255]!)).toBeLessThan(8);
  });

  test.each(Object.keys(colorMapNames) as ColorMapName[])('%s has 256 colors', (name) => {
    expect(colorMap(name)).toHaveLength(768);
  });
});
