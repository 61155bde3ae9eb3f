/** Finds the installed version of a library. */
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import type { Availability } from '../peer.js';

/** Imports the package, so that a package whose native part does not load counts as missing. */
export async function versionOf(name: string): Promise<Availability> {
  try {
    await import(name);
    return { version: `${name} ${readVersion(name)}` };
  } catch (error) {
    return { missing: `${name} could not be loaded: ${(error as Error).message.split('\n')[0]}` };
  }
}

/** Reads the manifest in the folders above the imported file, because not every package exports it. */
function readVersion(name: string): string {
  let folder = dirname(createRequire(import.meta.url).resolve(name));
  for (;;) {
    try {
      const manifest = JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8')) as Record<string, unknown>;
      if (manifest.name === name && typeof manifest.version === 'string') return manifest.version;
    } catch {
      // No manifest in this folder: the folder above is next.
    }
    if (folder === dirname(folder)) return '';
    folder = dirname(folder);
  }
}
