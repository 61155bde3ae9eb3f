/** The documentation site that travels with the command: a folder of its package, or inside of a single-file executable. */
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { gunzipSync } from 'node:zlib';
import { folderOf, type SiteFiles } from './site-files.js';

/** Undefined in a checkout where the site was not built. */
export function packagedSite(): SiteFiles | undefined {
  const sea = process.getBuiltinModule('node:sea');
  if (!sea.isSea()) return siteAbove(dirname(fileURLToPath(import.meta.url)));
  const read = (path: string) => {
    try {
      return gunzipSync(new Uint8Array(sea.getRawAsset(`site/${path}`) as ArrayBuffer));
    } catch {
      return undefined; // no such asset
    }
  };
  return read('index.html') && { read };
}

/** The folder of the package is one above `dist`, and two above this source file. */
function siteAbove(folder: string): SiteFiles | undefined {
  return folderOf(join(folder, '..', 'site')) ?? folderOf(join(folder, '..', '..', 'site'));
}
