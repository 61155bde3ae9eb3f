/** The results of a run: every sample, and their summaries. */
import type { Machine } from './machine.js';
import { headline, type Sample } from './measure.js';
import { median } from './statistics.js';
import type { Workload } from './workload.js';

/** One peer under one workload, with a sample per round; undefined if the round failed. */
export interface Row {
  readonly peer: string;
  readonly samples: readonly (Sample | undefined)[];
  /** The errors of failed rounds. */
  readonly errors: readonly string[];
}

export interface WorkloadResult {
  readonly workload: Workload;
  readonly rows: readonly Row[];
}

/** The file that `--json` writes. */
export interface Results {
  readonly date: string;
  readonly command: string;
  readonly machine: Machine;
  readonly rounds: number;
  readonly seconds: number;
  /** The version of the library of each peer. */
  readonly versions: Readonly<Record<string, string>>;
  /** The reason why a peer did not run. */
  readonly skipped: Readonly<Record<string, string>>;
  readonly workloads: readonly (WorkloadResult & { readonly summary: readonly Summary[] })[];
  readonly micro: readonly Row[];
}

export type NumberName = Exclude<keyof Sample, 'rssMiB'>;

export interface Spread {
  readonly median: number;
  readonly min: number;
  readonly max: number;
}

/** The summary of a row. */
export interface Summary {
  readonly peer: string;
  readonly numbers: Readonly<Partial<Record<NumberName, Spread>>>;
  /** The number by which the workload is compared, relative to `raw` in the same round. */
  readonly ratio: Spread | undefined;
}

export function spreadOf(numbers: readonly number[]): Spread | undefined {
  if (numbers.length === 0) return undefined;
  return { median: median(numbers), min: Math.min(...numbers), max: Math.max(...numbers) };
}

export function summarize({ workload, rows }: WorkloadResult): Summary[] {
  const { name } = headline(workload);
  const raw = rows.find(({ peer }) => peer === 'raw');
  return rows.map(({ peer, samples }) => {
    const ratios = samples.map(
      (sample, round) => (sample?.[name] ?? Number.NaN) / (raw?.samples[round]?.[name] ?? Number.NaN),
    );
    return { peer, numbers: numbersOf(samples), ratio: spreadOf(ratios.filter(Number.isFinite)) };
  });
}

export function numbersOf(samples: readonly (Sample | undefined)[]): Partial<Record<NumberName, Spread>> {
  const names = new Set(samples.flatMap((sample) => Object.keys(sample ?? {})));
  names.delete('rssMiB');
  const spreads = [...names].map((name) => {
    const numbers = samples.map((sample) => sample?.[name as NumberName]).filter((each) => each !== undefined);
    return [name, spreadOf(numbers)];
  });
  return Object.fromEntries(spreads) as Partial<Record<NumberName, Spread>>;
}
