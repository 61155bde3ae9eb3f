/** Distributes inputs to threads, detects threads that hang, and collects the results. */
import { Worker } from 'node:worker_threads';
import type { Failure } from './inputs.js';
import { mostHeldPerByte } from './target.js';
import type { Shift, ShiftReport } from './worker.js';

/** The inputs of one target to run. */
export interface Share {
  readonly target: string;
  readonly count: number;
}

export interface CampaignOptions {
  readonly seed: number;
  readonly threads: number;
  /** The path of the built worker.ts. */
  readonly worker: URL;
  /** Milliseconds that one input can take before its thread is terminated. Default 10,000. */
  readonly hangMs?: number;
}

/** The result of one target. */
export interface Row {
  readonly target: string;
  inputs: number;
  refused: number;
  messages: number;
  crashes: number;
  hangs: number;
  seconds: number;
  rssBefore: number;
  rssAfter: number;
  heldPerByte: number | undefined;
  longestTripMs: number | undefined;
  failures: Failure[];
}

const defaultHangMs = 10_000;

/** The progress of a thread that has not begun its first input. */
const notStarted = -1;

/** Milliseconds that a thread can take to start: it loads every package. */
const startLimitMs = 60_000;

/** Runs the inputs of one target, in at most `threads` threads. */
export async function runShare({ target, count }: Share, options: CampaignOptions): Promise<Row> {
  const startMs = performance.now();
  const each = Math.ceil(count / options.threads);
  const starts = Array.from({ length: options.threads }, (_, i) => i * each).filter((from) => from < count);
  const reports = await Promise.all(
    starts.map((from) => runShift({ target, from, count: Math.min(each, count - from), seed: options.seed }, options)),
  );
  return rowOf(target, reports, (performance.now() - startMs) / 1000);
}

/** Runs kept inputs again. */
export async function runKept(target: string, kept: Shift['kept'], options: CampaignOptions): Promise<Row> {
  const startMs = performance.now();
  const report = await runShift({ target, from: 0, count: 0, seed: options.seed, ...(kept && { kept }) }, options);
  return rowOf(target, [report], (performance.now() - startMs) / 1000);
}

/** The report of a shift. If the thread could not send one, the way it ended. */
type Outcome = { readonly report: ShiftReport } | { readonly lost: Failure; readonly how: 'crash' | 'hang' };

function rowOf(target: string, outcomes: readonly Outcome[], seconds: number): Row {
  const row: Row = {
    target,
    inputs: 0,
    refused: 0,
    messages: 0,
    crashes: 0,
    hangs: 0,
    seconds,
    rssBefore: 0,
    rssAfter: 0,
    heldPerByte: undefined,
    longestTripMs: undefined,
    failures: [],
  };
  for (const outcome of outcomes) {
    if ('lost' in outcome) {
      if (outcome.how === 'hang') row.hangs++;
      else row.crashes++;
      row.failures.push(outcome.lost);
      continue;
    }
    const { tally, failures, rssBefore, rssAfter, heldPerByte, longestTripMs } = outcome.report;
    row.inputs += tally.inputs;
    row.refused += tally.refused;
    row.messages += tally.messages;
    row.crashes += failures.length;
    row.failures.push(...failures);
    row.rssBefore = Math.max(row.rssBefore, rssBefore);
    row.rssAfter = Math.max(row.rssAfter, rssAfter);
    row.heldPerByte = larger(row.heldPerByte, heldPerByte);
    row.longestTripMs = larger(row.longestTripMs, longestTripMs);
    if (heldPerByte !== undefined && heldPerByte > mostHeldPerByte) {
      row.crashes++;
      const why = `it holds ${heldPerByte.toFixed(2)} bytes of memory for each byte that came`;
      row.failures.push({ target, seed: 0, index: 0, why, input: '' });
    }
  }
  return row;
}

function larger(a: number | undefined, b: number | undefined): number | undefined {
  return a === undefined || (b !== undefined && b > a) ? b : a;
}

async function runShift(shift: Omit<Shift, 'progress'>, options: CampaignOptions): Promise<Outcome> {
  const progress = new SharedArrayBuffer(8);
  const at = new Float64Array(progress).fill(notStarted);
  const lost = (why: string, how: 'crash' | 'hang'): Outcome => {
    const { target, seed } = shift;
    return { lost: { target, seed, index: Math.max(0, at[0] as number), why, input: '' }, how };
  };
  const worker = new Worker(options.worker, { workerData: { ...shift, progress } });
  let watch: NodeJS.Timeout | undefined;
  try {
    return await new Promise<Outcome>((resolve) => {
      worker.once('message', (report: ShiftReport) => resolve({ report }));
      worker.once('error', (error) => resolve(lost(`the thread threw ${error.stack ?? error}`, 'crash')));
      worker.once('exit', (code) => resolve(lost(`the thread ended with ${code}`, 'crash')));
      watch = watchProgress(at, options.hangMs ?? defaultHangMs, () => {
        resolve(lost('the thread got no further', 'hang'));
      });
    });
  } finally {
    clearInterval(watch);
    await worker.terminate();
  }
}

/** Calls back when the same input has run for this time. */
function watchProgress(at: Float64Array, hangMs: number, hangs: () => void): NodeJS.Timeout {
  let last = notStarted;
  let sinceMs = performance.now();
  return setInterval(() => {
    const now = performance.now();
    if (at[0] !== last) {
      last = at[0] as number;
      sinceMs = now;
    } else if (now - sinceMs > (last === notStarted ? startLimitMs : hangMs)) {
      hangs();
    }
  }, hangMs / 10);
}
