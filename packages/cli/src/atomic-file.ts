/** Writes files atomically: each is written to a temporary file in the same folder and then moved to its path. */
import fs from 'node:fs';
import { dirname, join } from 'node:path';

export interface SaveFileOptions {
  /** Replaces an existing file. Default false: fails with `EEXIST`. */
  readonly replace?: boolean;
  /** Permissions, regardless of the umask. Default: 0666 without the bits of the umask. */
  readonly mode?: number;
  /** Flushes the file to the disk, so that it survives a power cut. Default false. */
  readonly durable?: boolean;
}

/** The functions of `node:fs` in use. Tests pass others, for example of a full disk. */
export type FileSystem = Pick<
  typeof fs,
  | 'lstatSync'
  | 'openSync'
  | 'fchmodSync'
  | 'writeSync'
  | 'fsyncSync'
  | 'closeSync'
  | 'linkSync'
  | 'renameSync'
  | 'rmSync'
>;

/** Bytes per call of `writeSync`. */
const maxWriteBytes = 2 ** 30;

/** The errors of file systems without hard links. */
const noHardLinkCodes: readonly unknown[] = ['EPERM', 'ENOTSUP', 'EOPNOTSUPP', 'ENOSYS', 'EMLINK', 'EINVAL', 'EACCES'];

/** Writes a file. Throws the system's error with this path, and then leaves no part of the file. */
export function saveFileAtomic(
  path: string,
  content: string | Uint8Array,
  { replace = false, mode, durable = false }: SaveFileOptions = {},
  system: FileSystem = fs,
): void {
  let part: string | undefined;
  try {
    if (!replace && system.lstatSync(path, { throwIfNoEntry: false })) throw existsAlready(path);
    const { name, file } = openBeside(path, mode, system);
    part = name;
    try {
      if (mode !== undefined) system.fchmodSync(file, mode);
      writeAll(file, Buffer.from(content as Uint8Array), system);
      if (durable) system.fsyncSync(file);
    } finally {
      system.closeSync(file);
    }
    if (replace) system.renameSync(part, path);
    else moveToNew(part, path, system);
    if (durable) syncFolder(dirname(path), system);
  } catch (error) {
    if (part !== undefined) system.rmSync(part, { force: true });
    // The caller named this file, and not the temporary one.
    throw Object.assign(error as Error, { path });
  }
}

function existsAlready(path: string): Error {
  return Object.assign(new Error(`EEXIST: file already exists, '${path}'`), { code: 'EEXIST' });
}

/** Creates the temporary file in the same folder, because a move is atomic only within one file system. */
function openBeside(path: string, mode: number | undefined, system: FileSystem) {
  for (let number = 1; ; number++) {
    const name = join(dirname(path), `.serpy-${process.pid}-${number}.part`);
    try {
      return { name, file: system.openSync(name, 'wx', mode) };
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
    }
  }
}

function writeAll(file: number, bytes: Uint8Array, system: FileSystem): void {
  for (let done = 0; done < bytes.length; ) {
    done += system.writeSync(file, bytes, done, Math.min(bytes.length - done, maxWriteBytes));
  }
}

/** Moves a file to a path that must be free. `linkSync` fails if a file exists; `renameSync` would replace it. */
function moveToNew(part: string, path: string, system: FileSystem): void {
  try {
    system.linkSync(part, path);
    system.rmSync(part, { force: true });
  } catch (error) {
    if (!noHardLinkCodes.includes((error as NodeJS.ErrnoException).code)) throw error;
    // Without hard links an empty file reserves the path first. Other programs can see it until the rename.
    system.closeSync(system.openSync(path, 'wx'));
    try {
      system.renameSync(part, path);
    } catch (failure) {
      system.rmSync(path, { force: true });
      throw failure;
    }
  }
}

/** Flushes the entry of the file in its folder. Not all systems can. */
function syncFolder(folder: string, system: FileSystem): void {
  try {
    const file = system.openSync(folder, 'r');
    try {
      system.fsyncSync(file);
    } finally {
      system.closeSync(file);
    }
  } catch {
    // The content is on the disk already.
  }
}
