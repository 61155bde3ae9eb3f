/** Arrays as image files: one file for each array, in a folder. */
import { closeSync, openSync } from 'node:fs';
import { join } from 'node:path';
import { encode } from 'fast-png';
import type { NdArray } from 'serpy-arrays';
import { jsonLine, type ListedArray } from 'serpy-recording';
import { appendAll } from './append-all.js';
import type { Exporter } from './exporter.js';
import { maxTiffBytes, tiffParts } from './tiff.js';

type Format = 'tiff' | 'png';

const leavesOut = {
  tiff: 'TIFF holds only arrays of two or three axes, except complex numbers',
  png: 'PNG holds only images of 8 or 16 bits: --as tiff holds the others',
} as const;

export function imageExporter(folder: string, format: Format): Exporter {
  return {
    leavesOut: leavesOut[format],
    add(line, read) {
      if (!('row' in line)) return false;
      const image = imageOf(read() as NdArray);
      const parts = image && (format === 'tiff' ? tiffOf(image, line) : pngOf(image));
      if (parts === undefined) return false;
      const name = `${line.file.replace(/\.npy$/, '')}-${String(line.row).padStart(6, '0')}.${format}`;
      const file = openSync(join(folder, name), 'wx');
      try {
        for (const part of parts) appendAll(file, part);
      } finally {
        closeSync(file);
      }
      return true;
    },
    finish() {},
    abandon() {},
  };
}

interface Image {
  readonly dtype: NdArray['dtype'];
  readonly data: NdArray['data'];
  readonly height: number;
  readonly width: number;
  readonly channels: number;
  readonly pages: number;
}

/** Two axes are an image, three with 3 or 4 at the end a color image, and other three axes several pages. */
function imageOf({ dtype, data, shape }: NdArray): Image | undefined {
  const [first = 0, second = 0, third = 0] = shape;
  if (data.length === 0) return undefined;
  if (shape.length === 2) return { dtype, data, height: first, width: second, channels: 1, pages: 1 };
  if (shape.length !== 3) return undefined;
  const isColor = (third === 3 || third === 4) && /^uint(8|16)$/.test(dtype);
  if (isColor) return { dtype, data, height: first, width: second, channels: third, pages: 1 };
  return { dtype, data, height: second, width: third, channels: 1, pages: first };
}

function tiffOf({ dtype, data, ...image }: Image, { n, timeMs, wallMs }: ListedArray): Uint8Array[] | undefined {
  const kind = /^(u?int|float|bool)/.exec(dtype)?.[1];
  if (kind === undefined || data.byteLength > maxTiffBytes) return undefined;
  const format = kind === 'int' ? 'signed' : kind === 'float' ? 'float' : 'unsigned';
  const bytes = new Uint8Array(data.buffer, data.byteOffset, data.byteLength);
  const description = jsonLine({ n, timeMs, wallMs });
  return tiffParts({ ...image, bitsPerSample: 8 * data.BYTES_PER_ELEMENT, format, data: bytes, description });
}

function pngOf({ dtype, data, width, height, channels, pages }: Image): Uint8Array[] | undefined {
  if (pages > 1 || !(data instanceof Uint8Array || data instanceof Uint16Array) || !/^(uint|bool)/.test(dtype))
    return undefined;
  const shown = dtype === 'bool' ? data.map((value) => (value === 0 ? 0 : 255)) : data;
  return [encode({ width, height, channels, depth: data.BYTES_PER_ELEMENT === 1 ? 8 : 16, data: shown })];
}
