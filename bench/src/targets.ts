/** The targets of serpy's speed and memory: each a ratio to another peer in the same run, or a figure of its own. */
import type { NumberName } from './results.js';

/** A ratio of a number of one peer to that of another under the same workload. */
export interface RatioTarget {
  readonly name: string;
  readonly what: string;
  readonly workload: string;
  readonly peer: string;
  readonly base: string;
  readonly number: NumberName;
  /** The largest ratio in warm processes; undefined if they are not measured. */
  readonly warm?: number;
  /** The largest ratio in fresh processes, in their first half second. */
  readonly fresh?: number;
  readonly aim?: number;
}

const cpu = 'cpuSecondsPerMillion';
const memory = 'serverKiBPerConnection';
const session = { peer: 'serpy-v2-session', base: 'serpy-v2', number: cpu } as const;

export const ratioTargets: readonly RatioTarget[] = [
  {
    name: 'session-1m',
    what: 'session ÷ no session, 1 MiB, CPU',
    workload: 'blob-1m',
    ...session,
    warm: 1.05,
    fresh: 1.2,
    aim: 1,
  },
  {
    name: 'session-64k',
    what: 'session ÷ no session, 64 KiB, CPU',
    workload: 'blob-64k',
    ...session,
    warm: 1.05,
    fresh: 1.2,
    aim: 1,
  },
  {
    name: 'session-64b',
    what: 'session ÷ no session, 64 B, CPU',
    workload: 'small',
    ...session,
    warm: 1.05,
    fresh: 1.3,
    aim: 0.8,
  },
  {
    name: 'session-round-trip',
    what: 'session ÷ no session, round trip of 64 B, CPU',
    workload: 'round-trip',
    ...session,
    warm: 1.1,
    fresh: 1.4,
    aim: 1.03,
  },
  {
    name: 'session-round-trip',
    what: 'session ÷ no session, round trip of 64 B, p50',
    workload: 'round-trip',
    ...session,
    number: 'p50Us',
    warm: 1.1,
    fresh: 1.4,
    aim: 1.03,
  },
  {
    name: 'raw-1m',
    what: 'no session ÷ raw net, 1 MiB, CPU',
    workload: 'blob-1m',
    peer: 'serpy-v2',
    base: 'raw',
    number: cpu,
    warm: 0.95,
    aim: 0.8,
  },
  {
    name: 'raw-round-trip',
    what: 'no session ÷ raw net, round trip of 64 B, p50',
    workload: 'round-trip',
    peer: 'serpy-v2',
    base: 'raw',
    number: 'p50Us',
    warm: 1.15,
    aim: 1.06,
  },
  {
    name: 'acknowledged-session',
    what: 'session `received` ÷ ws corked, 64 in flight, CPU',
    workload: 'ack-64',
    peer: 'serpy-v2-received',
    base: 'ws-corked',
    number: cpu,
    warm: 0.75,
    aim: 0.5,
  },
  {
    name: 'acknowledged-v1',
    what: 'v1 mode 1 ÷ ws corked, 64 in flight, CPU',
    workload: 'ack-64',
    peer: 'serpy-v1',
    base: 'ws-corked',
    number: cpu,
    warm: 0.9,
    aim: 0.7,
  },
  {
    name: 'key-1m',
    what: 'key ÷ bare node:tls (same key and cipher), 1 MiB, CPU',
    workload: 'blob-1m',
    peer: 'serpy-v2-key',
    base: 'tls',
    number: cpu,
    warm: 0.95,
    aim: 0.85,
  },
  {
    name: 'key-64b',
    what: 'key ÷ session without, 64 B, CPU',
    workload: 'small',
    peer: 'serpy-v2-key',
    base: 'serpy-v2-session',
    number: cpu,
    warm: 1.5,
  },
  idle('idle', 'no session ÷ ws', 'serpy-v2', 'ws'),
  idle('idle-session', 'session ÷ ws', 'serpy-v2-session', 'ws'),
  idle('idle-key', 'key ÷ wss', 'serpy-v2-key', 'wss'),
];

function idle(name: string, what: string, peer: string, base: string): RatioTarget {
  const workload = 'idle-5000';
  return { name, what: `idle connection, ${what}, KiB at 5,000`, workload, peer, base, number: memory, fresh: 1 };
}

/** The memory of a sender whose reader is slow: the bound of its queue and 24 MiB, and no growth in the last two thirds of a minute. */
export const slowReader = {
  name: 'slow-reader',
  peers: ['serpy-v2', 'serpy-v1', 'serpy-v2-session'],
  seconds: 60,
  maxGrowthMiB: 16 + 24,
  /** What the memory of a process varies by itself. */
  maxLaterGrowthMiB: 2,
} as const;

/** The others' rate of a broadcast while one client is frozen, relative to the rate while all read. */
export const frozenReader = {
  name: 'broadcast-frozen',
  peers: ['serpy-v2', 'serpy-v2-session'],
  workloads: ['broadcast-frozen', 'broadcast-reading'],
  seconds: 2,
  warmUpSeconds: 1,
  minRatio: 0.95,
} as const;

/** The time from a new TCP connection to the acknowledgement of what waited. */
export const resume = { name: 'resume', maxMs: 20, times: 51 } as const;

/** Rows of another command. */
export const elsewhere = [
  { what: 'steady line of 960 B/s, 12 kB/s, 100 kB/s: goodput ÷ line', target: 0.85, moreIsBetter: true },
  { what: 'link that dies after 8 KiB … 1 MiB: goodput ÷ bytes passed', target: 0.8, moreIsBetter: true },
  { what: 'link that dies after 2 KiB: goodput ÷ bytes passed', target: 0.4, moreIsBetter: true },
  { what: 'link that flaps every second: time without a link ÷ time of the network', target: 0.1, moreIsBetter: false },
].map((row) => ({ ...row, name: 'lines', unit: '', note: 'npm run test:long -- lines' }));

export const targetNames: readonly string[] = [
  ...new Set(ratioTargets.map(({ name }) => name)),
  slowReader.name,
  frozenReader.name,
  resume.name,
  'lines',
];
