/** The simulated lives of the test suite, and those with models of Python peers, with many more runs than in the suite. */
import type { Settings } from './settings.js';
import { runSuite } from './suite.js';
import { table } from './table.js';

/** The tests with lives, by file and by name. */
const files = ['serpy-v1/test/contract', 'serpy-v2/test/contract', 'serpy/test/lives', 'test/originals/rules'];
const names = 'a life with every fault|never harms';

/** Runs the lives. @returns whether all passed */
export async function lives({ lives }: Settings): Promise<boolean> {
  const { passed, ran, failures } = await runSuite(files, { TEST_LIVES: `${lives}` }, names);
  console.log('\nlives: in a network in memory, each with its own faults');
  console.log(
    table(
      ['what', 'lives', 'outcome', 's'],
      ran.map(({ fullName, status, duration = 0 }) => [fullName, lives, status, Math.round(duration / 1000)]),
    ),
  );
  for (const failure of failures) console.log(failure);
  return passed;
}
