/** One measurement: starts a pair of processes, warms them up, and measures one run of the workload. */
import type { Peer } from './peer.js';
import type { Usage } from './protocol.js';
import { WorkerProcess } from './worker-process.js';
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
  readonly warmUpSeconds: number;
  /** The core for workloads that run both processes on one core. */
  readonly core: string | undefined;
}

interface Ends {
  readonly client: WorkerProcess;
  readonly server: WorkerProcess;
}

/** Rejects with the error of either process. */
export async function measure(asked: Measure): Promise<Sample> {
  const { peer, workload } = asked;
  const core = workload.oneCore ? asked.core : undefined;
  const { worker: server, ready } = await WorkerProcess.start('server', peer, workload, core);
  try {
    const { worker: client } = await WorkerProcess.start('client', peer, workload, core, ready.address);
    try {
      return await byKind(asked, { client, server });
    } finally {
      await client.end();
    }
  } finally {
    await server.end();
  }
}

async function byKind(asked: Measure, ends: Ends): Promise<Sample> {
  switch (asked.workload.kind) {
    case 'one-way':
    case 'burst':
    case 'v1-mode':
      return await oneWay(asked, ends, asked.peer.sender ?? 'client');
    case 'broadcast':
      return await oneWay(asked, ends, 'server');
    case 'round-trip':
      return await roundTrip(asked, ends);
    case 'acknowledged':
      return await acknowledged(asked, ends);
    case 'idle':
      return await idle(asked, ends);
    case 'slow-reader':
      return await slowReader(asked, ends);
  }
}

async function oneWay({ workload, seconds, warmUpSeconds }: Measure, ends: Ends, from: keyof Ends): Promise<Sample> {
  const sender = ends[from];
  const receiver = from === 'client' ? ends.server : ends.client;
  if (from === 'server') await ends.server.call('accepted', { connections: workload.connections });
  const warmed = await sender.call('send', { seconds: warmUpSeconds });
  await receiver.call('received', { messages: warmed.messages });
  const { value, cost } = await costOf(ends, async () => {
    const { messages, startedMs } = await sender.call('send', { seconds });
    const { lastMs } = await receiver.call('received', { messages: warmed.messages + messages });
    return { messages, tookSeconds: (lastMs - startedMs) / 1000 };
  });
  return {
    ...rates(workload, value.messages, value.tookSeconds),
    ...cost(value.messages * workload.messageBytes, value.messages),
  };
}

async function roundTrip({ workload, seconds, warmUpSeconds }: Measure, ends: Ends): Promise<Sample> {
  await ends.client.call('roundTrips', { seconds: warmUpSeconds });
  const { value, cost } = await costOf(ends, () => ends.client.call('roundTrips', { seconds }));
  const { count, p50Us, p99Us } = value;
  return { p50Us, p99Us, ...cost(2 * count * workload.messageBytes, count) };
}

async function acknowledged({ workload, seconds, warmUpSeconds }: Measure, ends: Ends): Promise<Sample> {
  await ends.client.call('acknowledged', { seconds: warmUpSeconds });
  const { value, cost } = await costOf(ends, () => ends.client.call('acknowledged', { seconds }));
  const { count, tookMs } = value;
  return { ...rates(workload, count, tookMs / 1000), ...cost(count * workload.messageBytes, count) };
}

async function idle({ workload }: Measure, ends: Ends): Promise<Sample> {
  const { connections } = workload;
  const before = await ends.server.call('usage', { settle: true });
  const { startedMs } = await ends.client.call('connect', {});
  const { lastMs } = await ends.server.call('accepted', { connections });
  const after = await ends.server.call('usage', { settle: true });
  const client = await ends.client.call('usage', {});
  return {
    connectionsPerSecond: (connections / (lastMs - startedMs)) * 1000,
    serverKiBPerConnection: ((after.rssMiB - before.rssMiB) * 1024) / connections,
    clientPeakMiB: client.peakRssMiB,
    serverPeakMiB: after.peakRssMiB,
  };
}

async function slowReader({ seconds }: Measure, ends: Ends): Promise<Sample> {
  const before = await ends.client.call('usage', { settle: true });
  const { rssMiB } = await ends.client.call('sendFresh', { seconds });
  const after = await ends.client.call('usage', {});
  const server = await ends.server.call('usage', {});
  const half = Math.floor(rssMiB.length / 2);
  return {
    growthMiB: Math.max(...rssMiB) - before.rssMiB,
    lateGrowthMiB: Math.max(...rssMiB.slice(half)) - Math.max(...rssMiB.slice(0, half)),
    clientPeakMiB: after.peakRssMiB,
    serverPeakMiB: server.peakRssMiB,
    rssMiB: rssMiB.map((each) => Math.round(each * 10) / 10),
  };
}

function rates({ messageBytes }: Workload, messages: number, tookSeconds: number): Sample {
  const messagesPerSecond = messages / tookSeconds;
  return { messagesPerSecond, megabytesPerSecond: (messagesPerSecond * messageBytes) / 1e6 };
}

/** Runs something, and measures its cost in both processes. */
async function costOf<T>({ client, server }: Ends, run: () => Promise<T>) {
  const usages = async (): Promise<readonly [Usage, Usage]> => [
    await client.call('usage', {}),
    await server.call('usage', {}),
  ];
  const [clientBefore, serverBefore] = await usages();
  const value = await run();
  const [clientAfter, serverAfter] = await usages();
  const cpuSeconds =
    clientAfter.cpuSeconds - clientBefore.cpuSeconds + serverAfter.cpuSeconds - serverBefore.cpuSeconds;
  const cost = (bytes: number, messages: number): Sample => ({
    cpuSecondsPerGigabyte: (cpuSeconds / bytes) * 1e9,
    cpuSecondsPerMillion: (cpuSeconds / messages) * 1e6,
    clientPeakMiB: clientAfter.peakRssMiB,
    serverPeakMiB: serverAfter.peakRssMiB,
  });
  return { value, cost };
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
    case 'broadcast':
    case 'burst':
      return { name: 'messagesPerSecond', moreIsBetter: true };
    default:
      return {
        name: messageBytes < minBinaryBytes ? 'messagesPerSecond' : 'megabytesPerSecond',
        moreIsBetter: true,
      };
  }
}
