/** A folder for messages as numbered files. Existing files are not overwritten. */
import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { systemDisk } from 'serpy-recording';
import { saveFileAtomic } from '../atomic-file.js';
import { failure, toSentence, usageError } from '../failure.js';
import type { Attachment } from './describe.js';

export interface OutFolder {
  /** Writes a new file. Resolves with its path. A failure leaves no part of it. */
  write(attachment: Attachment): Promise<string>;
}

/** Writes a new file atomically. Tests pass another one, for example of a full disk. */
export type FileWriter = (file: string, bytes: Uint8Array) => void;

const nameForm = /^(\d{6,})\./;

/** Creates a missing folder and its parents. */
export function makeOutFolder(path: string): void {
  try {
    systemDisk.makeFolder(path);
  } catch (error) {
    throw usageError(`${toSentence(error)}: name another folder`, error);
  }
}

/** Creates a missing folder. The numbers continue after the highest existing one. */
export function openFolder(path: string, writeNew: FileWriter = saveFileAtomic): OutFolder {
  makeOutFolder(path);
  const numbers = readdirSync(path).map((name) => Number(nameForm.exec(name)?.[1] ?? 0));
  let last = numbers.reduce((highest, number) => Math.max(highest, number), 0);
  return {
    async write({ bytes, extension }) {
      for (;;) {
        const file = join(path, `${String(++last).padStart(6, '0')}.${extension}`);
        try {
          writeNew(file, bytes);
          return file;
        } catch (error) {
          const { code, syscall } = error as NodeJS.ErrnoException;
          // Another program may write to this folder, too.
          if (code === 'EEXIST') continue;
          if (syscall === 'open') throw failure(toSentence(error), error); // no part of it exists
          const why = toSentence(error).replace(`${file}: `, '');
          const remedy = code === 'ENOSPC' ? 'free space, or name another folder' : 'name another folder';
          throw failure(`${file}: ${why}; no part of the file was kept: ${remedy}`, error);
        }
      }
    },
  };
}
