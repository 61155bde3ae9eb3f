/** `serpy export`: a recording in the format of other programs. */
import { Command } from 'commander';
import { openRecording, type Recording } from 'serpy-recording';
import type { Context } from '../environment/context.js';
import { csvExporter } from '../export/csv.js';
import { type Exporter, type ExportRange, exportMessages } from '../export/exporter.js';
import { hdf5Exporter } from '../export/hdf5.js';
import { imageExporter } from '../export/images.js';
import { createOutput } from '../export/output.js';
import { parquetExporter } from '../export/parquet.js';
import { zarrExporter } from '../export/zarr.js';
import { failure, usageError } from '../failure.js';
import { helpText } from '../flags/help-text.js';
import { formatCount, formatInteger } from '../format.js';

interface Flags {
  readonly as?: string;
  readonly messages?: ExportRange;
  readonly force?: true;
}

interface Format {
  readonly kind: 'file' | 'folder';
  create(path: string, recording: Recording): Exporter | Promise<Exporter>;
}

const formats: Readonly<Record<string, Format>> = {
  h5: { kind: 'file', create: (path, { about }) => hdf5Exporter(path, about) },
  zarr: { kind: 'folder', create: (path, { about }) => zarrExporter(path, about) },
  parquet: { kind: 'file', create: (path, { about }) => parquetExporter(path, about) },
  csv: { kind: 'file', create: csvExporter },
  tiff: { kind: 'folder', create: (path) => imageExporter(path, 'tiff') },
  png: { kind: 'folder', create: (path) => imageExporter(path, 'png') },
};

/** Endings of file names with another name of the format. */
const otherNames: Readonly<Record<string, string>> = { hdf5: 'h5', nxs: 'h5', tif: 'tiff' };

export function exportCommand(context: Context): Command {
  return new Command('export')
    .summary('Write a recording as HDF5, Zarr, CSV or images')
    .description(
      helpText(
        'Write a recording in the format of other programs: HDF5 (NeXus), Zarr, Parquet, CSV, TIFF or PNG.',
        context,
        [
          ['arrays, numbers and texts as HDF5, for h5py, h5web and MATLAB', 'serpy export run-1 run-1.h5'],
          ['the same as Zarr', 'serpy export run-1 run-1.zarr'],
          ['numbers and texts, one row each', 'serpy export run-1 values.csv'],
          ['a hundred images as files in a new folder', 'serpy export run-1 images --as tiff --messages 100..200'],
        ],
      ),
    )
    .argument('<folder>', 'a folder of "serpy record", finished or growing')
    .argument('<out>', 'a new file or folder; its ending is the format: .h5, .zarr, .parquet or .csv')
    .option('--as <format>', 'the format, instead of the ending: h5, zarr, parquet, csv, tiff or png')
    .option('--messages <first..end>', 'only these messages, such as 100..200: from 100 to 199', messageRange)
    .option('--force', 'replace an existing file')
    .action((folder: string, out: string, flags: Flags) => run(context, folder, out, flags));
}

function messageRange(text: string): ExportRange {
  const [, first = '', end = ''] = /^(\d*)\.\.(\d*)$/.exec(text) ?? [];
  const range = { from: Number(first), to: end === '' ? undefined : Number(end) };
  const isRange = (first !== '' || end !== '') && (range.to === undefined || range.to > range.from);
  if (isRange && Number.isSafeInteger(range.from) && (range.to === undefined || Number.isSafeInteger(range.to)))
    return range;
  throw usageError(`--messages takes numbers such as 100..200, 100.. or ..200, not '${text.slice(0, 100)}'`);
}

function formatOf(out: string, as: string | undefined): Format {
  const ending = /\.([^./\\]+)[/\\]?$/.exec(out)?.[1];
  const name = (as ?? ending ?? '').toLowerCase();
  const known = otherNames[name] ?? name;
  const format = Object.hasOwn(formats, known) ? formats[known] : undefined;
  const names = Object.keys(formats).join(', ');
  if (format === undefined && as !== undefined) throw usageError(`--as takes ${names}, not '${as.slice(0, 100)}'`);
  if (format === undefined) throw usageError(`${out} has no ending that names a format: add --as with ${names}`);
  return format;
}

async function run(context: Context, folder: string, out: string, flags: Flags): Promise<void> {
  const { terminal, clock, interruption } = context;
  const recording = openRecording(folder);
  const { kind, create } = formatOf(out, flags.as);
  const output = createOutput(out.replace(/(?<=.)[/\\]+$/, ''), kind, flags.force === true);
  const startMs = clock.now();
  try {
    const exporter = await create(output.part, recording);
    const counts = await exportMessages(recording, exporter, flags.messages ?? {}, clock, interruption.signal);
    if (counts.isInterrupted) throw failure('interrupted: nothing was exported');
    if (counts.omitted > 0) terminal.note(`left out ${formatCount(counts.omitted)}: ${exporter.leavesOut}`);
    if (exporter.cutTexts) terminal.note(cutText(exporter.cutTexts));
    if (counts.exported === 0) throw failure('nothing was exported: the recording has no such message');
    output.complete();
    const seconds = ((clock.now() - startMs) / 1000).toFixed(1);
    terminal.note(`exported ${formatCount(counts.exported)} to ${out} in ${seconds} s`);
  } finally {
    output.abandon();
    recording.close();
  }
}

function cutText(count: number): string {
  return `cut ${formatInteger(count)} ${count === 1 ? 'text' : 'texts'}: .csv and .parquet hold the whole text`;
}
