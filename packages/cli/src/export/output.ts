/** The output of an export: written beside its path under another name, and moved there when it is complete. */
import { existsSync, lstatSync, mkdirSync, renameSync, rmSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { toSentence, usageError } from '../failure.js';

export interface Output {
  /** Where to write. */
  readonly part: string;
  /** Moves what was written to the path. */
  complete(): void;
  /** Removes what was written. */
  abandon(): void;
}

/** Checks the path before anything is written. @param kind a folder is created at once */
export function createOutput(path: string, kind: 'file' | 'folder', force: boolean): Output {
  const found = lstatSync(path, { throwIfNoEntry: false });
  if (found && kind === 'folder') throw usageError(`${path} exists, and an export replaces no folder: name a new one`);
  if (found && !force) throw usageError(`${path} exists: name another file, or add --force to replace it`);
  if (found && !found.isFile())
    throw usageError(`${path} is not a file, and --force replaces only files: name another one`);
  const folder = dirname(path);
  if (!existsSync(folder)) throw usageError(`the folder ${folder} does not exist: create it, or name another one`);
  const part = join(folder, `.${basename(path)}-${process.pid}.part`);
  rmSync(part, { recursive: true, force: true });
  if (kind === 'folder') attempt(path, () => mkdirSync(part));
  return {
    part,
    complete() {
      if (!force && existsSync(path)) throw usageError(`${path} was created by another program: name another one`);
      attempt(path, () => renameSync(part, path));
    },
    abandon: () => rmSync(part, { recursive: true, force: true }),
  };
}

/** Errors name the path of the user. */
function attempt(path: string, work: () => void): void {
  try {
    work();
  } catch (error) {
    throw usageError(`cannot write ${path}: ${toSentence(error).replace(/^.*\.part: /, '')}`, error);
  }
}
