/** TIFF files of one or more images, without compression: what ImageJ, tifffile and MATLAB open. */

export interface TiffImage {
  readonly width: number;
  readonly height: number;
  /** 1 for gray, 3 for RGB, 4 for RGB with alpha. */
  readonly channels: number;
  readonly bitsPerSample: number;
  readonly format: 'unsigned' | 'signed' | 'float';
  /** The samples of all pages, little-endian. */
  readonly data: Uint8Array;
  readonly pages: number;
  readonly description: string;
}

const formats = { unsigned: 1, signed: 2, float: 3 } as const;

/** Field types of TIFF: their numbers and sizes. */
const [ascii, short, long] = [2, 3, 4];

/** The largest file: positions have 32 bits. */
export const maxTiffBytes = 2 ** 32 - 2 ** 20;

/** The parts of the file, in order. */
export function tiffParts(image: TiffImage): Uint8Array[] {
  const { data, pages } = image;
  const pageBytes = data.length / pages;
  const header = Buffer.alloc(8);
  header.write('II', 'latin1');
  header.writeUInt16LE(42, 2);
  const directories: Buffer[] = [];
  const padding = data.length % 2;
  let at = header.length + data.length + padding;
  header.writeUInt32LE(at, 4);
  for (let page = 0; page < pages; page++) {
    const directory = directoryOf(image, at, header.length + page * pageBytes, pageBytes, page === pages - 1);
    directories.push(directory);
    at += directory.length;
  }
  return [header, data, Buffer.alloc(padding), ...directories];
}

function directoryOf(image: TiffImage, at: number, offset: number, length: number, isLast: boolean): Buffer {
  const { width, height, channels, bitsPerSample, format, description } = image;
  const each = (value: number) => Array<number>(channels).fill(value);
  const text = Buffer.from(`${description}\0`, 'latin1');
  const fields: [tag: number, type: number, values: number[] | Buffer][] = [
    [256, long, [width]],
    [257, long, [height]],
    [258, short, each(bitsPerSample)],
    [259, short, [1]], // no compression
    [262, short, [channels === 1 ? 1 : 2]], // black is zero, or RGB
    [270, ascii, text],
    [273, long, [offset]],
    [277, short, [channels]],
    [278, long, [height]],
    [279, long, [length]],
    [284, short, [1]], // samples of a pixel stand together
    ...(channels === 4 ? [[338, short, [2]] as [number, number, number[]]] : []), // the fourth is alpha
    [339, short, each(formats[format])],
  ];
  const table = Buffer.alloc(2 + 12 * fields.length + 4);
  const extra: Buffer[] = [];
  let extraBytes = 0;
  table.writeUInt16LE(fields.length, 0);
  for (const [number, [tag, type, values]] of fields.entries()) {
    const start = 2 + 12 * number;
    const bytes = Buffer.isBuffer(values) ? values : numbers(values, type);
    table.writeUInt16LE(tag, start);
    table.writeUInt16LE(type, start + 2);
    table.writeUInt32LE(values.length, start + 4);
    if (bytes.length <= 4) bytes.copy(table, start + 8);
    else {
      table.writeUInt32LE(at + table.length + extraBytes, start + 8);
      extra.push(bytes, Buffer.alloc(bytes.length % 2));
      extraBytes += bytes.length + (bytes.length % 2);
    }
  }
  const total = table.length + extraBytes;
  table.writeUInt32LE(isLast ? 0 : at + total, table.length - 4);
  return Buffer.concat([table, ...extra]);
}

function numbers(values: readonly number[], type: number): Buffer {
  const size = type === short ? 2 : 4;
  const bytes = Buffer.alloc(values.length * size);
  for (const [at, value] of values.entries()) bytes.writeUIntLE(value, at * size, size);
  return bytes;
}
