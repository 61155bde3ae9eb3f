/** Writes what arrives to a folder that can be read at any moment, also after this process was killed. */
import { join } from 'node:path';
import type { Clock } from '../environment/context.js';
import { failure, toSentence, usageError } from '../failure.js';
import { jsonLine } from '../values/json-line.js';
import { isOpaque, isPickledArray, npyOf } from '../values/python-objects.js';
import { type ArrayFiles, createArrayFiles } from './array-files.js';
import type { Gap } from './breaks.js';
import { createGrowingFile, type Disk, systemDisk } from './disk.js';
import {
  type About,
  files,
  formatName,
  formatVersion,
  type ListedGap,
  type RecordedMessage,
  type Times,
} from './format.js';
import { LeftOut, toJson } from './json-value.js';
import { type NpyForm, npyFormOf } from './npy-form.js';

export interface RecorderOptions {
  readonly clock: Pick<Clock, 'now' | 'wallMs'>;
  /** Where it comes from, for people. */
  readonly url: string;
  /** The folder takes no more than this, with 4 KiB for each file of arrays besides its content. Default: as much as the disk has. */
  readonly maxBytes?: number | undefined;
  readonly disk?: Disk | undefined;
}

export interface Recorder {
  readonly messages: number;
  /** How many of them have lines that wait for `flush`. */
  readonly unwritten: number;
  /** Bytes of the folder. */
  readonly bytes: number;
  /** Messages that are in the index, and whose values were too long to be kept. */
  readonly leftOut: number;
  /**
   * Takes a message; arrays and other bytes are on the disk when it returns, the lines that say so after `flush`.
   * @param from the peer's address, where several can send
   * @returns whether it fits into `maxBytes`; if not, nothing of it was taken
   * @throws a `Failure` when the disk takes no more: then the recording has ended, and what came before can be read
   */
  add(message: RecordedMessage, from?: string): boolean;
  readonly gaps: number;
  /** Marks that messages are missing between those that were added and the next. Throws as `add` does. */
  gap(gap: Gap, from?: string): void;
  /** Writes the lines that are due: when nothing more is there to be taken, and once in a while. Throws as `add` does. */
  flush(): void;
  /** Writes what is due and closes the files. Throws as `add` does, the first time. */
  close(): void;
}

/** Lines of a message that wait for `flush`. */
interface Lines {
  readonly isMessage: boolean;
  readonly value: string | undefined;
  readonly index: string;
}

/** Begins a recording in a new or empty folder. Throws a `Failure` where there is none to be had. */
export function createRecorder(folder: string, options: RecorderOptions): Recorder {
  const { clock, url, maxBytes = Number.POSITIVE_INFINITY, disk = systemDisk } = options;
  const startMs = clock.now();
  const about: About = { format: formatName, version: formatVersion, startedWallMs: rounded(clock.wallMs()), url };
  const aboutBytes = Buffer.from(`${JSON.stringify(about, undefined, 2)}\n`);
  const opened = openFolder(disk, folder, aboutBytes);
  const { index, values, blob } = opened;
  const arrays = createArrayFiles(disk, folder);

  let due: Lines[] = [];
  let dueBytes = 0;
  let messages = 0;
  let valueLines = 0;
  let leftOut = 0;
  let gaps = 0;
  let isOver = false;

  const total = () => aboutBytes.length + index.length + values.length + blob.length + arrays.bytes + dueBytes;

  const times = (): Times => ({ timeMs: rounded(clock.now() - startMs), wallMs: rounded(clock.wallMs()) });

  /** Ends the recording: what is due is written as far as it goes, and nothing after it. */
  const ended = (error: unknown): Error => {
    isOver = true;
    writeSingly();
    closeFiles();
    const hint =
      (error as NodeJS.ErrnoException).code === 'ENOSPC'
        ? 'make room, and record into another folder'
        : 'see what is wrong there, and record into another folder';
    return failure(
      `the recording ${folder} ended after ${messages} messages, which can be read, as ${toSentence(error)}: ${hint}`,
      error,
    );
  };

  /** Message by message, so that no line of the index names a value that is not there. */
  const writeSingly = () => {
    messages -= due.filter(({ isMessage }) => isMessage).length;
    for (const { value, index: line, isMessage } of due) {
      try {
        if (value !== undefined) values.append(Buffer.from(value));
        index.append(Buffer.from(line));
        if (isMessage) messages++;
      } catch {
        break;
      }
    }
    due = [];
    dueBytes = 0;
  };

  const closeFiles = () => {
    isOver = true;
    for (const file of [index, values, blob, arrays]) file.close();
  };

  const guarded = <R>(work: () => R): R => {
    try {
      return work();
    } catch (error) {
      throw ended(error);
    }
  };

  const flush = () => {
    if (isOver || due.length === 0) return;
    guarded(() => {
      values.append(Buffer.from(due.map(({ value }) => value ?? '').join('')));
      index.append(Buffer.from(due.map((each) => each.index).join('')));
      due = [];
      dueBytes = 0;
    });
  };

  return {
    get messages() {
      return messages;
    },
    get unwritten() {
      return due.length;
    },
    get bytes() {
      return total();
    },
    get gaps() {
      return gaps;
    },
    get leftOut() {
      return leftOut;
    },

    add(message, from) {
      if (isOver) return false;
      const place = within(placeOf(message), message, arrays);
      const { type, mode } = message;
      const sender = from === undefined ? {} : { from };
      const listed = { n: messages, ...times(), type, ...(mode === undefined ? {} : { mode }), ...sender };
      const take = (lines: Lines): true => {
        due.push(lines);
        dueBytes += Buffer.byteLength(lines.index) + Buffer.byteLength(lines.value ?? '');
        messages++;
        return true;
      };
      const line = (rest: object) => `${JSON.stringify({ ...listed, ...rest })}\n`;
      const fits = (bytes: number) => total() + arrays.overheadBytes + bytes <= maxBytes;

      if (place.kind === 'value') {
        const { timeMs, wallMs } = listed;
        const told = { n: messages, timeMs, wallMs, type, ...sender };
        const { text: value, isWhole } = valueLine(told, place.value);
        if (!isWhole) leftOut++;
        const lines = { isMessage: true, value, index: line({ file: files.values, line: valueLines }) };
        if (!fits(Buffer.byteLength(value) + lines.index.length)) return false;
        valueLines++;
        return take(lines);
      }
      if (place.kind === 'bytes') {
        const written = line({ file: files.bytes, offset: blob.length, length: place.bytes.length });
        if (!fits(place.bytes.length + written.length)) return false;
        guarded(() => blob.append(place.bytes));
        return take({ isMessage: true, value: undefined, index: written });
      }
      const header = Buffer.from(place.header).toString('base64');
      if (!fits(arrays.cost(place.form) + header.length + maxArrayLine)) return false;
      const { file, row, isHeaderNew } = guarded(() => arrays.append(place.form, place.header, place.data));
      return take({
        isMessage: true,
        value: undefined,
        index: line({ file, row, ...(isHeaderNew ? { header } : {}) }),
      });
    },

    gap({ brokeMs, wallMs, downMs }, from) {
      gaps++;
      if (isOver) return;
      const sender = from === undefined ? {} : { from };
      const times = { timeMs: rounded(Math.max(0, brokeMs - startMs)), wallMs: rounded(wallMs) };
      const listed: ListedGap = {
        n: messages,
        ...times,
        type: 'gap',
        downMs: roundedOrNull(downMs),
        file: null,
        ...sender,
      };
      const line = `${JSON.stringify(listed)}\n`;
      if (total() + line.length > maxBytes) return; // it is counted
      due.push({ isMessage: false, value: undefined, index: line });
      dueBytes += line.length;
    },

    flush,

    close() {
      if (isOver) return;
      flush();
      if (!isOver) closeFiles();
    },
  };
}

