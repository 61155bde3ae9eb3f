/** Builds the page from its sources, for tests: what else is built does not matter. */
import { execFileSync } from 'node:child_process';
import { dirname, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = resolve(dirname(fileURLToPath(import.meta.url)), '..');

export function buildPage(): void {
  execFileSync(process.execPath, ['build-page.mjs'], { cwd: root });
}
