/** `serpy record`, killed at random moments: the test of the suite with more kills. */
import type { Settings } from './settings.js';
import { runSuite } from './suite.js';
import { table } from './table.js';

/** @returns whether every recording was readable */
export async function recordKills({ kills }: Settings): Promise<boolean> {
  const { passed, ran, failures } = await runSuite(['cli/test/recording/killed'], { TEST_KILLS: `${kills}` });
  console.log(`\nrecord-kills: ${kills} kills`);
  console.log(
    table(
      ['what', 'outcome'],
      ran.map(({ fullName, status }) => [fullName, status]),
    ),
  );
  for (const failure of failures) console.log(failure);
  return passed;
}
