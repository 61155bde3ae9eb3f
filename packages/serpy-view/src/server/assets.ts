/** The files of the page: a fixed list, read once. */
import { existsSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

export interface Asset {
  readonly type: string;
  readonly body: Buffer;
}

const files: Readonly<Record<string, readonly [file: string, type: string]>> = {
  '/': ['index.html', 'text/html; charset=utf-8'],
  '/page.js': ['page.js', 'text/javascript; charset=utf-8'],
  '/page.css': ['page.css', 'text/css; charset=utf-8'],
  '/icon.svg': ['icon.svg', 'image/svg+xml'],
};

/** Beside the built server, or in `dist` where the sources run. */
function folder(): string | undefined {
  const here = typeof __dirname === 'string' ? __dirname : dirname(fileURLToPath(import.meta.url));
  const candidates = [join(here, 'page'), join(here, '..', '..', 'dist', 'page')];
  return candidates.find((path) => existsSync(join(path, 'page.js')));
}

/** A file that was built into a single-file executable as the asset `page/NAME`; undefined elsewhere. */
function builtIn(file: string): Buffer | undefined {
  const sea = process.getBuiltinModule('node:sea');
  if (!sea.isSea()) return undefined;
  try {
    return Buffer.from(sea.getRawAsset(`page/${file}`) as ArrayBuffer);
  } catch {
    return undefined; // an executable without the page
  }
}

/** Empty where the sources run and the page was not built. */
export function readAssets(): ReadonlyMap<string, Asset> {
  const root = folder();
  const read = (file: string) => builtIn(file) ?? (root === undefined ? undefined : readFileSync(join(root, file)));
  return new Map(
    Object.entries(files).flatMap(([path, [file, type]]) => {
      const body = read(file);
      return body === undefined ? [] : [[path, { type, body }] as const];
    }),
  );
}
