/** Creates folders and their parents. Node's `mkdir` with `recursive` never returns in a file system without folders of its own, such as /proc. */
import { mkdirSync, statSync } from 'node:fs';
import { dirname, normalize } from 'node:path';

/** Accepts an existing folder. Throws the system's error. */
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
    if (code === 'EEXIST' && found(folder)?.isDirectory()) return; // another program created it first
    if (code !== 'ENOENT') throw error;
    const message = `${folder}: no folder can be created in ${dirname(folder)}`;
    throw Object.assign(new Error(message, { cause: error }), { path: folder });
  }
}

/** What the path leads to; undefined for a broken symbolic link. */
function found(path: string) {
  return statSync(path, { throwIfNoEntry: false });
}
