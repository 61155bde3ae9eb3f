/** The simulated lives of the test suite, and those with models of Python peers, with many more runs than in the suite. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import type { Settings } from './settings.js';
import { table } from './table.js';

/** The tests with lives, by file and by name. */
const files = ['serpy-v1/test/contract', 'serpy-v2/test/contract', 'serpy/test/lives', 'test/originals/rules'];
const names = 'a life with every fault|never harms';

const dayMs = 86_400_000;

/** The printed part of Vitest's report. */
interface Report {
  readonly testResults: readonly {
    readonly assertionResults: readonly {
      readonly fullName: string;
      readonly status: string;
      readonly duration?: number;
      readonly failureMessages?: readonly string[];
    }[];
  }[];
}

/** Runs the lives. @returns whether all passed */
export async function lives({ lives }: Settings): Promise<boolean> {
  const options = ['-t', names, `--testTimeout=${dayMs}`, '--reporter=json'];
  const child = spawn(process.execPath, ['node_modules/vitest/vitest.mjs', 'run', ...files, ...options], {
    env: { ...process.env, SERPY_LIVES: `${lives}` },
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  let text = '';
  child.stdout.setEncoding('utf8').on('data', (chunk: string) => {
    text += chunk;
  });
  const [status] = await once(child, 'close');
  const { testResults } = JSON.parse(text.slice(text.indexOf('{'))) as Report;
  const played = testResults
    .flatMap(({ assertionResults }) => assertionResults)
    .filter(({ status }) => status !== 'skipped');
  console.log('\nlives: in a network in memory, each with its own faults');
  console.log(
    table(
      ['what', 'lives', 'outcome', 's'],
      played.map(({ fullName, status, duration = 0 }) => [fullName, lives, status, Math.round(duration / 1000)]),
    ),
  );
  for (const { failureMessages = [] } of played) for (const message of failureMessages) console.log(message);
  return status === 0 && played.length > 0;
}
