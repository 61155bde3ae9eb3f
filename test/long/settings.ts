/** The command line of the long tests. */
import { createHash } from 'node:crypto';
import { availableParallelism } from 'node:os';
import { parseArgs } from 'node:util';
import { Progress } from './progress.js';

export interface Settings {
  /** Damaged inputs inside one process, of all targets. Default 200,000,000. */
  readonly inputs: number;
  /** Damaged inputs over TCP, for each protocol. Default 100,000. */
  readonly live: number;
  /** The seed of all random choices. Default 1. */
  readonly seed: number;
  /** The target to run. Default: all. */
  readonly target: string | undefined;
  /** The number of threads. Default: that of the computer's cores. */
  readonly threads: number;
  /** The longest time of one input, milliseconds. Default 10,000. */
  readonly hangMs: number;
  /** The file of inputs that broken versions failed on. They run first, and new ones are added. Default test/fuzz/kept.json. */
  readonly kept: string;
  /** The number of lives of each test with lives. Default 3,000. */
  readonly lives: number;
  /** Simulated worlds with sessions only. Default 500,000. */
  readonly worlds: number;
  /** The rounds within which a world must heal. Default 400. */
  readonly healingRounds: number;
  /** Whether to stop at the first failure. */
  readonly few: boolean;
  /** The file of worlds in which a rule was broken. They run first. Default: that of the sources. */
  readonly keptWorlds: string;
  /** Whether `figures` measures with the sizes of the long tests. */
  readonly full: boolean;
  /** Whether `figures` writes its table into docs/explanation/test-evidence.md. */
  readonly write: boolean;
  /** Links that are cut in one transfer, in each direction. Default 5,000. */
  readonly cuts: number;
  /** The distance in bytes between two cuts: with 2, the link is cut at every second byte. Default 1. */
  readonly step: number;
  /** The number of resumptions of a session. Default 10,000. */
  readonly resumes: number;
  /** The rounds of repeated measurements. Default 10. */
  readonly rounds: number;
  /** Kills of `serpy record`, and of `serpy view --record`. Default 100. */
  readonly kills: number;
  /** The length of `view-hour`. Default 60. */
  readonly minutes: number;
  /** What an earlier run with the same settings has done already. */
  readonly progress: Progress;
}

/** The named parts, and the settings. */
export function readArguments(args: readonly string[]): { parts: readonly string[]; settings: Settings } {
  const { values, positionals } = parseArgs({
    args: [...args],
    allowPositionals: true,
    options: {
      inputs: { type: 'string', default: '200000000' },
      live: { type: 'string', default: '100000' },
      seed: { type: 'string', default: '1' },
      target: { type: 'string' },
      threads: { type: 'string', default: String(availableParallelism()) },
      'hang-ms': { type: 'string', default: '10000' },
      kept: { type: 'string', default: 'test/fuzz/kept.json' },
      lives: { type: 'string', default: '3000' },
      worlds: { type: 'string', default: '500000' },
      'healing-rounds': { type: 'string', default: '400' },
      few: { type: 'boolean', default: false },
      'kept-worlds': { type: 'string', default: 'packages/serpy-v2/test/session/simulation/kept.json' },
      write: { type: 'boolean', default: false },
      full: { type: 'boolean', default: false },
      cuts: { type: 'string', default: '5000' },
      step: { type: 'string', default: '1' },
      resumes: { type: 'string', default: '10000' },
      rounds: { type: 'string', default: '10' },
      kills: { type: 'string', default: '100' },
      minutes: { type: 'string', default: '60' },
      restart: { type: 'boolean', default: false },
      progress: { type: 'string' },
    },
  });
  const settings = {
    inputs: count(values.inputs, '--inputs'),
    live: count(values.live, '--live'),
    seed: count(values.seed, '--seed'),
    target: values.target,
    threads: count(values.threads, '--threads'),
    hangMs: count(values['hang-ms'], '--hang-ms'),
    kept: values.kept,
    lives: count(values.lives, '--lives'),
    worlds: count(values.worlds, '--worlds'),
    healingRounds: count(values['healing-rounds'], '--healing-rounds'),
    few: values.few,
    keptWorlds: values['kept-worlds'],
    full: values.full,
    write: values.write,
    cuts: count(values.cuts, '--cuts'),
    step: Math.max(1, count(values.step, '--step')),
    resumes: count(values.resumes, '--resumes'),
    rounds: count(values.rounds, '--rounds'),
    kills: count(values.kills, '--kills'),
    minutes: count(values.minutes, '--minutes'),
    progress: new Progress(values.progress ?? progressFile(args), values.restart),
  };
  return { parts: positionals, settings };
}

/** Each command line has a file of its own. */
function progressFile(args: readonly string[]): string {
  const name = args.filter((each) => each !== '--restart').join(' ');
  return `test/long/dist/progress-${createHash('sha256').update(name).digest('hex').slice(0, 16)}.json`;
}

function count(text: string, name: string): number {
  const value = Number(text.replaceAll(/[_,]/g, ''));
  if (!Number.isSafeInteger(value) || value < 0) throw new Error(`${name} takes a whole number, not ${text}`);
  return value;
}
