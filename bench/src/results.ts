/** The results of a run: every sample, and their summaries. */
import type { Machine } from './machine.js';
import { headline, type Sample } from './measure.js';
import { mean, median } from './statistics.js';
import type { TargetResult } from './target-results.js';
import type { Workload } from './workload.js';

/** One peer under one workload, with a sample per round or window; undefined if it failed. */
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

export type WorkloadSummary = WorkloadResult & { readonly summary: readonly Summary[] };

/** The results of warm processes. */
export interface WarmResults {
  readonly windows: number;
  readonly windowSeconds: number;
  readonly base: string;
  readonly workloads: readonly WorkloadSummary[];
}

/** The file that `--json` writes. */
export interface Results {
  readonly date: string;
  readonly command: string;
  readonly machine: Machine;
  /** The version of the library of each peer. */
  readonly versions: Readonly<Record<string, string>>;
  /** The reason why a peer did not run. */
  readonly skipped: Readonly<Record<string, string>>;
  /** Fresh processes: this and the following. */
  readonly rounds: number;
  readonly seconds: number;
  /** Whether the processes were measured without a warm-up. Missing in older files. */
  readonly firstHalfSecond?: boolean;
  /** The peer to which the others are compared. Missing in older files: `raw`. */
  readonly base?: string;
  readonly workloads: readonly WorkloadSummary[];
  readonly micro: readonly Row[];
  readonly warm?: WarmResults;
  readonly targets?: readonly TargetResult[];
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
  /** The number by which the workload is compared, relative to the base in the same round, or in the windows before and after. */
  readonly ratio: Spread | undefined;
  /** The same of the CPU time per message. Missing in older files. */
  readonly cpuRatio?: Spread | undefined;
}

export function spreadOf(numbers: readonly number[]): Spread | undefined {
  if (numbers.length === 0) return undefined;
  return { median: median(numbers), min: Math.min(...numbers), max: Math.max(...numbers) };
}

/** The rounds of the base with which a round is compared. */
type Neighbors = (round: number) => readonly number[];

/** Fresh processes: each round is compared with the same round of the base. */
export function summarize(result: WorkloadResult, base: string): Summary[] {
  return summarizeWith(result, base, () => (round) => [round]);
}

/** Warm processes: the windows of a round follow each other in the order of the rows. */
export function summarizeWindows(result: WorkloadResult, base: string): Summary[] {
  return summarizeWith(result, base, (row, baseRow) => {
    if (row === baseRow) return (round) => [round];
    return row > baseRow ? (round) => [round, round + 1] : (round) => [round - 1, round];
  });
}

function summarizeWith(
  { workload, rows }: WorkloadResult,
  base: string,
  neighborsOf: (row: number, baseRow: number) => Neighbors,
): Summary[] {
  const { name } = headline(workload);
  const baseRow = rows.findIndex(({ peer }) => peer === base);
  const reference = rows[baseRow]?.samples ?? [];
  return rows.map(({ peer, samples }, row) => {
    const neighbors = neighborsOf(row, baseRow);
    return {
      peer,
      numbers: numbersOf(samples),
      ratio: ratioOf(name, samples, reference, neighbors),
      cpuRatio: ratioOf('cpuSecondsPerMillion', samples, reference, neighbors),
    };
  });
}

/** The results with the summaries alone: a published file has a tenth of the size. Rows with errors stay. */
export function withoutSamples(results: Results): Results {
  const summaries = (workloads: readonly WorkloadSummary[]) =>
    workloads.map((each) => ({ ...each, rows: each.rows.filter(hasErrors).map((row) => ({ ...row, samples: [] })) }));
  const { workloads, warm } = results;
  return {
    ...results,
    workloads: summaries(workloads),
    ...(warm && { warm: { ...warm, workloads: summaries(warm.workloads) } }),
  };
}

function hasErrors({ errors }: Row): boolean {
  return errors.length > 0;
}

/** The ratio of a number to that of the base, as the spread over all rounds. */
export function ratioOf(
  name: NumberName,
  samples: readonly (Sample | undefined)[],
  reference: readonly (Sample | undefined)[],
  neighbors: Neighbors,
): Spread | undefined {
  const ratios = samples.map((sample, round) => {
    const near = neighbors(round).map((each) => reference[each]?.[name]);
    return (sample?.[name] ?? Number.NaN) / mean(near.filter((each) => each !== undefined));
  });
  return spreadOf(ratios.filter(Number.isFinite));
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
