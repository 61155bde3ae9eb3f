/** The property tests with other inputs than in the test suite: each round has a seed of its own. */
import { execFileSync, spawnSync } from 'node:child_process';
import type { Settings } from './settings.js';
import { table } from './table.js';

const dayMs = 86_400_000;

function propertyTests(): string[] {
  const found = execFileSync('git', ['grep', '-l', 'serpy-contract-tests/properties', '--', '*.test.ts']);
  return found.toString().trim().split('\n');
}

/** Runs `rounds` rounds. @returns whether all passed */
export async function properties({ rounds, seed, few }: Settings): Promise<boolean> {
  const files = propertyTests();
  const results: [seed: number, outcome: string][] = [];
  console.log(`\nproperties: ${files.length} files, each round with another seed`);
  // Seeds that are 1,000 apart: a run with the next --seed tries others.
  for (let round = 1; round <= rounds; round++) {
    const own = seed * 1000 + round;
    const { status } = spawnSync(
      process.execPath,
      ['node_modules/vitest/vitest.mjs', 'run', ...files, `--testTimeout=${dayMs}`, '--reporter=dot'],
      { env: { ...process.env, SERPY_SEED: `${own}` }, stdio: ['ignore', 'ignore', 'inherit'] },
    );
    results.push([own, status === 0 ? 'passed' : `failed: SERPY_SEED=${own} npx vitest run`]);
    if (status !== 0 && few) break;
  }
  console.log(table(['seed', 'outcome'], results));
  return results.every(([, outcome]) => outcome === 'passed');
}
