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

  --full                 every workload and peer, the curves too (the short run: under three minutes)
  --only NAME,NAME       these workloads, with every peer that does them
  --peers NAME,NAME      these peers
  --rounds N             default 5
  --seconds N            what is measured at a time; default 0.35, with --full 1
  --json FILE            where to put the numbers; default bench/results/DATE.json
  --from FILE            measures nothing: shows the numbers of an earlier run
  --list                 the names of workloads and peers

The interpreter of Python's peers is $PYTHON or python3; a nats-server is looked for on the path and in $NATS_SERVER.`;

class UsageError extends Error {}

function names(given: string | undefined, known: readonly string[], what: string): readonly string[] {
  const asked = given?.split(',').filter(Boolean) ?? [];
  const unknown = asked.find((name) => !known.includes(name));
  if (unknown !== undefined) throw new UsageError(`There is no ${what} ${unknown}: there are ${known.join(', ')}.`);
  return asked;
}

function positive(given: string | undefined, fallback: number, option: string): number {
  const value = given === undefined ? fallback : Number(given);
  if (!(value > 0)) throw new UsageError(`${option} takes a number above 0, not ${given}.`);
  return value;
}

function parse(words: readonly string[]) {
  const { values } = parseArgs({
    args: [...words],
    options: {
      full: { type: 'boolean', default: false },
      only: { type: 'string' },
      peers: { type: 'string' },
      rounds: { type: 'string' },
      seconds: { type: 'string' },
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
    rounds: Math.ceil(positive(values.rounds, 5, '--rounds')),
    seconds: positive(values.seconds, values.full ? 1 : 0.35, '--seconds'),
  };
}

function list(): string {
  const width = Math.max(...workloads.map(({ name }) => name.length));
  const lines = workloads.map(({ name, title }) => `  ${name.padEnd(width)}  ${title}`);
  const micro = `  ${microName.padEnd(width)}  in memory: checksum, base85, float text, encoders and decoders`;
  return `Workloads:\n${[...lines, micro].join('\n')}\n\nPeers:\n  ${peers.map(({ name }) => name).join(', ')}`;
}

/** One line, written over, for someone who waits; nothing where nobody looks. */
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
  // After each round, so that a long run that is broken off has not been for nothing.
  const measured = (done: Results) => writeFileSync(file, `${JSON.stringify(done, undefined, 1)}\n`);
  await run({ ...options, progress, measured }, ['npm run bench --', ...words].join(' '));
  progress('');
  console.log(formatResults(JSON.parse(readFileSync(file, 'utf8')) as Results));
  console.log(`\nEvery number: ${file}`);
}

try {
  await main(process.argv.slice(2));
} catch (error) {
  const isUsage = error instanceof UsageError || (error as { code?: string }).code?.startsWith('ERR_PARSE_ARGS');
  if (!isUsage) throw error;
  console.error(`${(error as Error).message}\n\n${help}`);
  process.exitCode = 2;
}
