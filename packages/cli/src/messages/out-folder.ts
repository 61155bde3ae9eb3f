/** A folder that gets messages as files: numbered, and nothing that is there is overwritten. */
import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { saveFileAtomic } from '../atomic-file.js';
import { failure, toSentence } from '../failure.js';
import { makeFolder } from '../make-folder.js';
import type { Blob } from './describe.js';

export interface OutFolder {
  /** Writes a file of its own. Resolves with its path; where that fails, no part of it is left. */
  write(blob: Blob): Promise<string>;
}

/** Puts a new file there whole, or fails. Passed in, so that tests can fill up a disk. */
export type FileWriter = (file: string, bytes: Uint8Array) => void;

const nameForm = /^(\d{6,})\./;

/** Makes the folder where it is missing. The numbers go on after the highest that is there. */
export function openFolder(path: string, writeNew: FileWriter = saveFileAtomic): OutFolder {
  makeFolder(path);
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
          // Another program may write here as well.
          if (code === 'EEXIST') continue;
          if (syscall === 'open') throw error; // nothing was begun
          const why = toSentence(error).replace(`${file}: `, '');
          const remedy = code === 'ENOSPC' ? 'make room, or name another folder' : 'name another folder';
          throw failure(`${file}: ${why}, and nothing of it is left there: ${remedy}`, error);
        }
      }
    },
  };
}
