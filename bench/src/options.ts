/** The options of the command line. */
import { parseArgs } from 'node:util';
import { peers } from './peers/index.js';
import { microName, type Plan } from './run.js';
import { targetNames } from './targets.js';
import { isRepeatable } from './warm.js';
import { workloads } from './workload.js';

export const help = `npm run bench -- [options]

  --full                 every workload and peer, with the curves; without it, a short run of under three minutes
  --only NAME,NAME       these workloads, with every peer that supports them; with --targets these targets
  --peers NAME,NAME      these peers
  --mode MODE            fresh (default): new processes for each measurement; warm: processes that stay; both
  --rounds N             fresh: number of rounds; default 5
  --duration TIME        fresh: time of each measurement, such as 500ms or 2s; default 350ms, with --full 1s
  --first-half-second    fresh: no warm-up, and 500ms of each: what a short program sees
  --windows N            warm: number of windows of each peer; default 24
  --window TIME          warm: time of each window; default 250ms
  --base PEER            the peer to which the others are compared; default raw, or the first of --peers
  --targets              the table of targets, and nothing else
  --publish              what the documentation shows: its workloads in both modes with every peer, and the targets;
                         the file has no samples
  --json FILE            the file for the results; default bench/results/DATE.json
  --from FILE            shows the results of an earlier run, and measures nothing
  --list                 the names of workloads, peers and targets

The interpreter of the Python peers is $PYTHON or python3, the compiler of the C program $CC or cc. The NATS peers run $NATS_SERVER, or
nats-server from the path.`;

export class UsageError extends Error {}

/** The workloads of docs/explanation/performance.md. */
const published = ['blob-1m', 'small', 'round-trip', 'ack-64', 'request-1', 'request-64'];

const modes = ['fresh', 'warm', 'both'];

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

function modeOf(given: string): string {
  if (modes.includes(given)) return given;
  throw new UsageError(`There is no mode ${given}: there are ${modes.join(', ')}.`);
}

/** `raw`, or the first of the named peers if it is not among them. */
function baseOf(given: string | undefined, peerNames: readonly string[], asked: readonly string[]): string {
  const [base] = names(given, peerNames, 'peer');
  if (base === undefined) return asked.length === 0 || asked.includes('raw') ? 'raw' : (asked[0] ?? 'raw');
  if (asked.length === 0 || asked.includes(base)) return base;
  throw new UsageError(`--base ${base} is not one of --peers: add it there, because it is measured with them.`);
}

/** Rejects names of workloads that a run in warm processes would leave out. */
function checkWarm(only: readonly string[]): void {
  const once = workloads.find((workload) => only.includes(workload.name) && !isRepeatable(workload));
  if (once || only.includes(microName))
    throw new UsageError(`${once?.name ?? microName} is not measured in warm processes: leave out --mode warm.`);
}

export type Options = Omit<Plan, 'progress' | 'measured'> & {
  readonly json: string | undefined;
  /** Whether the file has every sample, or only the summaries. */
  readonly samples: boolean;
  readonly from: string | undefined;
  readonly list: boolean;
  readonly help: boolean;
};

export function parse(words: readonly string[]): Options {
  const { values } = parseArgs({
    args: [...words],
    options: {
      full: { type: 'boolean', default: false },
      only: { type: 'string' },
      peers: { type: 'string' },
      mode: { type: 'string', default: 'fresh' },
      rounds: { type: 'string', default: '5' },
      duration: { type: 'string' },
      'first-half-second': { type: 'boolean', default: false },
      windows: { type: 'string', default: '24' },
      window: { type: 'string', default: '250ms' },
      base: { type: 'string' },
      targets: { type: 'boolean', default: false },
      publish: { type: 'boolean', default: false },
      json: { type: 'string' },
      from: { type: 'string' },
      list: { type: 'boolean', default: false },
      help: { type: 'boolean', default: false },
    },
  });
  const { full, targets, publish, from, json, list } = values;
  const firstHalfSecond = values['first-half-second'];
  const peerNames = peers.map(({ name }) => name);
  const mode = modeOf(publish ? 'both' : values.mode);
  const given = values.duration === undefined ? undefined : duration(values.duration, '--duration');
  const workloadNames = [...workloads.map(({ name }) => name), microName];
  const only = targets ? [] : names(values.only, workloadNames, 'workload');
  const asked = names(values.peers, peerNames, 'peer');
  if (mode === 'warm') checkWarm(only);
  return {
    ...{ full, from, json, list, help: values.help, firstHalfSecond, samples: !publish },
    only: publish && only.length === 0 ? published : only,
    onlyTargets: targets ? names(values.only, targetNames, 'target') : [],
    peers: asked,
    fresh: !targets && mode !== 'warm',
    warm: !targets && mode !== 'fresh',
    targets: targets || publish,
    rounds: wholeNumber(values.rounds, '--rounds'),
    seconds: given ?? defaultSeconds(firstHalfSecond, full || publish),
    targetSeconds: targets ? given : undefined,
    windows: wholeNumber(values.windows, '--windows'),
    windowSeconds: duration(values.window, '--window'),
    base: baseOf(values.base, peerNames, asked),
  };
}

function defaultSeconds(firstHalfSecond: boolean, long: boolean): number {
  if (firstHalfSecond) return 0.5;
  return long ? 1 : 0.35;
}
