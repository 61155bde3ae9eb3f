/** The CPU time and memory that this process, and the peer's broker if it has one, have used so far. */
import { readFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Usage } from './protocol.js';

const MiB = 1024 * 1024;

/** The unit of CPU times in Linux's /proc: hundredths of a second. */
const ticksPerSecond = 100;

export async function usage(settle: boolean, brokerPid: number | undefined): Promise<Usage> {
  if (settle) await collectGarbage();
  const { user, system } = process.cpuUsage();
  return {
    cpuSeconds: (user + system) / 1e6 + (brokerPid === undefined ? 0 : cpuSecondsOf(brokerPid)),
    rssMiB: rssMiB(),
    peakRssMiB: process.resourceUsage().maxRSS / 1024,
  };
}

export function rssMiB(): number {
  return process.memoryUsage.rss() / MiB;
}

/** The same without what waits for garbage collection: V8 lets up to 32 MiB of unused buffers wait. */
export function keptRssMiB(): number {
  globalThis.gc?.();
  return rssMiB();
}

/** Frees garbage, which is not memory that a connection needs. Workers run with --expose-gc. */
async function collectGarbage(): Promise<void> {
  for (let times = 0; times < 3; times++) {
    globalThis.gc?.();
    await sleep(20);
  }
}

function cpuSecondsOf(pid: number): number {
  try {
    // The fields from number 3 follow the last `)`, since the name can contain any character. 14 and 15 are user and system time.
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
    return (Number(fields[11]) + Number(fields[12])) / ticksPerSecond;
  } catch {
    return 0;
  }
}
