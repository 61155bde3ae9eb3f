/** `npm run bench -- [options]`: see README.md. */
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { help, parse, UsageError } from './options.js';
import { peers } from './peers/index.js';
import { type Results, withoutSamples } from './results.js';
import { microName, run } from './run.js';
import { formatResults } from './table.js';
import { targetNames } from './targets.js';
import { workloads } from './workload.js';

function list(): string {
  const width = Math.max(...workloads.map(({ name }) => name.length));
  const lines = workloads.map(({ name, title }) => `  ${name.padEnd(width)}  ${title}`);
  const micro = `  ${microName.padEnd(width)}  in memory: checksum, base85, float text, encoders and decoders`;
  const workloadList = `Workloads:\n${[...lines, micro].join('\n')}`;
  const peerList = `Peers:\n  ${peers.map(({ name }) => name).join(', ')}`;
  return `${workloadList}\n\n${peerList}\n\nTargets:\n  ${targetNames.join(', ')}`;
}

/** Overwrites one line of a terminal. Without a terminal it prints nothing. */
function progress(text: string): void {
  if (process.stderr.isTTY) process.stderr.write(`\r\x1b[K${text}`);
}

const results = fileURLToPath(new URL('../results/', import.meta.url));

async function main(words: readonly string[]): Promise<void> {
  const options = parse(words);
  if (options.help || options.list) {
    console.log(options.help ? help : list());
    return;
  }
  if (options.from !== undefined) {
    console.log(formatResults(JSON.parse(readFileSync(options.from, 'utf8')) as Results));
    return;
  }
  const file = options.json ?? join(results, `${new Date().toISOString().replaceAll(':', '-')}.json`);
  mkdirSync(dirname(file), { recursive: true });
  // Written after each step, so that an interrupted run leaves results.
  const measured = (done: Results) =>
    writeFileSync(file, `${JSON.stringify(options.samples ? done : withoutSamples(done), undefined, 1)}\n`);
  await run({ ...options, progress, measured }, ['npm run bench --', ...words].join(' '));
  progress('');
  console.log(formatResults(JSON.parse(readFileSync(file, 'utf8')) as Results));
  console.log(`\n${options.samples ? 'All samples' : 'Results'}: ${file}`);
}

try {
  await main(process.argv.slice(2));
} catch (error) {
  const isUsage = error instanceof UsageError || (error as { code?: string }).code?.startsWith('ERR_PARSE_ARGS');
  if (!isUsage) throw error;
  console.error(`${(error as Error).message}\n\n${help}`);
  process.exitCode = 2;
}
