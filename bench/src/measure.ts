/** One measurement in fresh processes: starts a pair, warms it up, and measures one run of the workload. */
import { Pair } from './pair.js';
import type { Peer } from './peer.js';
import { minBinaryBytes, type Workload } from './workload.js';

/** The numbers of a measurement. table.ts chooses those that a table shows. */
export interface Sample {
  readonly messagesPerSecond?: number;
  /** Millions of bytes a second. */
  readonly megabytesPerSecond?: number;
  readonly p50Us?: number;
  readonly p99Us?: number;
  /** CPU time of both processes and of a broker. */
  readonly cpuSecondsPerGigabyte?: number;
  readonly cpuSecondsPerMillion?: number;
  readonly connectionsPerSecond?: number;
  readonly serverKiBPerConnection?: number;
  readonly clientPeakMiB?: number;
  readonly serverPeakMiB?: number;
  /** Memory of the sender beyond what it had before the first message. */
  readonly growthMiB?: number;
  /** Memory of the sender in the second half of the run beyond that in the first half. */
  readonly lateGrowthMiB?: number;
  /** The same for the last two thirds and the first third. */
  readonly laterGrowthMiB?: number;
  readonly rssMiB?: readonly number[];
  /** Time that importing a package adds to the start of an empty program. */
  readonly importMs?: number;
}

/** The number by which a workload is compared. */
export type Headline = Exclude<keyof Sample, 'rssMiB'>;

export interface Measure {
  readonly peer: Peer;
  readonly workload: Workload;
  readonly seconds: number;
  /** 0 measures the first messages of the processes, while V8 compiles. */
  readonly warmUpSeconds: number;
  /** The core for workloads that run both processes on one core. */
  readonly core: string | undefined;
}

/** Rejects with the error of any of the processes. */
export async function measure({ peer, workload, seconds, warmUpSeconds, core }: Measure): Promise<Sample> {
  const pair = await Pair.start(peer, workload, core);
  try {
    if (warmUpSeconds > 0) await pair.warmUp(warmUpSeconds);
    return await pair.run(seconds);
  } finally {
    await pair.end();
  }
}

/** The number by which a workload is compared, and whether more is better. */
export function headline({ kind, messageBytes }: Workload): {
  readonly name: Headline;
  readonly moreIsBetter: boolean;
} {
  switch (kind) {
    case 'round-trip':
      return { name: 'p50Us', moreIsBetter: false };
    case 'idle':
      return { name: 'serverKiBPerConnection', moreIsBetter: false };
    case 'slow-reader':
      return { name: 'growthMiB', moreIsBetter: false };
    case 'acknowledged':
    case 'request':
    case 'broadcast':
    case 'paced-broadcast':
    case 'burst':
      return { name: 'messagesPerSecond', moreIsBetter: true };
    default:
      return {
        name: messageBytes < minBinaryBytes ? 'messagesPerSecond' : 'megabytesPerSecond',
        moreIsBetter: true,
      };
  }
}
