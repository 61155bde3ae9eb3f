/** The property tests with other inputs than in the test suite: each round has a seed of its own. */
import { execFileSync } from 'node:child_process';
import type { Settings } from './settings.js';
import { runSuite } from './suite.js';
import { table } from './table.js';

function propertyTests(): string[] {
  const found = execFileSync('git', ['grep', '-l', 'serpy-contract-tests/properties', '--', '*.test.ts']);
  return found.toString().trim().split('\n');
}

/** Runs `rounds` rounds. @returns whether all passed */
export async function properties({ rounds, seed, few }: Settings): Promise<boolean> {
  const files = propertyTests();
  const results: [seed: number, tests: number, outcome: string][] = [];
  console.log(`\nproperties: ${files.length} files, each round with another seed`);
  for (let round = 1; round <= rounds; round++) {
    // A run with the next --seed tries others.
    const own = seed * 1000 + round;
    const { passed, ran, failures } = await runSuite(files, { TEST_SEED: `${own}` });
    results.push([own, ran.length, passed ? 'passed' : `again: TEST_SEED=${own} npm run test:one -- FILE`]);
    for (const failure of failures) console.log(failure);
    if (!passed && few) break;
  }
  console.log(table(['seed', 'tests', 'outcome'], results));
  return results.every(([, , outcome]) => outcome === 'passed');
}
