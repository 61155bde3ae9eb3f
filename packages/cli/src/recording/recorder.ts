/** Writes messages to a folder that can be read at any moment, also after this process was killed. */
import { join } from 'node:path';
import type { Clock } from '../environment/context.js';
import { Failure, failure, statusOf, toSentence, usageError } from '../failure.js';
import { formatCount } from '../format.js';
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
import { OmittedValue, toJson } from './json-value.js';
import { type NpyForm, npyFormOf } from './npy-form.js';

export interface RecorderOptions {
  readonly clock: Pick<Clock, 'now' | 'wallMs'>;
  /** The URL of the connection, for `recording.json`. */
  readonly url: string;
  /** The maximum size of the folder, with 4 KiB for each file of arrays in addition to its content. Default: no limit. */
  readonly maxBytes?: number | undefined;
  readonly disk?: Disk | undefined;
}

export interface Recorder {
  readonly messages: number;
  /** The number of lines that wait for `flush`. */
  readonly unwritten: number;
  /** The size of the folder. */
  readonly bytes: number;
  /** The number of messages that are in the index without their values, because these are too long. */
  readonly omittedValues: number;
  /**
   * Records a message. Arrays and other bytes are written when it returns, the lines that refer to them after `flush`.
   * @param from the peer's address, if several peers can send
   * @returns whether it fits into `maxBytes`; if not, no part of it was recorded
   * @throws a `Failure` if the disk cannot store it: the recording ends, and earlier messages can be read
   */
  add(message: RecordedMessage, from?: string): boolean;
  readonly gaps: number;
  /** Marks that messages are missing after those added so far. Throws as `add` does. */
  gap(gap: Gap, from?: string): void;
  /** Writes the lines that are due. Call it when no message waits, and regularly. Throws as `add` does. */
  flush(): void;
  /** Writes the lines that are due and closes the files. The first call throws as `add` does. */
  close(): void;
}

/** Lines of a message that wait for `flush`. */
interface Lines {
  readonly isMessage: boolean;
  readonly value: string | undefined;
  readonly index: string;
}

