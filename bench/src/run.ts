/** A run: chooses peers and workloads, and measures each of them in each round. */
import { spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { measureImports } from './imports.js';
import { describeMachine } from './machine.js';
import { measure, type Sample } from './measure.js';
import type { Peer } from './peer.js';
import { peers as allPeers } from './peers/index.js';
import { type Results, type Row, summarize } from './results.js';
import { findCore } from './worker-process.js';
import { workloads as allWorkloads, type Workload } from './workload.js';

/** The name of the microbenchmarks in `--only`. */
export const microName = 'micro';

export interface Plan {
  readonly full: boolean;
  /** Names of workloads. If empty, those of the short or full run. */
  readonly only: readonly string[];
  /** Names of peers. If empty, all. */
  readonly peers: readonly string[];
  readonly rounds: number;
  readonly seconds: number;
  /** Called with a description of each step. */
  progress(text: string): void;
  /** Called with all results so far, after each round. */
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
  const date = new Date().toISOString();
  const { versions, skipped } = await findPeers(plan);
  const jobs = listJobs(plan, (name) => name in versions);
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
    plan.measured({
      date,
      command,
      machine: describeMachine(),
      rounds: round + 1,
      seconds: plan.seconds,
      versions,
      skipped,
      workloads: collect(jobs),
      micro: [...(micro ?? [])].map(([peer, samples]) => ({ peer, samples, errors: [] })),
    });
  }
}

async function findPeers(plan: Plan) {
  const asked = allPeers.filter(({ name }) => plan.peers.length === 0 || plan.peers.includes(name));
  const found = await Promise.all(asked.map(async ({ name, available }) => ({ name, is: await available() })));
  const pairs = <T>(pick: (is: (typeof found)[number]['is']) => T | undefined) =>
    Object.fromEntries(found.flatMap(({ name, is }) => (pick(is) === undefined ? [] : [[name, pick(is) as T]])));
  return {
    versions: pairs((is) => ('version' in is ? is.version : undefined)),
    skipped: pairs((is) => ('missing' in is ? is.missing : undefined)),
  };
}

function listJobs(plan: Plan, isThere: (peer: string) => boolean): Job[] {
  return allWorkloads
    .filter(({ name, short }) => (plan.only.length > 0 ? plan.only.includes(name) : plan.full || short.length > 0))
    .flatMap((workload) =>
      allPeers
        .filter(({ name, kinds }) => isThere(name) && kinds.includes(workload.kind))
        .filter(({ name }) => plan.peers.length > 0 || isWanted(name, workload, plan))
        .map((peer) => ({ workload, peer, samples: [], errors: [] })),
    );
}

function isWanted(peer: string, { peers, short }: Workload, { full, only }: Plan): boolean {
  if (peers && !peers.includes(peer)) return false;
  return full || only.length > 0 || short.includes(peer);
}

/** Measures once. An error is recorded, and the run continues. */
async function runJob({ workload, peer, samples, errors }: Job, plan: Plan, core: string | undefined): Promise<void> {
  const seconds = workload.seconds ? workload.seconds[plan.full ? 'full' : 'short'] : plan.seconds;
  const warmUpSeconds = Math.max(minWarmUpSeconds, plan.seconds * warmUpShare);
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

function collect(jobs: readonly Job[]): Results['workloads'] {
  const done = [...new Set(jobs.map(({ workload }) => workload))];
  return done.map((workload) => {
    const rows: Row[] = jobs
      .filter((job) => job.workload === workload)
      .map(({ peer, samples, errors }) => ({ peer: peer.name, samples, errors }));
    return { workload, rows, summary: summarize({ workload, rows }) };
  });
}
