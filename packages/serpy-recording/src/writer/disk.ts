/** The disk under a recording. Tests pass another one, for example a full one. */
import { closeSync, ftruncateSync, openSync, readdirSync, renameSync, rmSync, writeSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { makeFolder } from './make-folder.js';

export interface Disk {
  /** Creates a folder and its parents. Accepts an existing folder. */
  makeFolder(path: string): void;
  list(folder: string): string[];
  /** Writes a file atomically, and replaces an existing one. */
  create(path: string, content: Uint8Array): void;
  /** Opens an existing file for writing at given positions. */
  open(path: string): number;
  /** @returns the number of bytes written, which can be fewer */
  write(file: number, bytes: Uint8Array, position: number): number;
  truncate(file: number, length: number): void;
  close(file: number): void;
}

/** Bytes per call of `writeSync`. */
const maxWriteBytes = 2 ** 30;

export const systemDisk: Disk = {
  makeFolder,
  list: (folder) => readdirSync(folder),
  create: createFile,
  open: (path) => openSync(path, 'r+'),
  write: (file, bytes, position) => writeSync(file, bytes, 0, Math.min(bytes.length, maxWriteBytes), position),
  truncate: ftruncateSync,
  close: closeSync,
};

/** Writes a file under a temporary name and moves it to its path. On failure no part of it is left. */
function createFile(path: string, content: Uint8Array): void {
  const part = join(dirname(path), `.serpy-${process.pid}.part`);
  try {
    const file = openSync(part, 'wx');
    try {
      for (let done = 0; done < content.length; ) done += writeSync(file, content, done);
    } finally {
      closeSync(file);
    }
    renameSync(part, path);
  } catch (error) {
    rmSync(part, { force: true });
    throw Object.assign(error as Error, { path });
  }
}

/** A file that only grows. */
export interface GrowingFile {
  readonly length: number;
  /** Appends all bytes, or on failure none: the file is truncated to its previous length. */
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

/** Writes all bytes at the end of a file. On failure the file is truncated to that position. */
export function writeWhole(disk: Disk, file: number, bytes: Uint8Array, end: number): void {
  try {
    for (let done = 0; done < bytes.length; ) done += disk.write(file, bytes.subarray(done), end + done);
  } catch (error) {
    try {
      disk.truncate(file, end);
    } catch {
      // The index does not refer to the bytes after the end.
    }
    throw error;
  }
}
