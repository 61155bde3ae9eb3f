/** Reads a recording, message by message, as it was written; one that was cut off by a kill or a power cut, too. */
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

/** What a reader is told besides the messages. */
export interface Reading {
  /** Messages are missing here. */
  gap?(): void;
}

/**
 * The messages of a recording in the order in which they came. A last line that was cut off ends it.
 * @throws a `Failure` for a folder that holds none, and where it is damaged
 */
export function* readRecording(folder: string, { gap }: Reading = {}): Generator<Recorded, void, undefined> {
  readAbout(folder);
  const [index, values] = openBoth(folder);
  /** Those that were used last at the end. */
  const opened = new Map<string, RecordedFile>();
  const open = (name: string): RecordedFile => {
    if (!/^[\w.-]+$/.test(name)) throw new SyntaxError(`there is no file ${JSON.stringify(name)} in a recording`);
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
      const told = { n, timeMs, wallMs, type, ...(mode === undefined ? {} : { mode }), ...sender };
      if ('line' in place) {
        let line = '';
        for (; valueLine < place.line; valueLine++) line = next(valueLines);
        yield { ...told, value: fromJson((JSON.parse(line) as ValueLine).value) };
      } else if ('row' in place) {
        const reader = arrays.get(place.file) ?? createStackReader(() => open(place.file));
        arrays.set(place.file, reader);
        yield { ...told, value: reader(place) };
      } else {
        yield { ...told, value: open(place.file).read(place.offset, place.length) };
      }
    }
  } catch (error) {
    const where = lineNumber === 0 ? '' : `${files.index}, line ${lineNumber}: `;
    throw damaged(folder, where, error);
  } finally {
    for (const file of [index, values, ...opened.values()]) file.close();
  }
}

/** A recording may have a file for each of many shapes, and systems let few be open at a time. */
const maxOpenFiles = 32;

/** The files with the lines. Throws a `Failure`. */
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

/** What the recording says of itself. Throws a `Failure` where there is none, or one of a later version. */
export function readAbout(folder: string): About {
  const about = parsedAbout(folder);
  if (about?.format !== formatName) {
    throw usageError(`${folder} is no recording: name a folder that "serpy record" has made`);
  }
  if (about.version !== formatVersion) {
    throw failure(
      `the recording ${folder} is of version ${about.version}, and ${formatVersion} is known: update serpy-cli`,
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

/** It has a few lines. */
const maxAboutBytes = 65_536;

/** Gives the messages that the rows of a `.npy` file were. */
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
  if (done) throw new SyntaxError(`${files.values} has no such line`);
  return value;
}

const isCount = (value: unknown): value is number => Number.isSafeInteger(value) && (value as number) >= 0;

function checkedLine(line: IndexLine | null): IndexLine {
  const fields = (line ?? {}) as Record<string, unknown>;
  const { n, timeMs, wallMs, type, from = '', file, row, line: at, offset, length } = fields;
  const isPlace = isCount(row) || isCount(at) || (isCount(offset) && isCount(length));
  const areTimes = typeof timeMs === 'number' && typeof wallMs === 'number';
  const isTold = isCount(n) && areTimes && [type, from, file].every((each) => typeof each === 'string');
  if (line === null || !isTold || !isPlace) throw new SyntaxError('it is no line of an index');
  return line;
}
