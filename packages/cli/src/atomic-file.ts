/** Files that come into being whole or not at all: each is written beside its place, and then moved there. */
import fs from 'node:fs';
import { dirname, join } from 'node:path';

export interface SaveFileOptions {
  /** Takes the place of a file that is there. Default: fails with `EEXIST`. */
  readonly replace?: boolean;
  /** Permissions, whatever the umask. Default: what the umask leaves. */
  readonly mode?: number;
  /** Brings it to the disk first, for what must outlast a power cut. Default false. */
  readonly durable?: boolean;
}

/** What it takes of a file system. Passed in, so that tests can fill one up. */
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

/** One call writes no more. */
const maxWriteBytes = 2 ** 30;

/** What systems say where a file cannot have two names. */
const noHardLinkCodes: readonly unknown[] = ['EPERM', 'ENOTSUP', 'EOPNOTSUPP', 'ENOSYS', 'EMLINK', 'EINVAL', 'EACCES'];

/** Puts a file there. Throws what the system says, about this path; then nothing of the file is left. */
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
    // What the caller named is the file; the name of its part is nobody's business.
    throw Object.assign(error as Error, { path });
  }
}

function existsAlready(path: string): Error {
  return Object.assign(new Error(`EEXIST: file already exists, '${path}'`), { code: 'EEXIST' });
}

/** A new file in the same folder: only within one file system can a file be moved whole. */
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

/** Moves a file to where none may be. A link fails where there is one; a rename would replace it. */
function moveToNew(part: string, path: string, system: FileSystem): void {
  try {
    system.linkSync(part, path);
    system.rmSync(part, { force: true });
  } catch (error) {
    if (!noHardLinkCodes.includes((error as NodeJS.ErrnoException).code)) throw error;
    // Here the place is taken first; whoever looks in between sees an empty file.
    system.closeSync(system.openSync(path, 'wx'));
    try {
      system.renameSync(part, path);
    } catch (failure) {
      system.rmSync(path, { force: true });
      throw failure;
    }
  }
}

/** So that the name lasts as well. Not all systems have that. */
function syncFolder(folder: string, system: FileSystem): void {
  try {
    const file = system.openSync(folder, 'r');
    try {
      system.fsyncSync(file);
    } finally {
      system.closeSync(file);
    }
  } catch {
    // The file itself is there.
  }
}
