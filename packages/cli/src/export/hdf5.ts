/** HDF5 in the layout of NeXus: programs such as h5web, silx and NeXpy plot it when it is opened. The library is optional. */
import type { RecordingAbout } from 'serpy-recording';
import { isoTime } from '../environment/system.js';
import { failure } from '../failure.js';
import { version } from '../version.js';
import type { Exporter } from './exporter.js';
import {
  type Batch,
  SeriesCollector,
  type SeriesInfo,
  type SeriesWriter,
  senderBytes,
  seriesExporter,
} from './series.js';
import { axisNames } from './series-names.js';

type H5wasm = typeof import('h5wasm/node');
type Group = InstanceType<H5wasm['Group']>;
type Dataset = InstanceType<H5wasm['Dataset']>;
type Dtype = Exclude<Parameters<Group['create_dataset']>[0]['dtype'], null | undefined>;
type Data = Parameters<Group['create_dataset']>[0]['data'];

/** The version that is tested. */
const pinned = '0.10.3';

async function loadLibrary(): Promise<H5wasm> {
  try {
    const library = await import('h5wasm/node');
    await library.ready;
    return library;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ERR_MODULE_NOT_FOUND') throw error;
    throw failure(
      `HDF5 needs the package h5wasm (15 MB), which is not installed: run "npm install h5wasm@${pinned}" where serpy-cli is installed (with -g if it is global). The formats .zarr, .parquet, .csv, tiff and png need nothing`,
      error,
    );
  }
}

/** @throws a `Failure` if the package h5wasm is not installed */
export async function hdf5Exporter(path: string, about: RecordingAbout): Promise<Exporter> {
  const library = await loadLibrary();
  const file = new library.File(path, 'w');
  attributes(file, { NX_class: 'NXroot', creator: `serpy-cli ${version}`, default: 'entry' });
  const entry = file.create_group('entry');
  attributes(entry, { NX_class: 'NXentry' });
  const text = (name: string, value: string) => entry.create_dataset({ name, data: value });
  text('title', about.note ?? `recording of ${about.url ?? 'an instrument'}`);
  text('start_time', about.startedAt);
  text('serpy_recording', JSON.stringify(about));
  let shown: string | undefined;
  let lastWallS = about.startedWallMs / 1000;
  const collector = new SeriesCollector((info) => {
    if (isPlotted(info) && (shown === undefined || shown === 'numbers')) shown = info.name;
    const writer = createSeries(entry, info);
    return {
      write(batch) {
        lastWallS = Math.max(lastWallS, batch.wallS.at(-1) ?? 0);
        writer.write(batch);
      },
      finish: () => writer.finish(),
    };
  });
  return seriesExporter(collector, {
    finish() {
      text('end_time', isoTime(lastWallS * 1000));
      if (shown !== undefined) attributes(entry, { default: shown });
      file.close();
    },
    abandon: () => file.close(),
  });
}

const isPlotted = ({ type }: SeriesInfo): boolean => typeof type !== 'object';

function attributes(target: Group | Dataset, values: Readonly<Record<string, string | string[] | number>>): void {
  for (const [name, value] of Object.entries(values)) target.create_attribute(name, value as string);
}

function createSeries(entry: Group, info: SeriesInfo): SeriesWriter {
  const { name, type, shape, hasSenders, about } = info;
  const group = entry.create_group(name);
  const named = axisNames(about?.axes, shape, ownNames);
  for (const [i, axis] of (named ?? []).entries()) createAxis(group, axis, shape[i] as number);
  const axes = ['time', ...(named?.map((axis) => axis.name) ?? shape.map(() => '.'))];
  if (isPlotted(info)) attributes(group, { NX_class: 'NXdata', signal: 'data', axes, time_indices: 0 });
  else attributes(group, { NX_class: 'NXcollection' });
  const interpretation = { 0: 'scalar', 1: 'spectrum', 2: 'image' }[shape.length];
  const describing = isPlotted(info) && interpretation !== undefined ? { interpretation } : {};
  const { unit } = about ?? {};
  const quantity = about?.name ?? name;
  const labels = unit === undefined ? { long_name: quantity } : { long_name: `${quantity} (${unit})`, units: unit };
  const data = growing(group, 'data', dtypeOf(type), shape, { ...labels, ...describing });
  const time = growing(group, 'time', '<d', [], { units: 's', long_name: 'time since the start (s)' });
  const wallTime = growing(group, 'wall_time', '<d', [], { units: 's', long_name: 'time since 1970-01-01 UTC (s)' });
  const n = growing(group, 'n', '<q', [], { long_name: 'number of the message' });
  const from = hasSenders ? growing(group, 'from', `S${senderBytes}`, [], {}) : undefined;
  return {
    write(batch: Batch) {
      data(elementsOf(batch, type), batch.count);
      time(batch.timeS, batch.count);
      wallTime(batch.wallS, batch.count);
      n(batch.n, batch.count);
      from?.(textsOf(batch.senders, senderBytes), batch.count);
    },
    finish() {},
  };
}

