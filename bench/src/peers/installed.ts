/** Which version of a library is installed, if any. */
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import type { Availability } from '../peer.js';

/** Imports the package, so that one whose native part does not load here counts as missing. */
export async function versionOf(name: string): Promise<Availability> {
  try {
    await import(name);
    return { version: `${name} ${readVersion(name)}` };
  } catch (error) {
    return { missing: `${name} could not be loaded: ${(error as Error).message.split('\n')[0]}` };
  }
}

/** From the manifest, which not every package exports: it is looked for above the file that is imported. */
function readVersion(name: string): string {
  let folder = dirname(createRequire(import.meta.url).resolve(name));
  for (;;) {
    try {
      const manifest = JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8')) as Record<string, unknown>;
      if (manifest.name === name && typeof manifest.version === 'string') return manifest.version;
    } catch {
      // No manifest here: further up.
    }
    if (folder === dirname(folder)) return '';
    folder = dirname(folder);
  }
}
