/** Color maps: 256 colors each, as the bytes red, green, blue. */

export const colorMapNames = {
  even: 'even (default)',
  gray: 'gray',
  inverse: 'gray, inverse',
  heat: 'heat',
  diverging: 'diverging',
} as const;

export type ColorMapName = keyof typeof colorMapNames;

/** A color in OKLab: lightness from 0 to 1, chroma, and hue in degrees. */
type Color = readonly [lightness: number, chroma: number, hue: number];

const between = (from: number, to: number, part: number) => from + (to - from) * part;

/** Equal steps of the value are equal steps of lightness, so that the eye sees no edge where there is none. */
const maps: Readonly<Record<ColorMapName, (part: number) => Color>> = {
  even: (part) => [
    between(0.16, 0.95, part),
    0.05 + 0.1 * Math.sin(Math.PI * between(0.1, 0.75, part)),
    between(295, 102, part ** 0.9),
  ],
  gray: (part) => [between(0, 1, part), 0, 0],
  inverse: (part) => [between(1, 0, part), 0, 0],
  heat: (part) => [
    between(0.08, 0.97, part),
    0.17 * Math.sin(Math.PI * Math.min(1, 0.04 + 0.9 * part)),
    between(15, 105, part),
  ],
  diverging: (part) => [1 - 0.62 * Math.abs(2 * part - 1), 0.19 * Math.abs(2 * part - 1), part < 0.5 ? 255 : 28],
};

export function colorMap(name: ColorMapName): Uint8ClampedArray {
  const colors = new Uint8ClampedArray(3 * 256);
  for (let index = 0; index < 256; index++) colors.set(inGamut(maps[name](index / 255)), 3 * index);
  return colors;
}

/** With as much chroma as a screen shows. */
function inGamut([lightness, chroma, hue]: Color): [number, number, number] {
  for (let part = 1; part > 0; part -= 0.05) {
    const color = linearRgb([lightness, chroma * part, hue]);
    if (color.every((each) => each >= -0.001 && each <= 1.001)) return encoded(color);
  }
  return encoded(linearRgb([lightness, 0, 0]));
}

function encoded(color: readonly number[]): [number, number, number] {
  const [red = 0, green = 0, blue = 0] = color.map((each) => {
    const part = Math.min(1, Math.max(0, each));
    return Math.round(255 * (part <= 0.0031308 ? 12.92 * part : 1.055 * part ** (1 / 2.4) - 0.055));
  });
  return [red, green, blue];
}

/** From OKLab to the primaries of sRGB, linear. */
function linearRgb([lightness, chroma, hue]: Color): [number, number, number] {
  const angle = (hue * Math.PI) / 180;
  const [a, b] = [chroma * Math.cos(angle), chroma * Math.sin(angle)];
  const long = (lightness + 0.3963377774 * a + 0.2158037573 * b) ** 3;
  const medium = (lightness - 0.1055613458 * a - 0.0638541728 * b) ** 3;
  const short = (lightness - 0.0894841775 * a - 1.291485548 * b) ** 3;
  return [
    4.0767416621 * long - 3.3077115913 * medium + 0.2309699292 * short,
    -1.2684380046 * long + 2.6097574011 * medium - 0.3413193965 * short,
    -0.0041960863 * long - 0.7034186147 * medium + 1.707614701 * short,
  ];
}
