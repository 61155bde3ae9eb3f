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

/** Empty where the sources run and the page was not built. */
export function readAssets(): ReadonlyMap<string, Asset> {
  const root = folder();
  if (root === undefined) return new Map();
  return new Map(
    Object.entries(files).map(([path, [file, type]]) => [path, { type, body: readFileSync(join(root, file)) }]),
  );
}
