/** Measures the time that importing a package adds to the start of an empty program. */
import { spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import type { Sample } from './measure.js';

const folder = fileURLToPath(new URL('..', import.meta.url));

/** Starts of each program. They alternate, so that both run on the same machine state; the fastest start counts. */
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
  // Node finds the packages from the folder of the bench.
  const { status, stderr } = spawnSync(process.execPath, ['--input-type=module', '-e', program], { cwd: folder });
  if (status !== 0) throw new Error(`"${program}" failed: ${stderr}`);
  return performance.now() - startedMs;
}
