/** Reads a recording message by message, also one whose recorder was killed. */
import { join } from 'node:path';
import { readNpyHeader } from 'serpy-arrays';
import { failure, toSentence, usageError } from '../failure.js';
import {
  type About,
  files,
  formatName,
  formatVersion,
  type IndexLine,
  type ListedArray,
  type RecordedMessage,
  type Times,
  type ValueLine,
} from './format.js';
import { fromJson } from './json-value.js';
import { headerForm, type NpyForm, reverseAxes } from './npy-form.js';
import { openRecorded, type RecordedFile } from './recorded-file.js';

/** A message of a recording. */
export type Recorded = RecordedMessage & Times & { readonly n: number; readonly from?: string };

/** Callbacks of a reader. */
export interface Reading {
  /** Called where messages are missing. */
  gap?(): void;
}

/**
 * The messages of a recording in order of arrival. An incomplete last line ends it.
 * @throws a `Failure` for a folder without a recording, and for a damaged one
 */
export function* readRecording(folder: string, { gap }: Reading = {}): Generator<Recorded, void, undefined> {
  readAbout(folder);
  const [index, values] = openBoth(folder);
  /** The least recently used first. */
  const opened = new Map<string, RecordedFile>();
  const open = (name: string): RecordedFile => {
    if (!/^[\w.-]+$/.test(name)) throw new SyntaxError(`${JSON.stringify(name)} is not a file of a recording`);
    const file = opened.get(name) ?? openRecorded(join(folder, name));
    opened.delete(name);
    opened.set(name, file);
    const [oldest] = opened;
    if (oldest !== undefined && opened.size > maxOpenFiles) {
      opened.delete(oldest[0]);
      oldest[1].close();
    }
    return file;
  };
  const arrays = new Map<string, StackReader>();
  let lineNumber = 0;
  try {
    const valueLines = values.lines();
    let valueLine = -1;
    for (const text of index.lines()) {
      lineNumber++;
      const line = JSON.parse(text);
      if (line?.type === 'gap') {
        gap?.();
        continue;
      }
      const { n, timeMs, wallMs, type, mode, from, ...place } = checkedLine(line);
      const sender = from === undefined ? {} : { from };
      const common = { n, timeMs, wallMs, type, ...(mode === undefined ? {} : { mode }), ...sender };
      if ('line' in place) {
        let line = '';
        for (; valueLine < place.line; valueLine++) line = next(valueLines);
        yield { ...common, value: fromJson((JSON.parse(line) as ValueLine).value) };
      } else if ('row' in place) {
        const reader = arrays.get(place.file) ?? createStackReader(() => open(place.file));
        arrays.set(place.file, reader);
        yield { ...common, value: reader(place) };
      } else {
        yield { ...common, value: open(place.file).read(place.offset, place.length) };
      }
    }
  } catch (error) {
    const where = lineNumber === 0 ? '' : `${files.index}, line ${lineNumber}: `;
    throw damaged(folder, where, error);
  } finally {
    for (const file of [index, values, ...opened.values()]) file.close();
  }
}

/** Open files: a recording can have a file for each of many shapes, and systems limit the number of open files. */
const maxOpenFiles = 32;

/** Opens the index and the values. Throws a `Failure`. */
function openBoth(folder: string): [RecordedFile, RecordedFile] {
  const index = openLines(folder, files.index);
  try {
    return [index, openLines(folder, files.values)];
  } catch (error) {
    index.close();
    throw error;
  }
}

function openLines(folder: string, name: string): RecordedFile {
  try {
    return openRecorded(join(folder, name));
  } catch (error) {
    throw damaged(folder, '', error);
  }
}

function damaged(folder: string, where: string, error: unknown): Error {
  return failure(`the recording ${folder} is damaged: ${where}${toSentence(error)}`, error);
}

/** Reads `recording.json`. Throws a `Failure` for a folder without a recording, and for an unknown version. */
export function readAbout(folder: string): About {
  const about = parsedAbout(folder);
  if (about?.format !== formatName) {
    throw usageError(`${folder} is not a recording: name a folder of "serpy record"`);
  }
  if (about.version !== formatVersion) {
    throw failure(
      `the recording ${folder} has version ${about.version}, and this program reads version ${formatVersion}: update serpy-cli`,
    );
  }
  return about as About;
}

function parsedAbout(folder: string): Partial<About> | undefined {
  let file: RecordedFile | undefined;
  try {
    file = openRecorded(join(folder, files.about));
    return JSON.parse(file.start(maxAboutBytes).toString()) as Partial<About>;
  } catch {
    return undefined;
  } finally {
    file?.close();
  }
}

/** More than a few lines. */
const maxAboutBytes = 65_536;

/** Returns the message of a row of a `.npy` file. */
type StackReader = (place: Pick<ListedArray, 'row' | 'header'>) => Buffer;

function createStackReader(open: () => RecordedFile): StackReader {
  const { headerBytes } = readNpyHeader(open().start(4096));
  let header = Buffer.alloc(0);
  let form: NpyForm | undefined;
  return ({ row, header: own }) => {
    if (own !== undefined) {
      header = Buffer.from(own, 'base64');
      form = headerForm(header);
    }
    if (form === undefined) throw new SyntaxError('the row has no header');
    const { dataBytes, fortran, shape, itemBytes } = form;
    const data = open().read(headerBytes + row * dataBytes, dataBytes);
    return Buffer.concat([header, fortran ? reverseAxes(data, shape, itemBytes) : data]);
  };
}

function next(lines: Iterator<string>): string {
  const { value, done } = lines.next();
  if (done) throw new SyntaxError(`${files.values} has fewer lines`);
  return value;
}

const isCount = (value: unknown): value is number => Number.isSafeInteger(value) && (value as number) >= 0;

function checkedLine(line: IndexLine | null): IndexLine {
  const fields = (line ?? {}) as Record<string, unknown>;
  const { n, timeMs, wallMs, type, from = '', file, row, line: at, offset, length } = fields;
  const isPlace = isCount(row) || isCount(at) || (isCount(offset) && isCount(length));
  const areTimes = typeof timeMs === 'number' && typeof wallMs === 'number';
  const isListed = isCount(n) && areTimes && [type, from, file].every((each) => typeof each === 'string');
  if (line === null || !isListed || !isPlace) throw new SyntaxError('it is not a line of an index');
  return line;
}
