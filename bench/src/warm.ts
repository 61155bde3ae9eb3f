/**
 * Warm processes: those of all peers of a workload stay, and are measured in short windows that alternate between them (A B C A B C …).
 * A ratio compares each window with those of the base before and after it, so that a machine whose speed changes does not matter.
 */
import type { Sample } from './measure.js';
import { Pair } from './pair.js';
import type { Peer } from './peer.js';
import { type Row, summarizeWindows, type WorkloadResult, type WorkloadSummary } from './results.js';
import { findCore } from './worker-process.js';
import type { Kind, Workload } from './workload.js';

export interface WarmPlan {
  /** Windows of each peer. */
  readonly windows: number;
  readonly windowSeconds: number;
  /** The peer to which the others are compared. */
  readonly base: string;
  /** Called with a description of each step. */
  progress(text: string): void;
}

/** The warm-up of each pair, in which V8 compiles, in windows. */
const warmUpWindows = 4;

/** Kinds that cannot be repeated in the same processes. */
const notRepeatable: readonly Kind[] = ['idle', 'slow-reader', 'paced-broadcast'];

export function isRepeatable({ kind }: Workload): boolean {
  return !notRepeatable.includes(kind);
}

interface Lane {
  readonly peer: Peer;
  /** Undefined after a failure. */
  pair: Pair | undefined;
  readonly samples: (Sample | undefined)[];
  readonly errors: string[];
}

export async function measureWarm(
  workload: Workload,
  peers: readonly Peer[],
  plan: WarmPlan,
): Promise<WorkloadSummary> {
  const lanes: Lane[] = peers.map((peer) => ({ peer, pair: undefined, samples: [], errors: [] }));
  try {
    for (const lane of lanes) await guard(lane, () => warm(lane, workload, plan));
    for (let window = 0; window < plan.windows; window++) {
      plan.progress(`warm: ${workload.name}, window ${window + 1} of ${plan.windows}`);
      for (const lane of lanes) await guard(lane, () => measureWindow(lane, plan.windowSeconds));
    }
  } finally {
    for (const { pair } of lanes) await pair?.end();
  }
  const rows: Row[] = lanes.map(({ peer, samples, errors }) => ({ peer: peer.name, samples, errors }));
  const result: WorkloadResult = { workload, rows };
  return { ...result, summary: summarizeWindows(result, plan.base) };
}

async function warm(lane: Lane, workload: Workload, plan: WarmPlan): Promise<void> {
  plan.progress(`warm: ${workload.name}, ${lane.peer.name}`);
  lane.pair = await Pair.start(lane.peer, workload, findCore());
  await lane.pair.warmUp(warmUpWindows * plan.windowSeconds);
}

async function measureWindow({ pair, samples }: Lane, seconds: number): Promise<void> {
  if (pair) samples.push(await pair.run(seconds));
}

/** Records an error, and ends the lane in which it occurred. */
async function guard(lane: Lane, run: () => Promise<void>): Promise<void> {
  try {
    await run();
  } catch (error) {
    lane.errors.push((error as Error).message);
    await lane.pair?.end();
    lane.pair = undefined;
  }
}
