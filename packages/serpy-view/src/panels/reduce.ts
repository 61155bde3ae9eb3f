/** Reduces a part of an image to the pixels of a screen, and marks saturated pixels. */
import type { Region } from '../wire/messages.js';

/** Numbers in C order. */
export type Numbers = Exclude<
  Int8Array | Uint8Array | Int16Array | Uint16Array | Int32Array | Uint32Array | Float32Array | Float64Array,
  never
>;

export interface Reduced {
  readonly width: number;
  readonly height: number;
  /** Pixels of the image in a pixel of the result, per axis. */
  readonly bin: number;
  readonly region: Region;
  readonly pixels: Uint8Array | Uint16Array | Float32Array;
  /** 1 where a pixel is saturated. Undefined if none is. */
  readonly mask: Uint8Array | undefined;
}

export interface ReduceOptions {
  readonly region: Region | null;
  /** Pixels of the screen. */
  readonly width: number;
  readonly height: number;
  readonly reduce: 'mean' | 'max';
  readonly saturation: number | null;
}

/** A screen has at most so many pixels per axis. */
const maxScreen = 4096;

/** The region, cut to the image, in whole pixels. */
export function clampRegion(region: Region | null, width: number, height: number): Region {
  if (region === null || region.some((each) => !Number.isFinite(each))) return [0, 0, width, height];
  const x = Math.min(width - 1, Math.max(0, Math.floor(region[0])));
  const y = Math.min(height - 1, Math.max(0, Math.floor(region[1])));
  return [
    x,
    y,
    Math.min(width - x, Math.max(1, Math.ceil(region[2]))),
    Math.min(height - y, Math.max(1, Math.ceil(region[3]))),
  ];
}

/** How many pixels of the image become one, so that the region fits the screen. */
export function binOf([, , width, height]: Region, screenWidth: number, screenHeight: number): number {
  const columns = Math.min(maxScreen, Math.max(16, Math.floor(screenWidth) || 0));
  const rows = Math.min(maxScreen, Math.max(16, Math.floor(screenHeight) || 0));
  return Math.max(1, Math.ceil(Math.max(width / columns, height / rows)));
}

/** @param data one image of `imageWidth` columns */
export function reduceImage(data: Numbers, imageWidth: number, imageHeight: number, options: ReduceOptions): Reduced {
  const region = clampRegion(options.region, imageWidth, imageHeight);
  const bin = binOf(region, options.width, options.height);
  const [left, top, regionWidth, regionHeight] = region;
  const width = Math.ceil(regionWidth / bin);
  const height = Math.ceil(regionHeight / bin);
  const pixels = pixelsFor(data, width * height);
  const saturation = options.saturation ?? Number.POSITIVE_INFINITY;
  const mask = new Uint8Array(width * height);
  const row = new Float64Array(width);
  let isMasked = false;
  for (let y = 0; y < height; y++) {
    const first = top + y * bin;
    const last = Math.min(top + regionHeight, first + bin);
    row.fill(options.reduce === 'max' ? Number.NEGATIVE_INFINITY : 0);
    for (let line = first; line < last; line++) {
      const start = line * imageWidth + left;
      if (addLine(data, start, regionWidth, bin, row, mask, y * width, saturation, options.reduce)) isMasked = true;
    }
    const lines = last - first;
    for (let x = 0; x < width; x++) {
      const value = row[x] as number;
      const count = lines * Math.min(bin, regionWidth - x * bin);
      pixels[y * width + x] = options.reduce === 'max' ? value : finish(pixels, value / count);
    }
  }
  return { width, height, bin, region, pixels, mask: isMasked ? mask : undefined };
}

/** Adds a line of the image to a row of the result. Returns whether a pixel of it is saturated. */
function addLine(
  data: Numbers,
  start: number,
  length: number,
  bin: number,
  row: Float64Array,
  mask: Uint8Array,
  maskStart: number,
  saturation: number,
  reduce: 'mean' | 'max',
): boolean {
  let isSaturated = false;
  for (let x = 0, at = start; x < row.length; x++) {
    const end = Math.min(start + length, at + bin);
    let value = row[x] as number;
    for (; at < end; at++) {
      const pixel = data[at] as number;
      if (reduce === 'mean') value += pixel;
      else if (pixel > value) value = pixel;
      if (pixel >= saturation) {
        mask[maskStart + x] = 1;
        isSaturated = true;
      }
    }
    row[x] = value;
  }
  return isSaturated;
}

/** Small unsigned integers stay what they are: half the bytes of floats. */
function pixelsFor(data: Numbers, length: number): Uint8Array | Uint16Array | Float32Array {
  if (data instanceof Uint8Array) return new Uint8Array(length);
  return data instanceof Uint16Array ? new Uint16Array(length) : new Float32Array(length);
}

function finish(pixels: object, mean: number): number {
  return pixels instanceof Float32Array ? mean : Math.round(mean);
}

/** The values along a line, at most one per pixel and `maxPoints`. */
export function valuesAlong(
  data: Numbers,
  width: number,
  height: number,
  [x0, y0, x1, y1]: readonly [number, number, number, number],
  maxPoints = 1024,
): Float32Array {
  const steps = Math.max(Math.abs(x1 - x0), Math.abs(y1 - y0));
  const count = Number.isFinite(steps) ? Math.min(maxPoints, Math.max(2, Math.round(steps) + 1)) : 2;
  const clamp = (value: number, size: number) => Math.min(size - 1, Math.max(0, Math.round(value) || 0));
  return Float32Array.from({ length: count }, (_, index) => {
    const part = index / (count - 1);
    return data[clamp(y0 + part * (y1 - y0), height) * width + clamp(x0 + part * (x1 - x0), width)] as number;
  });
}
