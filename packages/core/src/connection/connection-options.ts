/** The options of a connection: their types, defaults and checks. */

/** A message larger than this is refused unless `maxMessageBytes` says otherwise: 64 MiB. */

import { OptionError } from '../errors.js';
import { linuxKeepAliveMs, type OptionSpec, type OptionSpecs, option, type PartialOptions } from '../options/option.js';
import type { QueueOptions, WhenFull } from '../queue/send-queue.js';
import { defaultMinDelayMs, type ReconnectOptions } from '../reconnect/backoff.js';
import type { SecuritySettings } from '../security/security.js';
import { keyOption } from '../security/shared-key.js';
import { tlsOption } from '../security/tls-options.js';

export const defaultMaxMessageBytes = 64 * 1024 * 1024;

/** The largest payload that a v2 header can state, and more than v1 users will see: 4 GiB - 1. */
export const maxMessageBytesLimit = 2 ** 32 - 1;

/** The bounds of the queues unless options say otherwise. So many may be on their way to a receiver: with fewer, small messages wait for its word. */
export const defaultSendQueueMessages = 1000;
export const defaultReceiveQueueMessages = 4096;
export const defaultQueueBytes = 16 * 1024 * 1024;
const whenFullValues: readonly WhenFull[] = ['block', 'drop-oldest', 'drop-newest', 'error'];
export function queue(defaultMessages: number): OptionSpec<QueueOptions> {
  return option.group<QueueOptions>({
    maxMessages: option.count(1, Number.MAX_SAFE_INTEGER, defaultMessages),
    maxBytes: option.count(1, Number.MAX_SAFE_INTEGER, defaultQueueBytes),
    whenFull: option.choice(whenFullValues, 'block'),
  });
}

/** Which messages a receiver wants: all, or the newest alone. */
export type Keep = 'all' | 'latest';

/** What becomes of messages for which there is no link. */
export type WhenOffline = 'buffer' | 'drop';
export const keepOption: OptionSpec<Keep> = {
  ...option.choice(['all', 'latest'], 'all'),
  validateWith(value, { receiveQueue }) {
    const names = Object.entries((receiveQueue ?? {}) as object).filter(([, each]) => each !== undefined);
    if (value !== 'latest' || names.length === 0) return;
    const stated = names.map(([name]) => `receiveQueue.${name}`).join(' and ');
    throw new OptionError(
      `the options keep: 'latest' and ${stated} contradict each other: 'latest' keeps one message, which the next replaces, so leave one of them out`,
    );
  },
};

/** The options of a connection that every protocol has, complete. */
export interface ConnectionSettings extends SecuritySettings {
  /** Dial again when the link breaks. Default false. */
  readonly autoRestart: boolean;
  /** How long a dial may take. Default 10,000. */
  readonly connectTimeoutMs: number;
  /** How long `close()` may take to send what is queued and to see the peer's end. Default 5,000. */
  readonly closeTimeoutMs: number;
  /** After how long a silence TCP asks whether the peer is there; 0 for never. Default 5,000. */
  readonly keepAliveMs: number;
  /** After how long in which no byte leaves that should the link is dead; 0 for never. Default 30,000. */
  readonly writeTimeoutMs: number;
  /** After how long in which a message that has begun to come does not go on the link is dead; 0 for never. Default 30,000. */
  readonly frameTimeoutMs: number;
  /** The largest message that is sent or received. Default 64 MiB. */
  readonly maxMessageBytes: number;
  /** Messages that wait to be sent. Default 1,000 messages, 16 MiB, `'block'`. */
  readonly sendQueue: QueueOptions;
  /** Messages that wait to be taken. Default 4,096 messages, 16 MiB, `'block'`. */
  readonly receiveQueue: QueueOptions;
  /** Streams that may arrive at a time (`getStream`). Default 1,024. */
  readonly maxOpenStreams: number;
  /** `'latest'`: the newest message alone waits to be taken, and the next replaces it. Default `'all'`: `receiveQueue` holds them. */
  readonly keep: Keep;
  /** `'drop'`: without a link messages are dropped, as they would be stale when it is back. Default `'buffer'`: `sendQueue` holds them. */
  readonly whenOffline: WhenOffline;
  /** When to dial again. */
  readonly reconnect: ReconnectOptions;
}

/** The options of a connection that every protocol has. */
export type ConnectionOptions = PartialOptions<ConnectionSettings>;

/** The options that only the end that dials has. */
export type DiallingOption = 'autoRestart' | 'connectTimeoutMs' | 'reconnect';

const defaultMaxDelayMs = 15_000;

const minDelayOption: OptionSpec<number> = {
  ...option.milliseconds(0),
  default: undefined,
  optional: true,
  typicalDefault: defaultMinDelayMs,
  validateWith(minDelayMs, { maxDelayMs = defaultMaxDelayMs }) {
    if (minDelayMs <= (maxDelayMs as number)) return;
    throw new OptionError(
      `reconnect.minDelayMs (${minDelayMs}) is larger than reconnect.maxDelayMs (${maxDelayMs}): raise maxDelayMs, which is the maximum of the whole wait`,
    );
  },
};

/** What each option of a connection that was accepted takes. */
export const acceptedOptions: OptionSpecs<Omit<ConnectionSettings, DiallingOption>> = {
  closeTimeoutMs: option.milliseconds(5000),
  keepAliveMs: option.milliseconds(5000, 0, linuxKeepAliveMs),
  writeTimeoutMs: option.milliseconds(30000),
  frameTimeoutMs: option.milliseconds(30000),
  maxMessageBytes: option.count(1, maxMessageBytesLimit, defaultMaxMessageBytes),
  sendQueue: queue(defaultSendQueueMessages),
  receiveQueue: queue(defaultReceiveQueueMessages),
  maxOpenStreams: option.count(1, 1000000, 1024),
  keep: keepOption,
  whenOffline: option.choice(['buffer', 'drop'], 'buffer'),
  key: keyOption,
  tls: tlsOption,
};

/** What each option of a connection takes. */
export const connectionOptions: OptionSpecs<ConnectionSettings> = {
  autoRestart: option.flag(false),
  connectTimeoutMs: option.milliseconds(10000, 1),
  ...acceptedOptions,
  reconnect: option.group<ReconnectOptions>({
    baseDelayMs: option.milliseconds(250),
    maxDelayMs: option.milliseconds(defaultMaxDelayMs),
    minDelayMs: minDelayOption,
    maxAttempts: option.countOrInfinity(1, Number.POSITIVE_INFINITY),
    resetAfterMs: option.milliseconds(10000),
  }),
};
export const addressOptions = {
  host: option.host('127.0.0.1'),
  port: option.count(0, 65535, undefined),
};
