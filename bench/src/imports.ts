/** What importing a package adds to the start of an empty program. */
import { spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import type { Sample } from './measure.js';

const folder = fileURLToPath(new URL('..', import.meta.url));

/** One of each at a time, so that both see the same machine; the smallest of several, as nothing makes a start faster than it is. */
const starts = 3;

export function measureImports(): [string, Sample][] {
  return ['serpy-v1', 'serpy-v2'].map((name) => {
    const pairs = Array.from({ length: starts }, () => [startMs(''), startMs(`import '${name}'`)] as const);
    const empty = Math.min(...pairs.map(([ms]) => ms));
    const importing = Math.min(...pairs.map(([, ms]) => ms));
    return [`import of ${name}`, { importMs: importing - empty }];
  });
}

function startMs(program: string): number {
  const startedMs = performance.now();
  // The bench's folder, from where the packages can be found.
  const { status, stderr } = spawnSync(process.execPath, ['--input-type=module', '-e', program], { cwd: folder });
  if (status !== 0) throw new Error(`"${program}" failed: ${stderr}`);
  return performance.now() - startedMs;
}
