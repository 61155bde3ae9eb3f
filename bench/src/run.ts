/** A run: measures peers under workloads in fresh and in warm processes, and the rows of the table of targets. */
import { spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { measureImports } from './imports.js';
import { describeMachine } from './machine.js';
import { measure, type Sample } from './measure.js';
import { measureTargets } from './measure-targets.js';
import type { Peer } from './peer.js';
import { type Results, type Row, summarize, type WarmResults } from './results.js';
import { type Found, findPeers, type Selection, selectJobs } from './select.js';
import { isRepeatable, measureWarm } from './warm.js';
import { findCore } from './worker-process.js';
import type { Workload } from './workload.js';

/** The name of the microbenchmarks in `--only`. */
export const microName = 'micro';

export interface Plan extends Selection {
  /** The parts of the run. */
  readonly fresh: boolean;
  readonly warm: boolean;
  readonly targets: boolean;
  /** Names of targets. If empty, all. */
  readonly onlyTargets: readonly string[];
  readonly rounds: number;
  readonly seconds: number;
  /** Fresh processes without a warm-up. */
  readonly firstHalfSecond: boolean;
  readonly windows: number;
  readonly windowSeconds: number;
  /** The peer to which the others are compared. */
  readonly base: string;
  /** The time of each measurement of a target in fresh processes, instead of the usual one. */
  readonly targetSeconds: number | undefined;
  /** Called with a description of each step. */
  progress(text: string): void;
  /** Called with all results so far. */
  measured(results: Results): void;
}

interface Job {
  readonly workload: Workload;
  readonly peer: Peer;
  readonly samples: (Sample | undefined)[];
  readonly errors: string[];
}

/** The warm-up, as a share of the measured time: at least `minWarmUpSeconds`, so that V8 can compile hot code. */
const warmUpShare = 0.3;
const minWarmUpSeconds = 0.1;

/** The time of each microbenchmark, as a share of the time of a measurement with processes. */
const microShare = 0.5;

export async function run(plan: Plan, command: string): Promise<void> {
  const found = await findPeers(plan.peers);
  let results: Results = {
    date: new Date().toISOString(),
    command,
    machine: describeMachine(),
    ...found,
    rounds: 0,
    seconds: plan.seconds,
    firstHalfSecond: plan.firstHalfSecond,
    base: plan.base,
    workloads: [],
    micro: [],
  };
  const measured = (more: Partial<Results>) => {
    results = { ...results, ...more };
    plan.measured(results);
  };
  measured({});
  if (plan.fresh) await runFresh(plan, found, measured);
  if (plan.warm) await runWarm(plan, found, (warm) => measured({ warm }));
  if (plan.targets) {
    const { windows, windowSeconds, rounds, progress, onlyTargets: only, targetSeconds: seconds } = plan;
    const targetPlan = { windows, windowSeconds, rounds, progress, only, seconds };
    await measureTargets({ ...targetPlan, measured: (targets) => measured({ targets: [...targets] }) });
  }
}

async function runFresh(plan: Plan, found: Found, measured: (more: Partial<Results>) => void): Promise<void> {
  const jobs: Job[] = selectJobs(plan, found).flatMap(({ workload, peers }) =>
    peers.map((peer) => ({ workload, peer, samples: [], errors: [] })),
  );
  const micro = plan.only.length === 0 || plan.only.includes(microName) ? new Map<string, Sample[]>() : undefined;
  const core = findCore();
  for (let round = 0; round < plan.rounds; round++) {
    for (const job of jobs) {
      if (round > 0 && job.workload.once) continue;
      plan.progress(`round ${round + 1} of ${plan.rounds}: ${job.workload.name}, ${job.peer.name}`);
      await runJob(job, plan, core);
    }
    if (micro) {
      plan.progress(`round ${round + 1} of ${plan.rounds}: ${microName}`);
      runMicro(plan.seconds * microShare, micro);
    }
    measured({
      rounds: round + 1,
      workloads: collect(jobs, plan.base),
      micro: [...(micro ?? [])].map(([peer, samples]) => ({ peer, samples, errors: [] })),
    });
  }
}

async function runWarm(plan: Plan, found: Found, measured: (warm: WarmResults) => void): Promise<void> {
  const { windows, windowSeconds, base } = plan;
  const workloads = [];
  for (const { workload, peers } of selectJobs(plan, found)) {
    if (!isRepeatable(workload)) continue;
    workloads.push(await measureWarm(workload, peers, plan));
    measured({ windows, windowSeconds, base, workloads: [...workloads] });
  }
}

/** Measures once. An error is recorded, and the run continues. */
async function runJob({ workload, peer, samples, errors }: Job, plan: Plan, core: string | undefined): Promise<void> {
  const seconds = workload.seconds ? workload.seconds[plan.full ? 'full' : 'short'] : plan.seconds;
  const warmUpSeconds = plan.firstHalfSecond ? 0 : Math.max(minWarmUpSeconds, plan.seconds * warmUpShare);
  try {
    samples.push(await measure({ peer, workload, seconds, warmUpSeconds, core }));
  } catch (error) {
    samples.push(undefined);
    errors.push((error as Error).message);
  }
}

function runMicro(seconds: number, samples: Map<string, Sample[]>): void {
  const file = fileURLToPath(new URL('micro.js', import.meta.url));
  const { stdout, stderr, status } = spawnSync(process.execPath, [file, String(seconds)], { encoding: 'utf8' });
  if (status !== 0) throw new Error(`the microbenchmarks failed: ${stderr}`);
  for (const [name, sample] of [...(JSON.parse(stdout) as [string, Sample][]), ...measureImports()]) {
    samples.set(name, [...(samples.get(name) ?? []), sample]);
  }
}

function collect(jobs: readonly Job[], base: string): Results['workloads'] {
  const done = [...new Set(jobs.map(({ workload }) => workload))];
  return done.map((workload) => {
    const rows: Row[] = jobs
      .filter((job) => job.workload === workload)
      .map(({ peer, samples, errors }) => ({ peer: peer.name, samples, errors }));
    return { workload, rows, summary: summarize({ workload, rows }, base) };
  });
}
