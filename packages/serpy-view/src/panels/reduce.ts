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
  const mask = options.saturation === null ? undefined : new Uint8Array(width * height);
  const row = new Float64Array(width);
  const isMax = options.reduce === 'max';
  for (let y = 0; y < height; y++) {
    const first = top + y * bin;
    const last = Math.min(top + regionHeight, first + bin);
    const start = first * imageWidth + left;
    if (bin === 1) pixels.set(data.subarray(start, start + width), y * width);
    else {
      row.fill(isMax ? Number.NEGATIVE_INFINITY : 0);
      for (let line = first, at = start; line < last; line++, at += imageWidth) {
        if (isMax) raiseToLine(data, at, regionWidth, bin, row);
        else addLine(data, at, regionWidth, bin, row);
      }
      finishRow(pixels, y * width, row, isMax ? undefined : { lines: last - first, bin, length: regionWidth });
    }
    if (mask) {
      for (let line = first, at = start; line < last; line++, at += imageWidth) {
        markLine(data, at, regionWidth, bin, mask, y * width, options.saturation as number);
      }
    }
  }
  return { width, height, bin, region, pixels, mask: mask?.includes(1) ? mask : undefined };
}

/** Adds a line of the image to a row of sums. */
function addLine(data: Numbers, start: number, length: number, bin: number, row: Float64Array): void {
  const end = start + length;
  for (let x = 0, at = start; x < row.length; x++) {
    const next = Math.min(end, at + bin);
    let sum = 0;
    for (; at < next; at++) sum += data[at] as number;
    row[x] = (row[x] as number) + sum;
  }
}

function raiseToLine(data: Numbers, start: number, length: number, bin: number, row: Float64Array): void {
  const end = start + length;
  for (let x = 0, at = start; x < row.length; x++) {
    const next = Math.min(end, at + bin);
    let most = row[x] as number;
    for (; at < next; at++) if ((data[at] as number) > most) most = data[at] as number;
    row[x] = most;
  }
}

function markLine(
  data: Numbers,
  start: number,
  length: number,
  bin: number,
  mask: Uint8Array,
  maskStart: number,
  saturation: number,
): void {
  for (let x = 0; x < length; x++) {
    if ((data[start + x] as number) >= saturation) mask[maskStart + Math.floor(x / bin)] = 1;
  }
}

/** @param block of sums; undefined for maxima */
function finishRow(
  pixels: Uint8Array | Uint16Array | Float32Array,
  start: number,
  row: Float64Array,
  block: { readonly lines: number; readonly bin: number; readonly length: number } | undefined,
): void {
  const half = pixels instanceof Float32Array ? 0 : 0.5;
  for (let x = 0; x < row.length; x++) {
    const count = block ? block.lines * Math.min(block.bin, block.length - x * block.bin) : 1;
    pixels[start + x] = block ? (row[x] as number) / count + half : (row[x] as number);
  }
}

/** Small unsigned integers stay what they are: half the bytes of floats. */
function pixelsFor(data: Numbers, length: number): Uint8Array | Uint16Array | Float32Array {
  if (data instanceof Uint8Array) return new Uint8Array(length);
  return data instanceof Uint16Array ? new Uint16Array(length) : new Float32Array(length);
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
