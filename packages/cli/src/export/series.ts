/** Series of a recording for HDF5 and Zarr: arrays of one type and shape, numbers, texts, events. Rows are written in batches. */
import type { NdArray } from 'serpy-arrays';
import { type About, type EventLine, jsonLine, type MessageLine } from 'serpy-recording';
import type { Exporter } from './exporter.js';
import { type SeriesName, SeriesNames } from './series-names.js';
import { tableRow } from './table-row.js';

/** The type of the elements: that of an array, or the bytes of each text. */
export type ElementType = NdArray['dtype'] | { readonly textBytes: number };

export interface SeriesInfo {
  readonly name: string;
  readonly type: ElementType;
  /** The shape of a row. */
  readonly shape: readonly number[];
  /** Whether rows have the address of their sender. */
  readonly hasSenders: boolean;
  /** What the sender said about all rows. */
  readonly about: About | undefined;
}

/** Rows of a series. */
export interface Batch {
  readonly count: number;
  /** The elements of all rows, or the texts in UTF-8, padded with zeros. */
  readonly data: NdArray['data'];
  /** Seconds since the start, and since 1970. */
  readonly timeS: Float64Array;
  readonly wallS: Float64Array;
  /** The numbers of the messages. */
  readonly n: BigInt64Array;
  /** Addresses in ASCII, padded with zeros: `senderBytes` for each row. */
  readonly senders: Uint8Array;
}

export interface SeriesWriter {
  write(batch: Batch): void;
  finish(): void;
}

/** The longest address of a sender. */
export const senderBytes = 64;

/** Longer texts are cut. */
export const maxTextBytes = 1024;

/** Rows that wait: of one series, and of all together. */
const batchBytes = 2 ** 22;
const maxPendingBytes = 2 ** 26;

interface Row extends Pick<MessageLine, 'timeMs' | 'wallMs' | 'n'> {
  readonly from?: string | undefined;
  readonly data: NdArray['data'];
}

interface Series {
  readonly info: SeriesInfo;
  readonly writer: SeriesWriter;
  rows: Row[];
  bytes: number;
}

/** Collects the rows of all series. */
export class SeriesCollector {
  /** Texts that were cut. */
  cutTexts = 0;
  readonly #create: (info: SeriesInfo) => SeriesWriter;
  readonly #series = new Map<string, Series>();
  readonly #names = new SeriesNames();
  #pendingBytes = 0;

  constructor(create: (info: SeriesInfo) => SeriesWriter) {
    this.#create = create;
  }

  add(line: MessageLine, read: () => unknown): boolean {
    if ('row' in line) {
      const { data, dtype, shape } = read() as NdArray;
      this.#addRow(this.#names.of(line.file.replace(/\.npy$/, ''), line), dtype, shape, { ...line, data });
      return true;
    }
    const row = tableRow(line, read);
    if (row === undefined) return false;
    if (typeof row.value === 'string') this.#addText('texts', row.value, line);
    else {
      const data = Float64Array.of(Number(row.value));
      this.#addRow(this.#names.of('numbers', line), 'float64', [], { ...line, data });
    }
    return true;
  }

  event(line: EventLine): void {
    const { n, timeMs, wallMs, file, from, ...known } = line as EventLine & { chain?: string; sha256?: unknown };
    const { chain, sha256, ...fields } = known as Record<string, unknown>;
    this.#addText('events', jsonLine(fields), line);
  }

  finish(): void {
    for (const series of this.#series.values()) this.#flush(series);
    for (const { writer } of this.#series.values()) writer.finish();
  }

  #addText(name: string, text: string, line: MessageLine | EventLine): void {
    const data = Buffer.alloc(maxTextBytes);
    if (data.write(text) < Buffer.byteLength(text)) this.cutTexts++;
    this.#addRow({ name, about: undefined }, { textBytes: maxTextBytes }, [], { ...line, data });
  }

  #addRow({ name, about }: SeriesName, type: ElementType, shape: readonly number[], row: Row): void {
    const info = { name, type, shape, hasSenders: row.from !== undefined, about };
    const series = this.#series.get(name) ?? this.#begin(info);
    series.rows.push(row);
    series.bytes += row.data.byteLength + 100;
    this.#pendingBytes += row.data.byteLength + 100;
    if (series.bytes >= batchBytes) this.#flush(series);
    if (this.#pendingBytes >= maxPendingBytes) for (const each of this.#series.values()) this.#flush(each);
  }

  #begin(info: SeriesInfo): Series {
    const series = { info, writer: this.#create(info), rows: [], bytes: 0 };
    this.#series.set(info.name, series);
    return series;
  }

  #flush(series: Series): void {
    const { rows } = series;
    if (rows.length === 0) return;
    series.writer.write(batchOf(rows));
    this.#pendingBytes -= series.bytes;
    series.rows = [];
    series.bytes = 0;
  }
}

function batchOf(rows: readonly Row[]): Batch {
  const [{ data: first }] = rows as [Row];
  const data = joined(rows, first);
  const senders = Buffer.alloc(rows.length * senderBytes);
  for (const [at, { from }] of rows.entries()) senders.write(from ?? '', at * senderBytes, senderBytes, 'latin1');
  return {
    count: rows.length,
    data,
    timeS: Float64Array.from(rows, ({ timeMs }) => timeMs / 1000),
    wallS: Float64Array.from(rows, ({ wallMs }) => wallMs / 1000),
    n: BigInt64Array.from(rows, ({ n }) => BigInt(n)),
    senders,
  };
}

/** The elements of all rows in one typed array of the same kind. */
function joined(rows: readonly Row[], first: NdArray['data']): NdArray['data'] {
  if (rows.length === 1) return first;
  const Kind = (Buffer.isBuffer(first) ? Uint8Array : first.constructor) as new (length: number) => NdArray['data'];
  const data = new Kind(rows.length * first.length);
  for (const [at, row] of rows.entries()) data.set(row.data as never, at * first.length);
  return data;
}

/** The exporter of a collector. @param finish closes the file; called once */
export function seriesExporter(
  collector: SeriesCollector,
  close: { readonly finish: () => void; readonly abandon: () => void },
): Exporter {
  return {
    leavesOut: 'bytes that are not arrays stay in the recording',
    get cutTexts() {
      return collector.cutTexts;
    },
    add: (line, read) => collector.add(line, read),
    event: (line) => collector.event(line),
    finish() {
      collector.finish();
      close.finish();
    },
    abandon: close.abandon,
  };
}
