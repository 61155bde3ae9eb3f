/** Measures the rows of the table of targets. */
import { spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { measure, type Sample } from './measure.js';
import { findPeer } from './peers/index.js';
import { type Row, ratioOf } from './results.js';
import { median } from './statistics.js';
import type { Processes, TargetResult } from './target-results.js';
import { elsewhere, frozenReader, type RatioTarget, ratioTargets, resume, slowReader } from './targets.js';
import { measureWarm, type WarmPlan } from './warm.js';
import { findCore } from './worker-process.js';
import { type Workload, workloads } from './workload.js';

export interface TargetPlan extends Omit<WarmPlan, 'base'> {
  /** Names of targets. If empty, all. */
  readonly only: readonly string[];
  /** Rounds of fresh processes. */
  readonly rounds: number;
  /** The time of each measurement in fresh processes, instead of the usual one of each row. */
  readonly seconds: number | undefined;
  /** Called after each row. */
  measured(rows: readonly TargetResult[]): void;
}

/** The time of a ratio in fresh processes. */
const firstHalfSecond = 0.5;

/** Rounds of thousands of connections: their memory hardly varies. */
const maxIdleRounds = 3;

export async function measureTargets(plan: TargetPlan): Promise<readonly TargetResult[]> {
  const rows: TargetResult[] = [];
  const isWanted = (name: string) => plan.only.length === 0 || plan.only.includes(name);
  const add = (...more: readonly TargetResult[]) => {
    rows.push(...more);
    plan.measured(rows);
  };
  const measured = new Map<string, Promise<readonly Row[]>>();
  for (const target of ratioTargets.filter(({ name }) => isWanted(name))) {
    for (const processes of ['warm', 'fresh'] as const) {
      const bound = target[processes];
      if (bound !== undefined) add(await ratioRow(target, processes, bound, plan, measured));
    }
  }
  if (isWanted(slowReader.name)) for (const peer of slowReader.peers) add(...(await slowReaderRows(peer, plan)));
  if (isWanted(frozenReader.name)) for (const peer of frozenReader.peers) add(await frozenRow(peer, plan));
  if (isWanted(resume.name)) add(resumeRow(plan));
  if (isWanted('lines')) add(...elsewhere);
  return rows;
}

/** @param measured the rows of earlier targets: several compare the same processes */
async function ratioRow(
  target: RatioTarget,
  processes: Processes,
  bound: number,
  plan: TargetPlan,
  measured: Map<string, Promise<readonly Row[]>>,
): Promise<TargetResult> {
  const { name, what, aim, peer, base, number } = target;
  const key = JSON.stringify([processes, target.workload, peer, base]);
  const workload = withinLimits(workloadOf(target.workload));
  const rows = measured.get(key) ?? measurePair(workload, [base, peer], processes, plan);
  measured.set(key, rows);
  const [reference, row] = await rows;
  const neighbors = (round: number) => (processes === 'warm' ? [round, round + 1] : [round]);
  const ratio = ratioOf(number, row?.samples ?? [], reference?.samples ?? [], neighbors);
  const errors = [...(reference?.errors ?? []), ...(row?.errors ?? [])];
  const fewer = workload.connections < workloadOf(target.workload).connections;
  const note = errors[0] ?? (fewer ? `at ${workload.connections} connections: the limit of open files` : undefined);
  return { name, what, processes, measured: ratio?.median, unit: '', target: bound, aim, moreIsBetter: false, note };
}

async function measurePair(
  workload: Workload,
  names: readonly string[],
  processes: Processes,
  plan: TargetPlan,
): Promise<readonly Row[]> {
  const missing = await missingOf(names);
  if (missing) return names.map((peer) => ({ peer, samples: [], errors: [missing] }));
  if (processes === 'fresh') return await measureFresh(names, workload, plan);
  const peers = names.map(findPeer).filter((peer) => peer !== undefined);
  return (await measureWarm(workload, peers, { ...plan, base: names[0] ?? '' })).rows;
}

/** Alternates between the peers, as a run in fresh processes does. */
async function measureFresh(names: readonly string[], workload: Workload, plan: TargetPlan): Promise<readonly Row[]> {
  const rows = names.map((peer) => ({ peer, samples: [] as (Sample | undefined)[], errors: [] as string[] }));
  const rounds = workload.kind === 'idle' ? Math.min(plan.rounds, maxIdleRounds) : plan.rounds;
  for (let round = 0; round < rounds; round++) {
    for (const { peer, samples, errors } of rows) {
      plan.progress(`fresh: ${workload.name}, ${peer}, round ${round + 1} of ${rounds}`);
      const { sample, error } = await measureOnce(peer, workload, plan.seconds ?? firstHalfSecond, 0);
      samples.push(sample);
      if (error) errors.push(error);
    }
  }
  return rows;
}

async function slowReaderRows(peer: string, plan: TargetPlan): Promise<readonly TargetResult[]> {
  const seconds = plan.seconds ?? slowReader.seconds;
  plan.progress(`slow reader: ${peer}, ${seconds} s`);
  const { sample, error } = await measureOnce(peer, workloadOf('slow-reader'), seconds, 0);
  const row = { name: slowReader.name, unit: 'MiB', moreIsBetter: false, note: error };
  const what = `slow reader for ${seconds} s, ${peer}: growth of the sender`;
  return [
    { ...row, what, measured: sample?.growthMiB, target: slowReader.maxGrowthMiB },
    {
      ...row,
      what: `${what} after ${Math.round(seconds / 3)} s`,
      measured: sample?.laterGrowthMiB,
      target: slowReader.maxLaterGrowthMiB,
    },
  ];
}

async function frozenRow(peer: string, plan: TargetPlan): Promise<TargetResult> {
  const { name, minRatio, warmUpSeconds } = frozenReader;
  const ratios: number[] = [];
  let note: string | undefined;
  for (let round = 0; round < plan.rounds && note === undefined; round++) {
    const rates: number[] = [];
    for (const workload of frozenReader.workloads) {
      plan.progress(`${workload}: ${peer}, round ${round + 1} of ${plan.rounds}`);
      const seconds = plan.seconds ?? frozenReader.seconds;
      const { sample, error } = await measureOnce(peer, workloadOf(workload), seconds, warmUpSeconds);
      rates.push(sample?.messagesPerSecond ?? Number.NaN);
      note ??= error;
    }
    ratios.push((rates[0] ?? Number.NaN) / (rates[1] ?? Number.NaN));
  }
  const measured = note === undefined ? median(ratios) : undefined;
  const what = `broadcast to 1,000, ${peer}: rate while one more is frozen ÷ while it reads`;
  return { name, what, measured, unit: '', target: minRatio, moreIsBetter: true, note };
}

function resumeRow(plan: TargetPlan): TargetResult {
  plan.progress('resume');
  const file = fileURLToPath(new URL('resume.js', import.meta.url));
  const { stdout, stderr, status } = spawnSync(process.execPath, [file, String(resume.times)], { encoding: 'utf8' });
  const row = { name: resume.name, what: 'resume after the link is back, median on loopback', moreIsBetter: false };
  const measured = status === 0 ? (JSON.parse(stdout) as { medianMs: number }).medianMs : undefined;
  const note = status === 0 ? undefined : stderr.trim().split('\n').at(-1);
  return { ...row, measured, unit: 'ms', target: resume.maxMs, note };
}

async function measureOnce(name: string, workload: Workload, seconds: number, warmUpSeconds: number) {
  try {
    const peer = findPeer(name);
    if (peer === undefined) throw new Error(`there is no peer ${name}`);
    return { sample: await measure({ peer, workload, seconds, warmUpSeconds, core: findCore() }), error: undefined };
  } catch (error) {
    return { sample: undefined, error: (error as Error).message };
  }
}

/** The reason why a peer cannot run here. */
async function missingOf(names: readonly string[]): Promise<string | undefined> {
  for (const name of names) {
    const found = await findPeer(name)?.available();
    if (found && 'missing' in found) return `${name}: ${found.missing}`;
  }
  return undefined;
}

function workloadOf(name: string): Workload {
  const found = workloads.find((workload) => workload.name === name);
  if (found === undefined) throw new Error(`there is no workload ${name}`);
  return found;
}

/** Files that a process opens besides its connections. */
const otherFiles = 100;

/** Fewer connections where the system allows a process fewer open files. Node raises its own limit up to that of the system. */
function withinLimits(workload: Workload): Workload {
  if (workload.kind !== 'idle') return workload;
  const { stdout } = spawnSync('sh', ['-c', 'ulimit -Hn'], { encoding: 'utf8' });
  const limit = Number(stdout);
  return limit > 0 ? { ...workload, connections: Math.min(workload.connections, limit - otherFiles) } : workload;
}
