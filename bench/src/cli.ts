/** `npm run bench -- [options]`: see README.md. */
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { peers } from './peers/index.js';
import type { Results } from './results.js';
import { microName, run } from './run.js';
import { formatResults } from './table.js';
import { workloads } from './workload.js';

const help = `npm run bench -- [options]

  --full                 every workload and peer, with the curves; without it, a short run of under three minutes
  --only NAME,NAME       these workloads, with every peer that supports them
  --peers NAME,NAME      these peers
  --rounds N             number of rounds; default 5
  --duration TIME        time of each measurement, such as 500ms or 2s; default 350ms, with --full 1s
  --json FILE            the file for the results; default bench/results/DATE.json
  --from FILE            shows the results of an earlier run, and measures nothing
  --list                 the names of workloads and peers

The interpreter of the Python peers is $PYTHON or python3. The NATS peers run $NATS_SERVER, or nats-server from the path.`;

class UsageError extends Error {}

function names(given: string | undefined, known: readonly string[], what: string): readonly string[] {
  const asked = given?.split(',').filter(Boolean) ?? [];
  const unknown = asked.find((name) => !known.includes(name));
  if (unknown !== undefined) throw new UsageError(`There is no ${what} ${unknown}: there are ${known.join(', ')}.`);
  return asked;
}

function wholeNumber(given: string, option: string): number {
  const value = Number(given);
  if (!Number.isSafeInteger(value) || value < 1)
    throw new UsageError(`${option} takes a whole number from 1, not '${given}'.`);
  return value;
}

const secondsOf: Readonly<Record<string, number>> = { ms: 0.001, s: 1, '': 1, min: 60 };

/** A time such as `500ms`, `2s` or `1min`, in seconds. A number without a unit is in seconds, as in `serpy bench`. */
function duration(given: string, option: string): number {
  const [, digits, unit = ''] = /^(\d+(?:\.\d+)?|\.\d+)\s*(ms|s|min|)$/.exec(given.trim()) ?? [];
  const seconds = Number(digits) * (secondsOf[unit] ?? Number.NaN);
  if (seconds > 0) return seconds;
  throw new UsageError(`${option} takes a time above 0, such as 500ms, 2s or 1min, not '${given}'.`);
}

function parse(words: readonly string[]) {
  const { values } = parseArgs({
    args: [...words],
    options: {
      full: { type: 'boolean', default: false },
      only: { type: 'string' },
      peers: { type: 'string' },
      rounds: { type: 'string' },
      duration: { type: 'string' },
      json: { type: 'string' },
      from: { type: 'string' },
      list: { type: 'boolean', default: false },
      help: { type: 'boolean', default: false },
    },
  });
  return {
    ...values,
    only: names(values.only, [...workloads.map(({ name }) => name), microName], 'workload'),
    peers: names(
      values.peers,
      peers.map(({ name }) => name),
      'peer',
    ),
    rounds: wholeNumber(values.rounds ?? '5', '--rounds'),
    seconds: duration(values.duration ?? (values.full ? '1s' : '350ms'), '--duration'),
  };
}

function list(): string {
  const width = Math.max(...workloads.map(({ name }) => name.length));
  const lines = workloads.map(({ name, title }) => `  ${name.padEnd(width)}  ${title}`);
  const micro = `  ${microName.padEnd(width)}  in memory: checksum, base85, float text, encoders and decoders`;
  return `Workloads:\n${[...lines, micro].join('\n')}\n\nPeers:\n  ${peers.map(({ name }) => name).join(', ')}`;
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
  // Written after each round, so that an interrupted run leaves results.
  const measured = (done: Results) => writeFileSync(file, `${JSON.stringify(done, undefined, 1)}\n`);
  await run({ ...options, progress, measured }, ['npm run bench --', ...words].join(' '));
  progress('');
  console.log(formatResults(JSON.parse(readFileSync(file, 'utf8')) as Results));
  console.log(`\nAll samples: ${file}`);
}

try {
  await main(process.argv.slice(2));
} catch (error) {
  const isUsage = error instanceof UsageError || (error as { code?: string }).code?.startsWith('ERR_PARSE_ARGS');
  if (!isUsage) throw error;
  console.error(`${(error as Error).message}\n\n${help}`);
  process.exitCode = 2;
}
