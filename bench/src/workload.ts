/** The workloads. */

export type Kind =
  | 'one-way'
  | 'round-trip'
  | 'acknowledged'
  | 'idle'
  | 'broadcast'
  | 'slow-reader'
  | 'v1-mode'
  | 'burst'
  | 'request'
  | 'paced-broadcast';

export interface Workload {
  /** The name in `--only`. */
  readonly name: string;
  /** The title of its table. */
  readonly title: string;
  readonly kind: Kind;
  readonly messageBytes: number;
  readonly connections: number;
  /** The number of acknowledged sends in flight. */
  readonly inFlight: number;
  /** For `burst`: the limit of the queues in messages. Twice as many are sent at once. */
  readonly queueMessages?: number;
  /** For `paced-broadcast`: one more client, in a process of its own, that reads or is stopped. */
  readonly bystander?: 'reading' | 'frozen';
  /** Runs both processes on one core, if taskset is available: results vary less if only one of them works at a time. */
  readonly oneCore: boolean;
  /** The peers of this workload. Default: every peer that supports its kind. */
  readonly peers?: readonly string[];
  /** The measured time in seconds, instead of that of the run. */
  readonly seconds?: { readonly short: number; readonly full: number };
  /** Runs in the first round only: it takes long, and does not measure speed. */
  readonly once?: boolean;
  /** The peers for which it is part of `npm run bench` without `--full`. Default: none. */
  readonly short: readonly string[];
}

const KiB = 1024;
const MiB = 1024 * KiB;

/** 4 KiB. Smaller messages are text, and the workload measures messages per second; larger ones are binary, and it measures bytes. */
export const minBinaryBytes = 4 * KiB;

type Given = Partial<Workload> & Pick<Workload, 'name' | 'title' | 'kind' | 'messageBytes'>;

function workload(given: Given): Workload {
  return { connections: 1, inFlight: 1, oneCore: false, short: [], ...given };
}

const ordinary: readonly Workload[] = [
  workload({
    name: 'blob-1m',
    title: 'one way, messages of 1 MiB',
    kind: 'one-way',
    messageBytes: MiB,
    short: ['raw', 'length-prefix', 'serpy-v2', 'serpy-v1', 'ws', 'zeromq-push', 'pyzmq-push'],
  }),
  workload({ name: 'blob-64k', title: 'one way, messages of 64 KiB', kind: 'one-way', messageBytes: 64 * KiB }),
  workload({ name: 'blob-16m', title: 'one way, messages of 16 MiB', kind: 'one-way', messageBytes: 16 * MiB }),
  workload({
    name: 'small',
    title: 'one way, messages of 64 B',
    kind: 'one-way',
    messageBytes: 64,
    short: ['raw', 'length-prefix', 'serpy-v2', 'serpy-v1', 'ws-corked', 'zeromq-push', 'nats', 'pyzmq-push'],
  }),
  workload({
    name: 'round-trip',
    title: 'round trip of 64 B, both processes on one core',
    kind: 'round-trip',
    messageBytes: 64,
    oneCore: true,
    short: ['raw', 'serpy-v2', 'serpy-v1', 'ws', 'zeromq-dealer'],
  }),
  workload({
    name: 'round-trip-1m',
    title: 'round trip of 1 MiB, both processes on one core',
    kind: 'round-trip',
    messageBytes: MiB,
    oneCore: true,
  }),
  workload({ name: 'ack-1', title: 'acknowledged sends of 64 B, one by one', kind: 'acknowledged', messageBytes: 64 }),
  workload({
    name: 'ack-64',
    title: 'acknowledged sends of 64 B, 64 in flight',
    kind: 'acknowledged',
    messageBytes: 64,
    inFlight: 64,
    short: ['raw', 'serpy-v1', 'serpy-v2-received', 'ws-corked', 'mqtt-qos1'],
  }),
  workload({ name: 'request-1', title: 'requests of 64 B, one by one', kind: 'request', messageBytes: 64 }),
  workload({
    name: 'request-64',
    title: 'requests of 64 B, 64 in flight',
    kind: 'request',
    messageBytes: 64,
    inFlight: 64,
  }),
  workload({
    name: 'idle-1000',
    title: '1,000 clients that connect and are silent',
    kind: 'idle',
    messageBytes: 64,
    connections: 1000,
    short: ['raw', 'serpy-v2', 'ws'],
  }),
  workload({
    name: 'idle-5000',
    title: '5,000 clients that connect and are silent',
    kind: 'idle',
    messageBytes: 64,
    connections: 5000,
  }),
  workload({
    name: 'broadcast',
    title: 'broadcast of 1 KiB to 1,000 clients',
    kind: 'broadcast',
    messageBytes: KiB,
    connections: 1000,
    short: ['raw', 'serpy-v2', 'ws'],
  }),
  workload({
    name: 'broadcast-reading',
    title: 'broadcast of 1 KiB to 1,001 clients, 16 unanswered',
    kind: 'paced-broadcast',
    messageBytes: KiB,
    connections: 1000,
    bystander: 'reading',
  }),
  workload({
    name: 'broadcast-frozen',
    title: 'the same while one of the clients is frozen',
    kind: 'paced-broadcast',
    messageBytes: KiB,
    connections: 1000,
    bystander: 'frozen',
  }),
  workload({
    name: 'v1-text',
    title: 'v1 in each mode, text of 64 B (acknowledged modes: 64 in flight)',
    kind: 'v1-mode',
    messageBytes: 64,
  }),
  workload({
    name: 'v1-blob',
    title: 'v1 in each mode, messages of 1 MiB (modes 0 and 1: as text; acknowledged modes: 8 in flight)',
    kind: 'v1-mode',
    messageBytes: MiB,
  }),
  workload({
    name: 'slow-reader',
    title: 'a reader of 1 MB/s, messages of 64 KiB: memory of the sender',
    kind: 'slow-reader',
    messageBytes: 64 * KiB,
    seconds: { short: 5, full: 60 },
    once: true,
    short: ['raw', 'serpy-v2'],
  }),
];

/** The peers of curves: workloads that differ in one number. */
const curvePeers = ['raw', 'length-prefix', 'serpy-v2', 'serpy-v1', 'ws-corked'];

const sizes = [1, 8, 64, 512, 4 * KiB, 32 * KiB, 256 * KiB, 2 * MiB, 16 * MiB, 64 * MiB];

const curves: readonly Workload[] = [
  ...sizes.map((messageBytes) =>
    workload({
      name: `size-${messageBytes}`,
      title: `curve of message size: one way, ${messageBytes.toLocaleString('en')} B`,
      kind: 'one-way',
      messageBytes,
      peers: curvePeers,
    }),
  ),
  ...[1, 10, 100, 1000, 5000].map((connections) =>
    workload({
      name: `connections-${connections}`,
      title: `curve of connections: 64 B one way, ${connections.toLocaleString('en')} clients in turn`,
      kind: 'one-way',
      messageBytes: 64,
      connections,
      peers: curvePeers,
    }),
  ),
  ...[1, 10, 100, 1000, 10_000].map((queueMessages) =>
    workload({
      name: `queue-${queueMessages}`,
      title: `curve of queue length: 64 B, twice ${queueMessages.toLocaleString('en')} sent at once into a queue of as many`,
      kind: 'burst',
      messageBytes: 64,
      queueMessages,
    }),
  ),
];

export const workloads: readonly Workload[] = [...ordinary, ...curves];
