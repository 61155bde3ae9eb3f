/** A thread that runs one shift of inputs. It can crash or hang without ending the campaign. */
import { parentPort, workerData } from 'node:worker_threads';
import { timedTargets } from './cost-targets.js';
import { type Failure, Inputs, type Tally } from './inputs.js';
import { runLive } from './live.js';
import { stumbling } from './stumbling.js';
import { targets } from './targets.js';
import { weigh } from './weigh.js';

/** The task of a thread. */
export interface Shift {
  readonly target: string;
  readonly seed: number;
  readonly from: number;
  readonly count: number;
  /** Kept inputs, which run instead of the inputs of these indices. */
  readonly kept?: readonly { readonly index: number; readonly input: string }[];
  /** Receives the index of the current input. It is the only information about a thread that hangs. */
  readonly progress: SharedArrayBuffer;
}

/** The result of a shift. */
export interface ShiftReport {
  readonly tally: Tally;
  readonly failures: readonly Failure[];
  /** Memory of the process, at the start and at the end. */
  readonly rssBefore: number;
  readonly rssAfter: number;
  /** Memory held per byte of partial messages. */
  readonly heldPerByte: number | undefined;
  /** The longest round trip of the valid client, for live targets. */
  readonly longestTripMs: number | undefined;
}

/** The share of a shift after which everything that exists only once is allocated. */
const warmShare = 0.1;

// Most inputs end in an error, and their stack traces would take most of the time. A replay has them.
Error.stackTraceLimit = 0;

const shift = workerData as Shift;
const at = new Float64Array(shift.progress);

async function work(): Promise<ShiftReport> {
  const { target: name, seed, from, count, kept } = shift;
  const warmAt = from + Math.floor(count * warmShare);
  let rssBefore = process.memoryUsage.rss();
  if (name.startsWith('live-')) {
    const { inputs, longestTripMs } = await runLive(shift, (index) => {
      at[0] = index;
      if (index === warmAt) rssBefore = process.memoryUsage.rss();
    });
    return report(inputs, rssBefore, undefined, longestTripMs);
  }
  const target = [...targets, ...timedTargets, ...stumbling].find((each) => each.name === name);
  if (!target) throw new Error(`there is no target ${name}`);
  const inputs = new Inputs(target, seed);
  if (kept) {
    for (const { index, input } of kept) {
      at[0] = index;
      inputs.runBytes(Buffer.from(input, 'hex'), index);
    }
    return report(inputs, rssBefore, undefined, undefined);
  }
  for (let index = from; index < from + count && !inputs.over; index++) {
    at[0] = index;
    inputs.run(index);
    if (index === warmAt) rssBefore = process.memoryUsage.rss();
  }
  return report(inputs, rssBefore, weigh(name, seed), undefined);
}

function report(
  { tally, failures }: Inputs,
  rssBefore: number,
  heldPerByte: number | undefined,
  longestTripMs: number | undefined,
): ShiftReport {
  return { tally, failures, rssBefore, rssAfter: process.memoryUsage.rss(), heldPerByte, longestTripMs };
}

parentPort?.postMessage(await work());
