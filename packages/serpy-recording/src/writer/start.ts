/** The start of a recording: its folder, and what it tells about itself. */
import { join } from 'node:path';
import { OptionError } from 'serpy-core';
import { errorText, RecordingError } from '../errors.js';
import {
  files,
  formatName,
  formatVersion,
  type Metadata,
  maxAboutBytes,
  type RecordingAbout,
  rounded,
} from '../format/format.js';
import { isoTime } from '../system-clock.js';
import { type ArrayFiles, createArrayFiles } from './array-files.js';
import { createGrowingFile, type Disk, type GrowingFile } from './disk.js';

/** The content of `recording.json`. */
export function aboutOf({ url, note, meta, origin, options }: Metadata, wallMs: number): RecordingAbout {
  const given = { url, note, meta, origin, options };
  const known = Object.fromEntries(Object.entries(given).filter(([, value]) => value !== undefined));
  const startedWallMs = rounded(wallMs);
  return { format: formatName, version: formatVersion, startedAt: isoTime(wallMs), startedWallMs, ...known };
}

/** Throws `ERR_SERPY_OPTION` for metadata that are too large. */
export function checkMetadata(metadata: Metadata): void {
  const size = Buffer.byteLength(JSON.stringify(aboutOf(metadata, 0), undefined, 2));
  if (size < maxAboutBytes) return;
  throw new OptionError(
    `note, meta, origin and options have ${size} bytes, and the limit is ${maxAboutBytes}: record long texts as messages`,
  );
}

/** The files of a recording that is written. */
export interface RecordingFiles {
  readonly index: GrowingFile;
  readonly values: GrowingFile;
  readonly bytes: GrowingFile;
  readonly arrays: ArrayFiles;
}

/** Creates the folder with its empty files. `recording.json` is the last one: without it the folder is not a recording. */
export function openFolder(disk: Disk, folder: string, about: Uint8Array): RecordingFiles {
  try {
    disk.makeFolder(folder);
    if (disk.list(folder).length > 0) {
      throw new RecordingError(
        'ERR_RECORDING_FOLDER',
        `the folder ${folder} is not empty: name a new or empty one, because a recording overwrites nothing`,
      );
    }
    const index = createGrowingFile(disk, join(folder, files.index));
    const values = createGrowingFile(disk, join(folder, files.values));
    const bytes = createGrowingFile(disk, join(folder, files.bytes));
    disk.create(join(folder, files.about), about);
    return { index, values, bytes, arrays: createArrayFiles(disk, folder) };
  } catch (error) {
    if (error instanceof RecordingError) throw error;
    const why = errorText(error).replace(`${folder}: `, '');
    const message = `cannot record to ${folder}: ${why}; name another folder`;
    throw new RecordingError('ERR_RECORDING_FOLDER', message, { cause: error });
  }
}
