/** Images: one frame of a source, and what viewers want of it. Each reduction is computed once for all viewers that want the same. */
import { encodeNpy, type NdArray } from 'serpy-arrays';
import type { HubMessage } from 'serpy-hub';
import type { Part } from '../wire/frame.js';
import type { ImageFrame, Levels, PanelRequest, Statistics } from '../wire/messages.js';
import { elementText, numbersOf } from './numbers.js';
import { codesOf, levelsOf, type Preview } from './preview.js';
import { binOf, clampRegion, type Numbers, type Reduced, reduceImage, valuesAlong } from './reduce.js';
import { histogramOf, quantilesOf, saturationOf, sortedSample, statisticsOf } from './statistics.js';

/** The part of a header that is the same for all viewers. */
export type ImageContent = Omit<ImageFrame, 'panel' | 'frame' | 'skipped' | 'delayMs'>;

/** Different requests of one image whose results are kept. */
const maxCached = 8;

interface Figures {
  readonly statistics: Statistics;
  readonly quantiles: readonly number[];
  readonly histogram: ImageContent['histogram'];
}

export class ImageShot {
  readonly message: HubMessage;
  readonly #figures = new Map<string, Figures>();
  readonly #reduced = new Map<string, Reduced>();
  readonly #previews = new WeakMap<Reduced, Uint8Array>();
  #numbers: Numbers | undefined;

  constructor(message: HubMessage) {
    this.message = message;
  }

  /** @throws `ERR_SERPY_ARRAY_FORMAT` */
  render(
    request: PanelRequest,
    preview: Preview = 'full',
  ): { readonly content: ImageContent; readonly parts: readonly Part[] } {
    const array = this.message.array();
    const { slices, width, height } = planes(array.shape);
    const slice = Math.min(slices - 1, Math.max(0, Math.floor(request.slice) || 0));
    const saturation = saturationOf(array.dtype, request.saturation);
    const plane = this.#plane(array, slice, width * height);
    const figures = cached(this.#figures, `${slice} ${saturation}`, () => figuresOf(plane, saturation));
    const region = clampRegion(request.region, width, height);
    const bin = binOf(region, request.width, request.height);
    const marked = figures.statistics.saturated > 0 ? saturation : null;
    const reduced = cached(this.#reduced, [slice, marked, bin, request.reduce, ...region].join(' '), () =>
      reduceImage(plane, width, height, { ...request, region, saturation: marked }),
    );
    const levels = preview === '8bit' && reduced.pixels.BYTES_PER_ELEMENT > 1 ? levelsOf(figures.quantiles) : undefined;
    const pixels = levels === undefined ? reduced.pixels : this.#codes(reduced, levels);
    const line = request.line && valuesAlong(plane, width, height, request.line);
    const parts = [pixels, ...(reduced.mask ? [reduced.mask] : []), ...(line ? [line] : [])];
    const content: ImageContent = {
      kind: 'image',
      width: reduced.width,
      height: reduced.height,
      bin: reduced.bin,
      region: reduced.region,
      shape: array.shape,
      dtype: array.dtype,
      slice,
      slices,
      ...figures,
      hasMask: reduced.mask !== undefined,
      hasLine: line !== null,
      ...(levels === undefined ? {} : { levels }),
    };
    return { content, parts };
  }

  /** Computed once for all pages. */
  #codes(reduced: Reduced, levels: Levels): Uint8Array {
    const known = this.#previews.get(reduced) ?? codesOf(reduced.pixels, levels);
    this.#previews.set(reduced, known);
    return known;
  }

  /** The value of a pixel as text, and an empty text outside. */
  probe(x: number, y: number, slice: number): string {
    const array = this.message.array();
    const { slices, width, height } = planes(array.shape);
    const isInside = Number.isInteger(x) && Number.isInteger(y) && x >= 0 && y >= 0 && x < width && y < height;
    const plane = Math.min(slices - 1, Math.max(0, Math.floor(slice) || 0));
    return isInside ? elementText(array, (plane * height + y) * width + x) : '';
  }

  /** The whole array as a file. */
  npy(): Uint8Array {
    const { value } = this.message;
    return value instanceof Uint8Array ? value : encodeNpy(this.message.array());
  }

  #plane(array: NdArray, slice: number, size: number): Numbers {
    this.#numbers ??= numbersOf(array);
    return array.shape.length === 2 ? this.#numbers : this.#numbers.subarray(slice * size, (slice + 1) * size);
  }
}

/** An array of more than two axes is a stack of images. */
export function planes(shape: readonly number[]): { slices: number; width: number; height: number } {
  const [height = 1, width = 1] = shape.slice(-2);
  return { slices: shape.slice(0, -2).reduce((product, each) => product * each, 1), width, height };
}

function figuresOf(plane: Numbers, saturation: number | null): Figures {
  const statistics = statisticsOf(plane, 0, plane.length, saturation);
  const sorted = sortedSample(plane, 0, plane.length);
  return { statistics, quantiles: quantilesOf(sorted, statistics), histogram: histogramOf(sorted) };
}

function cached<T>(cache: Map<string, T>, key: string, compute: () => T): T {
  const known = cache.get(key);
  if (known !== undefined) return known;
  const value = compute();
  if (cache.size >= maxCached) cache.clear();
  cache.set(key, value);
  return value;
}
