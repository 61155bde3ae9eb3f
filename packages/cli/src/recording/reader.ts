/** Reads a recording, message by message, as it was written; one that was cut off by a kill or a power cut, too. */
import { closeSync, openSync, readFileSync, readSync } from 'node:fs';
import { join } from 'node:path';
import { readNpyHeader } from 'serpy-arrays';
import { failed, mistyped, sentence } from '../failure.js';
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

/** A message of a recording. */
export type Recorded = RecordedMessage & Times & { readonly n: number; readonly from?: string };

/**
 * The messages of a recording in the order in which they came. A last line that was cut off ends it.
 * @throws a `Failure` for a folder that holds none, and where it is damaged
 */
export function* readRecording(folder: string): Generator<Recorded, void, undefined> {
  readAbout(folder);
  const handles = new Map<string, number>();
  const open = (name: string): number => {
    if (!/^[\w.-]+$/.test(name)) throw new SyntaxError(`there is no file ${JSON.stringify(name)} in a recording`);
    const handle = handles.get(name) ?? openSync(join(folder, name), 'r');
    handles.set(name, handle);
    return handle;
  };
  const arrays = new Map<string, StackReader>();
  let lineNumber = 0;
  try {
    const values = linesOf(open(files.values));
    let valueLine = -1;
    for (const text of linesOf(open(files.index))) {
      lineNumber++;
      const { n, timeMs, wallMs, type, mode, from, ...place } = checkedLine(JSON.parse(text));
      const sender = from === undefined ? {} : { from };
      const told = { n, timeMs, wallMs, type, ...(mode === undefined ? {} : { mode }), ...sender };
      if ('line' in place) {
        let line = '';
        for (; valueLine < place.line; valueLine++) line = next(values);
        yield { ...told, value: fromJson((JSON.parse(line) as ValueLine).value) };
      } else if ('row' in place) {
        const reader = arrays.get(place.file) ?? createStackReader(open(place.file));
        arrays.set(place.file, reader);
        yield { ...told, value: reader(place) };
      } else {
        yield { ...told, value: readWhole(open(place.file), place.offset, place.length) };
      }
    }
  } catch (error) {
    const where = lineNumber === 0 ? '' : `${files.index}, line ${lineNumber}: `;
    throw failed(`the recording ${folder} is damaged: ${where}${sentence(error)}`, error);
  } finally {
    for (const handle of handles.values()) closeSync(handle);
  }
}

/** What the recording says of itself. Throws a `Failure` where there is none, or one of a later version. */
export function readAbout(folder: string): About {
  const about = parsedAbout(folder);
  if (about?.format !== formatName) {
    throw mistyped(`${folder} is no recording: name a folder that "serpy record" has made`);
  }
  if (about.version !== formatVersion) {
    throw failed(
      `the recording ${folder} is of version ${about.version}, and ${formatVersion} is known: update serpy-cli`,
    );
  }
  return about as About;
}

function parsedAbout(folder: string): Partial<About> | undefined {
  try {
    return JSON.parse(readFileSync(join(folder, files.about), 'utf8')) as Partial<About>;
  } catch {
    return undefined;
  }
}

/** Gives the messages that the rows of a `.npy` file were. */
type StackReader = (place: Pick<ListedArray, 'row' | 'header'>) => Buffer;

function createStackReader(file: number): StackReader {
  const { headerBytes } = readNpyHeader(readWhole(file, 0, 4096, false));
  let header = Buffer.alloc(0);
  let form: NpyForm | undefined;
  return ({ row, header: own }) => {
    if (own !== undefined) {
      header = Buffer.from(own, 'base64');
      form = headerForm(header);
    }
    if (form === undefined) throw new SyntaxError('the row has no header');
    const { dataBytes, fortran, shape, itemBytes } = form;
    const data = readWhole(file, headerBytes + row * dataBytes, dataBytes);
    return Buffer.concat([header, fortran ? reverseAxes(data, shape, itemBytes) : data]);
  };
}

function next(lines: Iterator<string>): string {
  const { value, done } = lines.next();
  if (done) throw new SyntaxError(`${files.values} has no such line`);
  return value;
}

/** The whole lines of a file, from its beginning. */
function* linesOf(file: number): Generator<string, void, undefined> {
  const chunk = Buffer.alloc(2 ** 16);
  let rest: Buffer[] = [];
  for (let position = 0; ; ) {
    const length = readSync(file, chunk, 0, chunk.length, position);
    if (length === 0) return;
    position += length;
    let start = 0;
    for (let end = chunk.indexOf(10); end >= 0 && end < length; end = chunk.indexOf(10, start)) {
      yield Buffer.concat([...rest, chunk.subarray(start, end)]).toString();
      rest = [];
      start = end + 1;
    }
    rest.push(Buffer.from(chunk.subarray(start, length)));
  }
}

/** @param all whether fewer are an error */
function readWhole(file: number, offset: number, length: number, all = true): Buffer {
  const bytes = Buffer.alloc(length);
  let done = 0;
  while (done < length) {
    const read = readSync(file, bytes, done, length - done, offset + done);
    if (read === 0) break;
    done += read;
  }
  if (all && done < length) throw new SyntaxError(`${length} bytes should be at ${offset}, and ${done} are`);
  return bytes.subarray(0, done);
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
