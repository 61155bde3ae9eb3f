/** The version of this package. */
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

/** Put in by the build, so that the command also runs as one file; the sources read it from package.json. */
declare const PACKAGE_VERSION: string | undefined;

export const version = typeof PACKAGE_VERSION === 'string' ? PACKAGE_VERSION : versionOfSources();

function versionOfSources(): string {
  const file = fileURLToPath(new URL('../package.json', import.meta.url));
  return (JSON.parse(readFileSync(file, 'utf8')) as { version: string }).version;
}
