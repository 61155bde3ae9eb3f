/** The options of a connection: their types, defaults and checks. */
import { OptionError } from '../errors.js';
import { nameOption } from '../options/name-option.js';
import { linuxKeepAliveMs, type OptionSpec, type OptionSpecs, option, type PartialOptions } from '../options/option.js';
import type { QueueOptions, WhenFull } from '../queue/send-queue.js';
import { defaultMinDelayMs, type ReconnectOptions } from '../reconnect/backoff.js';
import type { OutOfStep } from '../requests/requests-host.js';
import type { SecuritySettings } from '../security/security.js';
import { keyOption } from '../security/shared-key.js';
import { tlsOption } from '../security/tls-options.js';
import { type Keep, keepOption } from './keep-option.js';

/** 64 MiB. */
export const defaultMaxMessageBytes = 64 * 1024 * 1024;

/** 4 GiB - 1: the largest payload that a v2 header can state. v1 has no such limit, but shares this one. */
export const maxMessageBytesLimit = 2 ** 32 - 1;

/** Default bounds of the queues. */
export const defaultSendQueueMessages = 1000;
/** Bounds the messages in flight in a session. Below this, small messages wait for the acknowledgement round trip. */
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

/** What happens to messages that are sent while there is no link. */
export type WhenOffline = 'buffer' | 'drop';
/** The complete options of a connection that every protocol has. */
export interface ConnectionSettings extends SecuritySettings {
  /** Whether to reconnect when the link breaks. Default false. */
  readonly autoRestart: boolean;
  /**
   * Whether the first connection is retried as later ones are, with the events `reconnecting`: `true` without a limit, or for this many
   * milliseconds. An error that stays the same, such as a wrong key, rejects at once. Default false: the first failure rejects.
   */
  readonly waitForServer: boolean | number;
  /** Timeout of one connection attempt. Default 10,000. */
  readonly connectTimeoutMs: number;
  /** Timeout of `close()`, which sends what is queued and waits for the peer's end. Default 5,000. */
  readonly closeTimeoutMs: number;
  /** Idle time after which TCP probes whether the peer still exists; 0 disables it. Default 5,000. */
  readonly keepAliveMs: number;
  /** The link is closed when bytes wait and none leaves for this long; 0 disables the check. Default 30,000. */
  readonly writeTimeoutMs: number;
  /** The link is closed when a partially received message makes no progress for this long; 0 disables the check. Default 30,000. */
  readonly frameTimeoutMs: number;
  /** Maximum size of a message, sent or received. Default 64 MiB. */
  readonly maxMessageBytes: number;
  /** Bounds of the messages that wait to be sent. Default 1,000 messages, 16 MiB, `'block'`. */
  readonly sendQueue: QueueOptions;
  /** Bounds of the received messages that the program has not consumed. Default 4,096 messages, 16 MiB, `'block'`. */
  readonly receiveQueue: QueueOptions;
  /** Maximum number of streams that arrive at the same time (`getStream`). Default 1,024. */
  readonly maxOpenStreams: number;
  /**
   * `'latest'`: keeps only the newest received message, which the next one replaces. `{ arrays: 'latest' }`: only the newest of one kind, and all
   * others. A function: only the newest of the messages for which it returns the same text. Default `'all'`: `receiveQueue` keeps them.
   */
  readonly keep: Keep;
  /** `'drop'`: drops messages while there is no link, as they would be stale later. Default `'buffer'`: `sendQueue` keeps them. */
  readonly whenOffline: WhenOffline;
  /** Without a session, what follows a `request` that got no answer in time. Default `'reconnect'`: the link ends. */
  readonly outOfStep: OutOfStep;
  /** When to reconnect. */
  readonly reconnect: ReconnectOptions;
  /** Told to the peer of a session, as its `peer.name`: 1 to 64 bytes of UTF-8. Default none. It proves nothing. */
  readonly name?: string | undefined;
}

/** The options of a connection that every protocol has. */
export type ConnectionOptions = PartialOptions<ConnectionSettings>;

/** The options of the end that connects. */
export type ClientOption = 'autoRestart' | 'waitForServer' | 'connectTimeoutMs' | 'reconnect';

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

/** The options of a connection that a server accepts, with checks and defaults. */
export const acceptedOptions: OptionSpecs<Omit<ConnectionSettings, ClientOption>> = {
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
  outOfStep: option.choice(['reconnect', 'drain', 'trust'], 'reconnect'),
  name: nameOption,
  key: keyOption,
  tls: tlsOption,
};

/** The options of a connection, with checks and defaults. */
export const connectionOptions: OptionSpecs<ConnectionSettings> = {
  autoRestart: option.flag(false),
  waitForServer: option.flagOrMilliseconds(false),
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
