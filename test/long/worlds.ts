/** A thread that runs worlds one after another, and reports those in which a rule was broken. */
import { parentPort, workerData } from 'node:worker_threads';
import { World } from '../../packages/serpy-v2/test/session/simulation/world.js';

/** The task of a thread. */
export interface WorldShift {
  readonly seeds: readonly number[];
  readonly events: number;
  readonly rounds: number;
  /** The number of failures after which it stops. */
  readonly mostFailures: number;
}

export interface WorldFailure {
  readonly seed: number;
  readonly why: string;
}

export interface WorldShiftReport {
  readonly worlds: number;
  readonly sent: number;
  readonly links: number;
  readonly resumes: number;
  readonly failures: readonly WorldFailure[];
}

function run({ seeds, events, rounds, mostFailures }: WorldShift): WorldShiftReport {
  const failures: WorldFailure[] = [];
  const sums = { worlds: 0, sent: 0, links: 0, resumes: 0 };
  Error.stackTraceLimit = 0; // links break very often, and their stack traces are not used
  for (const seed of seeds) {
    sums.worlds++;
    try {
      const { sent, links, resumes } = new World(seed, events, rounds).run();
      sums.sent += sent;
      sums.links += links;
      sums.resumes += resumes;
    } catch (error) {
      failures.push({ seed, why: String((error as Error).message) });
      if (failures.length >= mostFailures) break;
    }
  }
  return { ...sums, failures };
}

parentPort?.postMessage(run(workerData as WorldShift));
