/** Zarr (version 2 of the format, which all its readers open): a group for each series. Chunks are files of whole rows without compression. */
import { closeSync, ftruncateSync, mkdirSync, openSync, writeFileSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import type { RecordingAbout } from 'serpy-recording';
import type { Exporter } from './exporter.js';
import {
  type Batch,
  type ElementType,
  SeriesCollector,
  type SeriesInfo,
  type SeriesWriter,
  senderBytes,
  seriesExporter,
} from './series.js';
import { axisNames } from './series-names.js';

/** The size of a chunk, if a row is not larger. */
const chunkBytes = 2 ** 22;

/** All documents by path, for `.zmetadata`. */
type Documents = Map<string, unknown>;

export function zarrExporter(folder: string, about: RecordingAbout): Exporter {
  const documents: Documents = new Map();
  document(folder, documents, '.zgroup', { zarr_format: 2 });
  document(folder, documents, '.zattrs', { serpy: about });
  const collector = new SeriesCollector((info) => createSeries(folder, documents, info));
  return seriesExporter(collector, {
    finish() {
      const metadata = Object.fromEntries(documents);
      writeFileSync(join(folder, '.zmetadata'), asciiJson({ zarr_consolidated_format: 1, metadata }));
    },
    abandon: () => {},
  });
}

function document(folder: string, documents: Documents, path: string, content: unknown): void {
  documents.set(path, content);
  writeFileSync(join(folder, path), asciiJson(content));
}

/** Readers decode these documents as ASCII. */
function asciiJson(content: unknown): string {
  const escaped = (text: string) => `\\u${text.charCodeAt(0).toString(16).padStart(4, '0')}`;
  return `${JSON.stringify(content, undefined, 2).replaceAll(/[^\0-\x7f]/g, escaped)}\n`;
}

function createSeries(
  folder: string,
  documents: Documents,
  { name, type, shape, hasSenders, about }: SeriesInfo,
): SeriesWriter {
  mkdirSync(join(folder, name));
  document(folder, documents, `${name}/.zgroup`, { zarr_format: 2 });
  const array = (own: string, elementType: ElementType | 'int64', rowShape: readonly number[], attributes: object) =>
    new ZarrArray(folder, documents, `${name}/${own}`, elementType, rowShape, attributes);
  const { name: quantity, unit } = about ?? {};
  const labels = {
    ...(quantity === undefined ? {} : { long_name: quantity }),
    ...(unit === undefined ? {} : { units: unit }),
  };
  const named = axisNames(about?.axes, shape, ['time']);
  const dimensions = named === undefined ? {} : { _ARRAY_DIMENSIONS: ['time', ...named.map((axis) => axis.name)] };
  const data = array('data', type, shape, { ...dimensions, ...labels });
  const time = array('time', 'float64', [], { units: 's', long_name: 'time since the start' });
  const wallTime = array('wall_time', 'float64', [], { units: 's', long_name: 'time since 1970-01-01 UTC' });
  const n = array('n', 'int64', [], { long_name: 'number of the message' });
  const from = hasSenders ? array('from', { textBytes: senderBytes }, [], {}) : undefined;
  return {
    write(batch: Batch) {
      data.append(batch.data, batch.count);
      time.append(batch.timeS, batch.count);
      wallTime.append(batch.wallS, batch.count);
      n.append(batch.n, batch.count);
      from?.append(batch.senders, batch.count);
    },
    finish() {
      for (const each of [data, time, wallTime, n, from]) each?.finish();
    },
  };
}

class ZarrArray {
  readonly #path: string;
  readonly #folder: string;
  readonly #documents: Documents;
  readonly #dtype: string;
  readonly #shape: readonly number[];
  readonly #attributes: object;
  readonly #rowBytes: number;
  readonly #chunkRows: number;
  #rows = 0;

  constructor(
    folder: string,
    documents: Documents,
    path: string,
    type: ElementType,
    shape: readonly number[],
    attributes: object,
  ) {
    const { code, itemBytes } = zarrType(type);
    this.#folder = folder;
    this.#documents = documents;
    this.#path = path;
    this.#dtype = code;
    this.#shape = shape;
    this.#attributes = { _ARRAY_DIMENSIONS: ['time', ...shape.map((_, axis) => `axis_${axis + 1}`)], ...attributes };
    this.#rowBytes = shape.reduce((product, length) => product * length, itemBytes);
    this.#chunkRows = Math.max(1, Math.floor(chunkBytes / Math.max(1, this.#rowBytes)));
    mkdirSync(join(folder, path));
  }

  append(data: ArrayBufferView, count: number): void {
    const bytes = new Uint8Array(data.buffer, data.byteOffset, data.byteLength);
    for (let done = 0; done < count; ) {
      const [chunk, row] = [Math.floor(this.#rows / this.#chunkRows), this.#rows % this.#chunkRows];
      const rows = Math.min(count - done, this.#chunkRows - row);
      this.#writeChunk(chunk, row, bytes.subarray(done * this.#rowBytes, (done + rows) * this.#rowBytes));
      done += rows;
      this.#rows += rows;
    }
  }

  /** Writes rows into the file of a chunk, which has the size of a whole chunk from its start. */
  #writeChunk(chunk: number, row: number, bytes: Uint8Array): void {
    const name = [chunk, ...this.#shape.map(() => 0)].join('.');
    const file = openSync(join(this.#folder, this.#path, name), row === 0 ? 'wx' : 'r+');
    try {
      ftruncateSync(file, this.#chunkRows * this.#rowBytes);
      const start = row * this.#rowBytes;
      for (let done = 0; done < bytes.length; ) done += writeSync(file, bytes, done, undefined, start + done);
    } finally {
      closeSync(file);
    }
  }

  finish(): void {
    const isNumber = !this.#dtype.startsWith('|S');
    document(this.#folder, this.#documents, `${this.#path}/.zarray`, {
      zarr_format: 2,
      shape: [this.#rows, ...this.#shape],
      chunks: [this.#chunkRows, ...this.#shape.map((length) => Math.max(1, length))],
      dtype: this.#dtype,
      compressor: null,
      fill_value: isNumber && !this.#dtype.includes('c') ? 0 : null,
      order: 'C',
      filters: null,
    });
    document(this.#folder, this.#documents, `${this.#path}/.zattrs`, this.#attributes);
  }
}

/** The type as Zarr writes it. 16-bit floats were decoded to 32 bits. */
function zarrType(type: ElementType): { readonly code: string; readonly itemBytes: number } {
  if (typeof type === 'object') return { code: `|S${type.textBytes}`, itemBytes: type.textBytes };
  const [, kind = '', bits = '8'] = /^([a-z]+)(\d+)?$/.exec(type === 'float16' ? 'float32' : type) ?? [];
  const itemBytes = Number(bits) / 8;
  return { code: `${itemBytes === 1 ? '|' : '<'}${kind[0]}${itemBytes}`, itemBytes };
}