/** Starts a recording in a new or empty folder. Throws a `Failure` for another folder. */
export function createRecorder(folder: string, options: RecorderOptions): Recorder {
  const { clock, url, maxBytes = Number.POSITIVE_INFINITY, disk = systemDisk } = options;
  const startMs = clock.now();
  const about: About = { format: formatName, version: formatVersion, startedWallMs: rounded(clock.wallMs()), url };
  const aboutBytes = Buffer.from(`${JSON.stringify(about, undefined, 2)}\n`);
  const opened = openFolder(disk, folder, aboutBytes);
  const { index, values, bytes } = opened;
  const arrays = createArrayFiles(disk, folder);

  let due: Lines[] = [];
  let dueBytes = 0;
  let messages = 0;
  let valueLines = 0;
  let omittedValues = 0;
  let gaps = 0;
  let isOver = false;

  const total = () => aboutBytes.length + index.length + values.length + bytes.length + arrays.bytes + dueBytes;

  const times = (): Times => ({ timeMs: rounded(clock.now() - startMs), wallMs: rounded(clock.wallMs()) });

  /** Ends the recording. The lines that are due are written as far as possible. */
  const ended = (error: unknown): Error => {
    isOver = true;
    writeSingly();
    closeFiles();
    const hint =
      (error as NodeJS.ErrnoException).code === 'ENOSPC'
        ? 'free space, and record to another folder'
        : 'check the disk, and record to another folder';
    return failure(
      `the recording ${folder} ended after ${formatCount(messages)}: ${toSentence(error)}. Its messages can be read; ${hint}`,
      error,
    );
  };

  /** Writes message by message, so that no line of the index refers to a missing value. */
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
    for (const file of [index, values, bytes, arrays]) file.close();
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
    get omittedValues() {
      return omittedValues;
    },

    add(message, from) {
      if (isOver) return false;
      const place = withFileLimit(placeOf(message), message, arrays);
      const { type, mode } = message;
      const sender = from === undefined ? {} : { from };
      const listed = { n: messages, ...times(), type, ...(mode === undefined ? {} : { mode }), ...sender };
      const addLines = (lines: Lines): true => {
        due.push(lines);
        dueBytes += Buffer.byteLength(lines.index) + Buffer.byteLength(lines.value ?? '');
        messages++;
        return true;
      };
      const line = (rest: object) => `${JSON.stringify({ ...listed, ...rest })}\n`;
      const fits = (addedBytes: number) => total() + arrays.overheadBytes + addedBytes <= maxBytes;

      if (place.kind === 'value') {
        const { timeMs, wallMs } = listed;
        const head = { n: messages, timeMs, wallMs, type, ...sender };
        const { text: value, isComplete } = valueLine(head, place.value);
        if (!isComplete) omittedValues++;
        const lines = { isMessage: true, value, index: line({ file: files.values, line: valueLines }) };
        if (!fits(Buffer.byteLength(value) + lines.index.length)) return false;
        valueLines++;
        return addLines(lines);
      }
      if (place.kind === 'bytes') {
        const written = line({ file: files.bytes, offset: bytes.length, length: place.bytes.length });
        if (!fits(place.bytes.length + written.length)) return false;
        guarded(() => bytes.append(place.bytes));
        return addLines({ isMessage: true, value: undefined, index: written });
      }
      const header = Buffer.from(place.header).toString('base64');
      if (!fits(arrays.cost(place.form) + header.length + maxArrayLine)) return false;
      const { file, row, isHeaderNew } = guarded(() => arrays.append(place.form, place.header, place.data));
      return addLines({
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
      if (total() + line.length > maxBytes) return; // it is only counted
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

/** The line of a value. A value whose JSON would exceed the longest string is omitted. */
function valueLine(head: object, value: unknown): { readonly text: string; readonly isComplete: boolean } {
  try {
    return { text: `${jsonLine({ ...head, value })}\n`, isComplete: true };
  } catch (error) {
    if (!(error instanceof RangeError)) throw error;
    const omitted = toJson(new OmittedValue('an object that is too long for a line of JSON'));
    return { text: `${jsonLine({ ...head, value: omitted })}\n`, isComplete: false };
  }
}

/** The maximum size of the line of an array without the header: names have up to 32 lengths of 16 digits, addresses up to 80 characters. */
const maxArrayLine = 900;

type Place =
  | { readonly kind: 'value'; readonly value: unknown }
  | { readonly kind: 'bytes'; readonly bytes: Uint8Array }
  | { readonly kind: 'array'; readonly form: NpyForm; readonly header: Uint8Array; readonly data: Uint8Array };

/** An array for which there can be no further file goes to the bytes, unchanged. */
function withFileLimit(place: Place, { value }: RecordedMessage, arrays: ArrayFiles): Place {
  if (place.kind !== 'array' || arrays.accepts(place.form)) return place;
  return { kind: 'bytes', bytes: value instanceof Uint8Array ? value : Buffer.concat([place.header, place.data]) };
}

/** The file of a message, and its form in it. */
function placeOf({ type, value }: RecordedMessage): Place {
  if (value instanceof Uint8Array) return bytesPlace(value);
  if (type !== 'object') return { kind: 'value', value: toJson(value) };
  // A numpy array in an object of v1 becomes a `.npy`; a pickle that was not read stays unchanged.
  if (isPickledArray(value)) return bytesPlace(npyOf(value));
  if (isOpaque(value)) return { kind: 'bytes', bytes: value.bytes };
  return { kind: 'value', value: toJson(value) };
}

function bytesPlace(bytes: Uint8Array): Place {
  const form = npyFormOf(bytes);
  if (form === undefined) return { kind: 'bytes', bytes };
  return { kind: 'array', form, header: bytes.subarray(0, form.headerBytes), data: bytes.subarray(form.headerBytes) };
}

/** Creates the folder with its empty files. */
function openFolder(disk: Disk, folder: string, about: Uint8Array) {
  try {
    disk.makeFolder(folder);
    if (disk.list(folder).length > 0) {
      throw usageError(
        `the folder ${folder} is not empty: name a new or empty one, because a recording overwrites nothing`,
      );
    }
    const index = createGrowingFile(disk, join(folder, files.index));
    const values = createGrowingFile(disk, join(folder, files.values));
    const bytes = createGrowingFile(disk, join(folder, files.bytes));
    disk.create(join(folder, files.about), about);
    return { index, values, bytes };
  } catch (error) {
    const message = `cannot record to ${folder}: ${toSentence(error).replace(`${folder}: `, '')}; name another folder`;
    throw error instanceof Failure ? error : new Failure(statusOf(error), message, { cause: error });
  }
}

function roundedOrNull(ms: number | undefined): number | null {
  return ms === undefined ? null : rounded(ms);
}

/** Rounded to microseconds. */
function rounded(ms: number): number {
  return Math.round(ms * 1000) / 1000;
}