/** The names of the datasets of a series. */
const ownNames = ['data', 'time', 'wall_time', 'n', 'from'];

/** NeXus finds the name of an axis at its dataset: the indices along it. */
function createAxis(group: Group, { name, label }: { readonly name: string; readonly label: string }, length: number) {
  const data = Int32Array.from({ length }, (_, index) => index);
  attributes(group.create_dataset({ name, data, dtype: '<i', shape: [length] }), { long_name: label });
}

/** A dataset to which rows are appended. It is created with its first rows. */
function growing(
  group: Group,
  name: string,
  dtype: Dtype,
  shape: readonly number[],
  describing: Readonly<Record<string, string>>,
): (data: Data, count: number) => void {
  let dataset: Dataset | undefined;
  let rows = 0;
  return (data, count) => {
    if (dataset === undefined) {
      const rowBytes = (data as { byteLength?: number }).byteLength ?? 0;
      const chunks = [Math.max(count, minChunkRows(rowBytes / count)), ...shape.map((length) => Math.max(1, length))];
      const maxshape = [null, ...shape];
      dataset = group.create_dataset({ name, data, dtype, shape: [count, ...shape], maxshape, chunks });
      attributes(dataset, describing);
    } else {
      dataset.resize([rows + count, ...shape]);
      dataset.write_slice([[rows, rows + count], ...shape.map((length): [number, number] => [0, length])], data);
    }
    rows += count;
  };
}

/** The rows of a chunk of 64 KiB: a first batch can have a single row. */
function minChunkRows(rowBytes: number): number {
  return rowBytes > 0 ? Math.max(1, Math.ceil(2 ** 16 / rowBytes)) : 64;
}

const codes: Readonly<Record<string, Dtype>> = {
  bool: '<B',
  int8: '<b',
  uint8: '<B',
  int16: '<h',
  uint16: '<H',
  int32: '<i',
  uint32: '<I',
  int64: '<q',
  uint64: '<Q',
  float16: '<f',
  float32: '<f',
  float64: '<d',
  complex64: [
    ['r', '<f'],
    ['i', '<f'],
  ],
  complex128: [
    ['r', '<d'],
    ['i', '<d'],
  ],
};

function dtypeOf(type: SeriesInfo['type']): Dtype {
  return typeof type === 'object' ? `S${type.textBytes}` : (codes[type] as Dtype);
}

/** The elements as the library takes them: texts as strings, complex numbers as two columns. */
function elementsOf({ data }: Batch, type: SeriesInfo['type']): Data {
  if (typeof type === 'object') return textsOf(data as Uint8Array, type.textBytes);
  if (!type.startsWith('complex')) return data as Data;
  const parts = data as Float64Array;
  const every = (start: number) => parts.filter((_, at) => at % 2 === start);
  return new Map([
    ['r', every(0)],
    ['i', every(1)],
  ]);
}

function textsOf(data: Uint8Array, textBytes: number): string[] {
  const bytes = Buffer.from(data.buffer, data.byteOffset, data.byteLength);
  return Array.from({ length: bytes.length / textBytes }, (_, at) =>
    bytes.toString('utf8', at * textBytes, (at + 1) * textBytes).replace(/\0+$/, ''),
  );
}
