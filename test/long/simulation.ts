/** Sessions of both ends in worlds that depend on a seed, in several threads. */
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { Worker } from 'node:worker_threads';
import { World } from '../../packages/serpy-v2/test/session/simulation/world.js';
import type { Settings } from './settings.js';
import { table } from './table.js';
import type { WorldFailure, WorldShift, WorldShiftReport } from './worlds.js';

export const eventsPerWorld = 200;
const worldsPerShift = 500;
const mostFailures = 20;
/** If the first failure ends the run, shifts are short, and the worlds run in order. */
const worldsPerShortShift = 50;

/** Runs worlds in a separate thread. A thread without progress hangs. */
export function runWorlds(shift: WorldShift, worker: URL, hangMs: number): Promise<WorldShiftReport> {
  const thread = new Worker(worker, { workerData: shift });
  const nothing = { worlds: 0, sent: 0, links: 0, resumes: 0 };
  return new Promise<WorldShiftReport>((resolve) => {
    const lost = (why: string) => resolve({ ...nothing, failures: [{ seed: shift.seeds[0] ?? 0, why }] });
    const watch = setTimeout(() => lost(`the thread got no further, in one of ${shift.seeds.length} worlds`), hangMs);
    thread.once('message', (report: WorldShiftReport) => resolve(report));
    thread.once('error', (error) => lost(`the thread threw ${error}`));
    thread.once('exit', () => clearTimeout(watch));
  }).finally(() => thread.terminate());
}

export interface WorldsReport extends Omit<WorldShiftReport, 'failures'> {
  readonly failures: readonly WorldFailure[];
  readonly seconds: number;
}

/** Runs the worlds, the kept ones first. */
export async function measureWorlds({
  worlds,
  seed,
  threads,
  keptWorlds,
  hangMs,
  few,
  healingRounds,
  progress,
}: Settings): Promise<WorldsReport> {
  const startMs = performance.now();
  const kept = readKept(keptWorlds);
  const worker = new URL('./worlds.mjs', import.meta.url);
  const shifts = [kept.map((each) => each.seed)];
  const most = few ? 1 : mostFailures;
  const perShift = few ? worldsPerShortShift : worldsPerShift;
  for (let from = seed; from < seed + worlds; from += perShift) {
    const count = Math.min(perShift, seed + worlds - from);
    shifts.push(Array.from({ length: count }, (_, i) => from + i));
  }
  const reports: WorldShiftReport[] = [];
  const failures = () => reports.flatMap((report) => report.failures);
  const run = (seeds: readonly number[]) =>
    runWorlds({ seeds, events: eventsPerWorld, rounds: healingRounds, mostFailures: most }, worker, hangMs * 30);
  const work = async () => {
    for (let seeds = shifts.shift(); seeds !== undefined; seeds = shifts.shift()) {
      if (failures().length >= most) return;
      const shift = seeds;
      const key = `worlds ${shift[0]} to ${shift.at(-1)}, ${healingRounds} rounds`;
      reports.push(await progress.once(key, () => run(shift), isWithoutFailures));
    }
  };
  await Promise.all(Array.from({ length: threads }, work));
  const sum = (name: 'worlds' | 'sent' | 'links' | 'resumes') =>
    reports.reduce((total, report) => total + report[name], 0);
  keepWorlds(keptWorlds, failures());
  return {
    worlds: sum('worlds'),
    sent: sum('sent'),
    links: sum('links'),
    resumes: sum('resumes'),
    failures: failures(),
    seconds: (performance.now() - startMs) / 1000,
  };
}

/** Failures are found again by the next run. */
function isWithoutFailures({ failures }: WorldShiftReport): boolean {
  return failures.length === 0;
}

/** Runs the worlds and prints the results. @returns whether no rule was broken */
export async function simulation(settings: Settings): Promise<boolean> {
  const { worlds, sent, links, resumes, failures, seconds } = await measureWorlds(settings);
  console.log('\nsimulation: the sessions of both ends by themselves, in worlds with faults of their own');
  const headings = ['worlds', 'events', 'messages', 'links', 'resumed', 'rules broken', 's'];
  const row = [worlds, worlds * eventsPerWorld, sent, links, resumes, failures.length, Math.round(seconds)];
  for (const { seed, why } of failures) {
    console.log(`\nworld ${seed}: ${why}\n  again: npm run test:long -- replay world:${seed}`);
  }
  console.log(table(headings, [row]));
  return failures.length === 0;
}

/** Runs one world again in this thread, for a debugger. */
export function replayWorld(seed: number): boolean {
  try {
    console.log(`world ${seed}:`, new World(seed, eventsPerWorld).run());
    return true;
  } catch (error) {
    console.log(`world ${seed}:`, error);
    return false;
  }
}

function readKept(file: string): WorldFailure[] {
  return existsSync(file) ? (JSON.parse(readFileSync(file, 'utf8')) as WorldFailure[]) : [];
}

function keepWorlds(file: string, failures: readonly WorldFailure[]): void {
  const kept = readKept(file);
  const more = failures.filter(({ seed }) => !kept.some((each) => each.seed === seed));
  if (more.length > 0) writeFileSync(file, `${JSON.stringify([...kept, ...more], undefined, 2)}\n`);
}
