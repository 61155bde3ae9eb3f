/** Reads a file of a recording. Its content is not trusted. */
import { closeSync, constants, fstatSync, lstatSync, openSync, readSync } from 'node:fs';

/** Bytes per call of `readSync`. */
const maxReadBytes = 2 ** 30;

/** The largest length in a header of v2. */
const maxMessageBytes = 2 ** 32 - 1;

export interface RecordedFile {
  /** Reads bytes. Throws a `SyntaxError` if the file has fewer. */
  read(offset: number, length: number): Buffer;
  /** The first bytes; fewer if the file is shorter. */
  start(length: number): Buffer;
  /** At most this many bytes; fewer at the end of the file. */
  some(offset: number, length: number): Buffer;
  readonly size: number;
  close(): void;
}

/**
 * Opens a file of a recording. A prepared folder could contain a link to any other file, or a pipe without a writer:
 * links are not followed, and pipes are not read.
 * @throws a `SyntaxError` for anything but a regular file, and the system's errors
 */
export function openRecorded(path: string): RecordedFile {
  checkRegular(path, lstatSync(path));
  // Another file can replace it between the check and `openSync`. Not all systems have the flags.
  const { O_RDONLY, O_NOFOLLOW = 0, O_NONBLOCK = 0 } = constants;
  const file = openSync(path, O_RDONLY | O_NOFOLLOW | O_NONBLOCK);
  try {
    checkRegular(path, fstatSync(file));
  } catch (error) {
    closeSync(file);
    throw error;
  }
  return {
    read: (offset, length) => readWhole(file, offset, length),
    start: (length) => readWhole(file, 0, Math.min(length, fstatSync(file).size)),
    some(offset, length) {
      const bytes = Buffer.allocUnsafe(length);
      return bytes.subarray(0, readSync(file, bytes, 0, length, offset));
    },
    get size() {
      return fstatSync(file).size;
    },
    close: () => closeSync(file),
  };
}

interface Found {
  isFile(): boolean;
  isSymbolicLink(): boolean;
}

function checkRegular(path: string, found: Found): void {
  if (found.isFile()) return;
  const what = found.isSymbolicLink() ? 'is a link to another file' : 'is not a file';
  throw new SyntaxError(`${path} ${what}, and a recording has only files: copy the file itself there`);
}

function readWhole(file: number, offset: number, length: number): Buffer {
  const { size } = fstatSync(file);
  if (length > maxMessageBytes) throw new SyntaxError(`a message cannot have ${length} bytes`);
  if (offset + length > size) {
    throw new SyntaxError(`the index refers to ${length} bytes at ${offset}, and the file has ${size}`);
  }
  const bytes = Buffer.allocUnsafeSlow(length);
  for (let done = 0; done < length; ) {
    const count = readSync(file, bytes, done, Math.min(length - done, maxReadBytes), offset + done);
    if (count === 0)
      throw new SyntaxError(`the index refers to ${length} bytes at ${offset}, and the file has ${done} of them`);
    done += count;
  }
  return bytes;
}
