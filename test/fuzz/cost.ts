/** Bounds of the cost of reading: time and memory per received byte, plus a constant. */
import { readFileSync } from 'node:fs';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { RuleBroken, type Target } from './target.js';

/** A reader of bytes, with the code that uses its results. */
export interface CostTarget extends Omit<Target, 'run'> {
  /** Microseconds per byte. */
  readonly mostUsPerByte: number;
  /** Bytes of memory per byte, while the result is held. */
  readonly mostHeldPerByte: number;
  /** Reads an input and uses it. @returns what a program would hold; undefined if it is rejected */
  read(bytes: Buffer): unknown;
}

/** The constant that every input can take, because the first ones run before V8 has compiled the code. */
const alwaysUs = 30_000;
const alwaysHeldBytes = 2 * 2 ** 20;

/** Attempts, of which the fastest counts: the first run before compilation, and other programs share the caches. */
const attempts = 5;

/** The CPU time of this thread, if the system reports it; otherwise the elapsed time. */
function threadUs(): number {
  const { threadCpuUsage } = process as { threadCpuUsage?: () => NodeJS.CpuUsage };
  if (threadCpuUsage !== undefined) {
    const { user, system } = threadCpuUsage.call(process);
    return user + system;
  }
  try {
    return Number(readFileSync('/proc/thread-self/schedstat', 'latin1').split(' ')[0]) / 1000;
  } catch {
    return performance.now() * 1000;
  }
}

/** Reads an input, and throws if it takes too long. @returns whether it was accepted */
export function checkTime(target: CostTarget, bytes: Buffer): boolean {
  const mostUs = alwaysUs + target.mostUsPerByte * bytes.length;
  let fastestUs = Number.POSITIVE_INFINITY;
  let taken = false;
  for (let attempt = 0; attempt < attempts && fastestUs > mostUs; attempt++) {
    const startUs = threadUs();
    taken = target.read(bytes) !== undefined;
    fastestUs = Math.min(fastestUs, threadUs() - startUs);
    // No further attempt can be fast enough.
    if (fastestUs > 10 * mostUs) break;
  }
  if (fastestUs <= mostUs) return taken;
  throw new RuleBroken(
    `${bytes.length} bytes take ${Math.round(fastestUs / 1000)} ms, and may take ${Math.round(mostUs / 1000)}`,
  );
}

/** Reads an input and holds the result. Throws if that needs too much memory. */
export function checkWeight(target: CostTarget, bytes: Buffer): void {
  target.read(bytes.subarray(0, 0)); // allocates what exists only once
  const before = weight();
  const held = target.read(bytes);
  const heldBytes = weight() - before;
  const most = alwaysHeldBytes + target.mostHeldPerByte * bytes.length;
  if (heldBytes > most) {
    throw new RuleBroken(
      `${bytes.length} bytes hold ${heldBytes} bytes of memory (${typeof held}), and may hold ${most}`,
    );
  }
}

let collect: (() => void) | undefined;

function weight(): number {
  if (collect === undefined) {
    setFlagsFromString('--expose-gc');
    collect = runInNewContext('gc') as () => void;
  }
  collect();
  collect(); // the memory of buffers is freed by the next collection
  const { heapUsed, arrayBuffers } = process.memoryUsage();
  return heapUsed + arrayBuffers;
}

/** A cost target as a target of a campaign. */
export function timed(target: CostTarget): Target {
  return {
    ...target,
    run(bytes) {
      const taken = checkTime(target, bytes);
      return { refused: !taken, messages: taken ? 1 : 0 };
    },
  };
}
