/** Makes folders, and those above them. Node's own way of it never ends where a file system takes none, such as /proc. */
import { mkdirSync, statSync } from 'node:fs';
import { dirname, normalize } from 'node:path';
import { failure } from './failure.js';

/** One that is there is fine. Throws a `Failure`, or what the system says. */
export function makeFolder(path: string): void {
  if (found(path)?.isDirectory()) return;
  const wanted = [normalize(path)];
  for (;;) {
    const [first] = wanted as [string];
    const above = dirname(first);
    if (above === first || found(above)) break;
    wanted.unshift(above);
  }
  for (const folder of wanted) makeOne(folder);
}

function makeOne(folder: string): void {
  try {
    mkdirSync(folder);
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === 'EEXIST' && found(folder)?.isDirectory()) return; // another program was faster
    if (code !== 'ENOENT') throw error;
    throw failure(`${folder}: there can be no folder in ${dirname(folder)} (ENOENT): name another one`, error);
  }
}

/** What is there; a link that leads nowhere is nothing. */
function found(path: string) {
  return statSync(path, { throwIfNoEntry: false });
}