/** The line of a value, or of the fact that it was left out: some are longer as JSON than a text can be. */
function valueLine(told: object, value: unknown): { readonly text: string; readonly isWhole: boolean } {
  try {
    return { text: `${jsonLine({ ...told, value })}\n`, isWhole: true };
  } catch (error) {
    if (!(error instanceof RangeError)) throw error;
    const instead = toJson(new LeftOut('an object that is too long for a line of JSON'));
    return { text: `${jsonLine({ ...told, value: instead })}\n`, isWhole: false };
  }
}

/** What the line of an array takes at most without the header: names have up to 32 lengths of 16 digits, addresses up to 80 characters. */
const maxArrayLine = 900;

type Place =
  | { readonly kind: 'value'; readonly value: unknown }
  | { readonly kind: 'bytes'; readonly bytes: Uint8Array }
  | { readonly kind: 'array'; readonly form: NpyForm; readonly header: Uint8Array; readonly data: Uint8Array };

/** An array for which there may be no file of its own goes to the bytes, as it came. */
function within(place: Place, { value }: RecordedMessage, arrays: ArrayFiles): Place {
  if (place.kind !== 'array' || arrays.takes(place.form)) return place;
  return { kind: 'bytes', bytes: value instanceof Uint8Array ? value : Buffer.concat([place.header, place.data]) };
}

/** Which file a message goes to, and as what. */
function placeOf({ type, value }: RecordedMessage): Place {
  if (value instanceof Uint8Array) return bytesPlace(value);
  if (type !== 'object') return { kind: 'value', value: toJson(value) };
  // A numpy array that came as an object of v1, as its `.npy`; a pickle that nobody could read, as it came.
  if (isPickledArray(value)) return bytesPlace(npyOf(value));
  if (isOpaque(value)) return { kind: 'bytes', bytes: value.bytes };
  return { kind: 'value', value: toJson(value) };
}

function bytesPlace(bytes: Uint8Array): Place {
  const form = npyFormOf(bytes);
  if (form === undefined) return { kind: 'bytes', bytes };
  return { kind: 'array', form, header: bytes.subarray(0, form.headerBytes), data: bytes.subarray(form.headerBytes) };
}

/** The folder with its empty files. */
function openFolder(disk: Disk, folder: string, about: Uint8Array) {
  try {
    disk.makeFolder(folder);
    if (disk.list(folder).length > 0) {
      throw usageError(`the folder ${folder} is not empty: name one that is new or empty, so that nothing is lost`);
    }
    const index = createGrowingFile(disk, join(folder, files.index));
    const values = createGrowingFile(disk, join(folder, files.values));
    const blob = createGrowingFile(disk, join(folder, files.bytes));
    disk.create(join(folder, files.about), about);
    return { index, values, blob };
  } catch (error) {
    if ((error as Error).name === 'Failure') throw error;
    throw failure(`there can be no recording in ${folder}, as ${toSentence(error)}: name another folder`, error);
  }
}

function roundedOrNull(ms: number | undefined): number | null {
  return ms === undefined ? null : rounded(ms);
}

/** To microseconds. */
function rounded(ms: number): number {
  return Math.round(ms * 1000) / 1000;
}
