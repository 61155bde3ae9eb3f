/** An image in characters: with colors two pixels per character, without colors one of a ramp of characters. */
import { type ColorDepth, palette } from '../ui/color-depth.js';

export interface Image {
  readonly data: ArrayLike<number>;
  readonly width: number;
  readonly height: number;
}

/** From dark to bright. */
const ramp = ' .:-=+*#%@';

/** The largest size in characters that fits and keeps the proportions of the image. A character is twice as high as wide. */
export function thumbnailSize(
  { width, height }: Image,
  columns: number,
  rows: number,
): { columns: number; rows: number } {
  const scale = Math.min(columns / width, (2 * rows) / height);
  return { columns: Math.max(1, Math.floor(width * scale)), rows: Math.max(1, Math.floor((height * scale) / 2)) };
}

/** The image as lines of characters. */
export function thumbnail(image: Image, columns: number, rows: number, depth: ColorDepth): string[] {
  const pixelRows = depth === 'none' ? rows : 2 * rows;
  const pixels = stretched(reduced(image, columns, pixelRows));
  const rowOf = (row: number) => pixels.subarray(row * columns, (row + 1) * columns);
  if (depth === 'none') {
    return Array.from({ length: rows }, (_, row) =>
      Array.from(rowOf(row), (value) => ramp[Math.round(value * (ramp.length - 1))]).join(''),
    );
  }
  const colors = palette(depth);
  const code = (value: number) => colors[Math.round(value * (colors.length - 1))] as string;
  return Array.from({ length: rows }, (_, row) => halfBlocks(rowOf(2 * row), rowOf(2 * row + 1), code));
}

/** Each character is an upper half block in one color on another. A color code is written only when a color changes. */
function halfBlocks(upper: Float64Array, lower: Float64Array, code: (value: number) => string): string {
  let line = '';
  let last = '';
  for (let at = 0; at < upper.length; at++) {
    const colors = `\x1b[38;${code(upper[at] as number)};48;${code(lower[at] as number)}m`;
    line += colors === last ? '▀' : `${colors}▀`;
    last = colors;
  }
  return `${line}\x1b[0m`;
}

/** Resizes the image: the mean of the pixels for a smaller size, the nearest pixel for a larger one. */
function reduced({ data, width, height }: Image, columns: number, rows: number): Float64Array {
  const pixels = new Float64Array(columns * rows);
  for (let row = 0; row < rows; row++) {
    const top = Math.floor((row * height) / rows);
    const bottom = Math.max(top + 1, Math.floor(((row + 1) * height) / rows));
    for (let column = 0; column < columns; column++) {
      const left = Math.floor((column * width) / columns);
      const right = Math.max(left + 1, Math.floor(((column + 1) * width) / columns));
      let sum = 0;
      for (let y = top; y < bottom; y++) for (let x = left; x < right; x++) sum += data[y * width + x] as number;
      pixels[row * columns + column] = sum / ((bottom - top) * (right - left));
    }
  }
  return pixels;
}

/** Scales the darkest pixel to 0 and the brightest to 1. */
function stretched(pixels: Float64Array): Float64Array {
  const darkest = pixels.reduce((least, value) => Math.min(least, value), Number.POSITIVE_INFINITY);
  const brightest = pixels.reduce((most, value) => Math.max(most, value), Number.NEGATIVE_INFINITY);
  return pixels.map((value) => (brightest > darkest ? (value - darkest) / (brightest - darkest) : 0));
}
