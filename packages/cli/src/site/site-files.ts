/** The files of the documentation site that travels with the command. */
import { readFileSync, realpathSync, statSync } from 'node:fs';
import { join, sep } from 'node:path';

export interface SiteFile {
  readonly type: string;
  readonly body: Uint8Array;
}

/** Where the files are: a folder beside the command, or inside of a single-file executable. */
export interface SiteFiles {
  /** A file by its path in the site, such as `how-to/lines.html`; undefined if there is none. */
  read(path: string): Uint8Array | undefined;
}

const types: Readonly<Record<string, string>> = {
  css: 'text/css; charset=utf-8',
  html: 'text/html; charset=utf-8',
  ico: 'image/x-icon',
  jpg: 'image/jpeg',
  js: 'text/javascript; charset=utf-8',
  json: 'application/json; charset=utf-8',
  png: 'image/png',
  svg: 'image/svg+xml',
  txt: 'text/plain; charset=utf-8',
  woff2: 'font/woff2',
};

/** The files of a folder; undefined if it does not hold a site. Files outside of it are never read, also not through links. */
export function folderOf(folder: string): SiteFiles | undefined {
  let real: string;
  try {
    real = realpathSync(folder);
    if (!statSync(join(real, 'index.html')).isFile()) return undefined;
  } catch {
    return undefined;
  }
  return {
    read(path) {
      try {
        const file = realpathSync(join(real, path));
        return file.startsWith(real + sep) && statSync(file).isFile() ? readFileSync(file) : undefined;
      } catch {
        return undefined;
      }
    },
  };
}

/** The file for the path of a request: `/` and folders have an `index.html`. */
export function findFile(files: SiteFiles, requested: string): SiteFile | undefined {
  const path = decode(requested);
  // Each part is a name: no way out of the site, no hidden file, no drive of Windows.
  if (path === undefined || !/^(?:\/[\w@][\w@.,~+ -]*)*\/?$/.test(path)) return undefined;
  const name = path.endsWith('/') ? `${path.slice(1)}index.html` : path.slice(1);
  const body = files.read(name);
  if (body === undefined) return undefined;
  return { type: types[/\.(\w+)$/.exec(name)?.[1] ?? ''] ?? 'application/octet-stream', body };
}

function decode(text: string): string | undefined {
  try {
    return decodeURIComponent(text);
  } catch {
    return undefined;
  }
}
