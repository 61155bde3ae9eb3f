/** Runs test files of the suite with other settings, which they read from the environment. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';

const dayMs = 86_400_000;

/** A test that ran. */
export interface Ran {
  readonly fullName: string;
  readonly status: string;
  readonly duration?: number;
  readonly failureMessages?: readonly string[];
}

/** The used part of Vitest's report. */
interface Report {
  readonly testResults: readonly { readonly message?: string; readonly assertionResults: readonly Ran[] }[];
}

export interface Outcome {
  readonly passed: boolean;
  readonly ran: readonly Ran[];
  /** Of tests, and of files that could not be loaded. */
  readonly failures: readonly string[];
}

/** @param names a pattern of test names. Default: all */
export async function runSuite(files: readonly string[], env: NodeJS.ProcessEnv, names = ''): Promise<Outcome> {
  const options = ['-t', names, `--testTimeout=${dayMs}`, '--reporter=json'];
  const child = spawn(process.execPath, ['node_modules/vitest/vitest.mjs', 'run', ...files, ...options], {
    env: { ...process.env, ...env },
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  let text = '';
  child.stdout.setEncoding('utf8').on('data', (chunk: string) => {
    text += chunk;
  });
  const [status] = await once(child, 'close');
  const { testResults } = JSON.parse(text.slice(text.indexOf('{'))) as Report;
  const ran = testResults
    .flatMap(({ assertionResults }) => assertionResults)
    .filter((each) => each.status !== 'skipped' && each.status !== 'pending');
  return {
    passed: status === 0 && ran.length > 0,
    ran,
    failures: [
      ...testResults.flatMap(({ message }) => (message ? [message] : [])),
      ...ran.flatMap(({ failureMessages = [] }) => failureMessages),
    ],
  };
}
