/** What a recording asks of a disk. Passed in, so that tests can fill one up. */
import { closeSync, ftruncateSync, openSync, readdirSync, writeSync } from 'node:fs';
import { saveFileAtomic } from '../atomic-file.js';
import { makeFolder } from '../make-folder.js';

export interface Disk {
  /** Makes a folder, and those above it; one that is there is fine. */
  makeFolder(path: string): void;
  list(folder: string): string[];
  /** A new file with this content, which is there at once and whole or not at all. */
  create(path: string, content: Uint8Array): void;
  /** For writing where it says; the file must be there. */
  open(path: string): number;
  /** @returns how many bytes were written, which may be fewer */
  write(file: number, bytes: Uint8Array, position: number): number;
  truncate(file: number, length: number): void;
  close(file: number): void;
}

/** One call writes no more. */
const maxWriteBytes = 2 ** 30;

export const systemDisk: Disk = {
  makeFolder,
  list: (folder) => readdirSync(folder),
  create: (path, content) => saveFileAtomic(path, content, { replace: true }),
  open: (path) => openSync(path, 'r+'),
  write: (file, bytes, position) => writeSync(file, bytes, 0, Math.min(bytes.length, maxWriteBytes), position),
  truncate: ftruncateSync,
  close: closeSync,
};

/** A file that only grows at its end. */
export interface GrowingFile {
  readonly length: number;
  /** Writes all of it or, where that fails, nothing: what was written of it is cut off again. */
  append(bytes: Uint8Array): void;
  close(): void;
}

export function createGrowingFile(disk: Disk, path: string): GrowingFile {
  disk.create(path, new Uint8Array());
  const file = disk.open(path);
  let length = 0;
  return {
    get length() {
      return length;
    },
    append(bytes) {
      writeWhole(disk, file, bytes, length);
      length += bytes.length;
    },
    close: () => disk.close(file),
  };
}

/** Writes all the bytes at the end of a file, which is cut back to where they were to begin when that fails. */
export function writeWhole(disk: Disk, file: number, bytes: Uint8Array, end: number): void {
  try {
    for (let done = 0; done < bytes.length; ) done += disk.write(file, bytes.subarray(done), end + done);
  } catch (error) {
    try {
      disk.truncate(file, end);
    } catch {
      // Then there are bytes after the end that nothing refers to.
    }
    throw error;
  }
}
