/** What reading may cost: time and memory for each byte that came, with something for the least. */
import { readFileSync } from 'node:fs';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { RuleBroken, type Target } from './target.js';

/** Something that reads bytes, and all that becomes of them in our programs. */
export interface CostTarget extends Omit<Target, 'run'> {
  /** Microseconds for each byte. */
  readonly mostUsPerByte: number;
  /** Bytes of memory for each byte, as long as what was read is held. */
  readonly mostHeldPerByte: number;
  /** Reads an input and uses it. Returns what a program would hold; undefined for what is refused. */
  read(bytes: Buffer): unknown;
}

/** So much any input may take: the first ones are not compiled yet. */
const alwaysUs = 30_000;
const alwaysHeldBytes = 2 * 2 ** 20;

/** The fastest of so many attempts: the first are not compiled yet, and others share the caches. */
const attempts = 5;

/** What this thread has had of a processor, where the system tells that; else the time that has passed. */
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

/** Reads an input, and throws where it takes too long. Returns whether it was taken. */
export function checkTime(target: CostTarget, bytes: Buffer): boolean {
  const mostUs = alwaysUs + target.mostUsPerByte * bytes.length;
  let fastestUs = Number.POSITIVE_INFINITY;
  let taken = false;
  for (let attempt = 0; attempt < attempts && fastestUs > mostUs; attempt++) {
    const startUs = threadUs();
    taken = target.read(bytes) !== undefined;
    fastestUs = Math.min(fastestUs, threadUs() - startUs);
    // That much no attempt makes good.
    if (fastestUs > 10 * mostUs) break;
  }
  if (fastestUs <= mostUs) return taken;
  throw new RuleBroken(
    `${bytes.length} bytes take ${Math.round(fastestUs / 1000)} ms, and may take ${Math.round(mostUs / 1000)}`,
  );
}

/** Reads an input and holds what comes of it. Throws where that is too much. */
export function checkWeight(target: CostTarget, bytes: Buffer): void {
  target.read(bytes.subarray(0, 0)); // what is made once
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
  collect(); // memory of buffers is given back by the next one
  const { heapUsed, arrayBuffers } = process.memoryUsage();
  return heapUsed + arrayBuffers;
}

/** As a target of a campaign. */
export function timed(target: CostTarget): Target {
  return {
    ...target,
    run(bytes) {
      const taken = checkTime(target, bytes);
      return { refused: !taken, messages: taken ? 1 : 0 };
    },
  };
}
