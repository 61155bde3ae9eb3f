/** A thread that runs one shift of inputs: it may crash or hang without taking the campaign with it. */
import { parentPort, workerData } from 'node:worker_threads';
import { timedTargets } from './cost-targets.js';
import { type Failure, Inputs, type Tally } from './inputs.js';
import { runLive } from './live.js';
import { stumbling } from './stumbling.js';
import { targets } from './targets.js';
import { weigh } from './weigh.js';

/** What a thread is to do. */
export interface Shift {
  readonly target: string;
  readonly seed: number;
  readonly from: number;
  readonly count: number;
  /** Bytes that are run instead of the inputs of these indices: kept ones. */
  readonly kept?: readonly { readonly index: number; readonly input: string }[];
  /** Where the index of the input at work is told: of a thread that hangs nothing else can be learnt. */
  readonly progress: SharedArrayBuffer;
}

/** What it came to. */
export interface ShiftReport {
  readonly tally: Tally;
  readonly failures: readonly Failure[];
  /** Memory of the process, early and at the end. */
  readonly rssBefore: number;
  readonly rssAfter: number;
  /** Memory held for each byte of messages that are not whole. */
  readonly heldPerByte: number | undefined;
  /** Of live targets: the longest that an honest message took. */
  readonly longestTripMs: number | undefined;
}

/** After so much of a shift all that is made once is made. */
const warmShare = 0.1;

// Most inputs end in an error: their stacks would take more time than all the rest. A replay has them.
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
