/** A folder that gets messages as files: numbered, and nothing that is there is overwritten. */
import { mkdir, readdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Blob } from './message.js';

export interface OutFolder {
  /** Writes a file of its own. Resolves with its path. */
  write(blob: Blob): Promise<string>;
}

const nameForm = /^(\d{6,})\./;

/** Makes the folder where it is missing. The numbers go on after the highest that is there. */
export async function openFolder(path: string): Promise<OutFolder> {
  await mkdir(path, { recursive: true });
  const numbers = (await readdir(path)).map((name) => Number(nameForm.exec(name)?.[1] ?? 0));
  let last = numbers.reduce((highest, number) => Math.max(highest, number), 0);
  return {
    async write({ bytes, extension }) {
      for (;;) {
        const file = join(path, `${String(++last).padStart(6, '0')}.${extension}`);
        try {
          await writeFile(file, bytes, { flag: 'wx' });
          return file;
        } catch (error) {
          // Another program may write here as well.
          if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
        }
      }
    },
  };
}
