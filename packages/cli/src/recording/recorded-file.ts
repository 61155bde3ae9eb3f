/** A file of a recording as it is read: one that others have made, and that may be anything. */
import { closeSync, constants, fstatSync, lstatSync, openSync, readSync } from 'node:fs';

/** One call reads no more. */
const maxReadBytes = 2 ** 30;

/** The header of v2 has no room for more. */
const maxMessageBytes = 2 ** 32 - 1;

/** A text of Node is no longer. */
const maxLineBytes = 2 ** 29 - 24;

export interface RecordedFile {
  /** Bytes from there on, as many as that. Throws a `SyntaxError` where there are not so many. */
  read(offset: number, length: number): Buffer;
  /** The first bytes, fewer where there are no more. */
  start(length: number): Buffer;
  /** The whole lines, from the beginning. */
  lines(): Generator<string, void, undefined>;
  close(): void;
}

/**
 * Opens a file of a recording. Who has made the folder may have put a link to any other file there, or a pipe that nobody
 * ever writes to: neither is followed or waited for.
 * @throws a `SyntaxError` for what is no file, and what the system says
 */
export function openRecorded(path: string): RecordedFile {
  checkPlain(path, lstatSync(path));
  // Between the look and the opening another may take its place. Not all systems have the flags.
  const { O_RDONLY, O_NOFOLLOW = 0, O_NONBLOCK = 0 } = constants;
  const file = openSync(path, O_RDONLY | O_NOFOLLOW | O_NONBLOCK);
  try {
    checkPlain(path, fstatSync(file));
  } catch (error) {
    closeSync(file);
    throw error;
  }
  return {
    read: (offset, length) => readWhole(file, offset, length),
    start: (length) => readWhole(file, 0, Math.min(length, fstatSync(file).size)),
    lines: () => linesOf(file),
    close: () => closeSync(file),
  };
}

interface Found {
  isFile(): boolean;
  isSymbolicLink(): boolean;
}

function checkPlain(path: string, found: Found): void {
  if (found.isFile()) return;
  const what = found.isSymbolicLink() ? 'a link to another file' : 'no file';
  throw new SyntaxError(`${path} is ${what}, and a recording has files alone: put the file itself there`);
}

function readWhole(file: number, offset: number, length: number): Buffer {
  const { size } = fstatSync(file);
  if (length > maxMessageBytes) throw new SyntaxError(`no message has ${length} bytes`);
  if (offset + length > size) {
    throw new SyntaxError(`${length} bytes should be at ${offset}, and the file has ${size}`);
  }
  const bytes = Buffer.alloc(length);
  for (let done = 0; done < length; ) {
    const count = readSync(file, bytes, done, Math.min(length - done, maxReadBytes), offset + done);
    if (count === 0) throw new SyntaxError(`${length} bytes should be at ${offset}, and ${done} are`);
    done += count;
  }
  return bytes;
}

function* linesOf(file: number): Generator<string, void, undefined> {
  const chunk = Buffer.alloc(2 ** 16);
  let rest: Buffer[] = [];
  let restBytes = 0;
  for (let position = 0; ; ) {
    const length = readSync(file, chunk, 0, chunk.length, position);
    if (length === 0) return;
    position += length;
    let start = 0;
    for (let end = chunk.indexOf(10); end >= 0 && end < length; end = chunk.indexOf(10, start)) {
      yield Buffer.concat([...rest, chunk.subarray(start, end)]).toString();
      rest = [];
      restBytes = 0;
      start = end + 1;
    }
    rest.push(Buffer.from(chunk.subarray(start, length)));
    restBytes += length - start;
    if (restBytes > maxLineBytes) throw new SyntaxError('a line in it is longer than a text can be');
  }
}
