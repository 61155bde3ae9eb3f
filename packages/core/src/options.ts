/** Options: what each takes, its default, and the errors that name the option and say what it takes. */
import * as v from 'valibot';
import type { AdmissionLimits } from './admission.js';
import { OptionError } from './errors.js';
import type { GateSettings } from './gate.js';
import { checkNames } from './option-names.js';
import { maxTimeoutMs } from './pending.js';
import { type ReconnectOptions, usualMinDelayMs } from './reconnect.js';
import type { SecuritySettings } from './security.js';
import type { QueueOptions, WhenFull } from './send-queue.js';
import { keyOption } from './shared-key.js';
import { tlsOption } from './tls-options.js';

/** One option. */
export interface OptionSpec<T> {
  /** What it takes, in words: `takes ${…}`. */
  readonly takes: string;
  /** What it is when nothing is said; undefined where something must be said, or the option is optional. */
  readonly default: T | undefined;
  /** Whether it may be left out although it has no default. */
  readonly optional?: boolean;
  /** What it is then in most cases: for one whose default depends on what is not known yet. */
  readonly usual?: T;
  /** Of a group: what each option in it takes. */
  readonly below?: Readonly<Record<string, OptionSpec<unknown>>>;
  /** The value, checked and completed. Throws an `OptionError` that names `path`. */
  parse(value: unknown, path: string): T;
  /** Throws an `OptionError` where other options that were given contradict this value. Called when each is checked for itself. */
  checkBeside?(value: T, given: Readonly<Record<string, unknown>>): void;
}

/** Several options under their names. */
export type OptionSpecs<T> = { readonly [K in keyof T]-?: OptionSpec<Exclude<T[K], undefined>> };

function spec<T>(takes: string, schema: v.GenericSchema<unknown, T>, fallback: T | undefined): OptionSpec<T> {
  return {
    takes,
    default: fallback,
    parse(value, path) {
      const result = v.safeParse(schema, value);
      if (result.success) return result.output;
      throw new OptionError(`the option ${path} takes ${takes}, not ${show(value)}`);
    },
  };
}

/** A value as an error message shows it. */
function show(value: unknown): string {
  if (typeof value === 'string') return `'${visible(value.length > 40 ? `${value.slice(0, 40)}…` : value)}' (a string)`;
  if (Array.isArray(value)) return 'an array';
  if (value !== null && typeof value === 'object') return 'an object';
  return typeof value === 'function' || typeof value === 'symbol' ? `a ${typeof value}` : String(value);
}

function visible(text: string): string {
  return text.replaceAll(/[\0-\x1f\x7f-\x9f]/g, (each) => `\\x${each.charCodeAt(0).toString(16).padStart(2, '0')}`);
}

export const option = {
  flag(fallback: boolean): OptionSpec<boolean> {
    return spec('true or false', v.boolean(), fallback);
  },

  text(fallback: string): OptionSpec<string> {
    return spec('a string', v.string(), fallback);
  },

  /** A whole number from `min` to `max`, both included. */
  count(min: number, max: number, fallback: number | undefined): OptionSpec<number> {
    const schema = v.pipe(v.number(), v.safeInteger(), v.minValue(min), v.maxValue(max));
    return spec(`a whole number from ${min} to ${max}`, schema, fallback);
  },

  /** A whole number of at least `min`, or `Infinity`. */
  countOrInfinity(min: number, fallback: number): OptionSpec<number> {
    const schema = v.union([v.pipe(v.number(), v.safeInteger(), v.minValue(min)), v.literal(Number.POSITIVE_INFINITY)]);
    return spec(`a whole number from ${min}, or Infinity`, schema, fallback);
  },

  milliseconds(fallback: number, min = 0, max = maxTimeoutMs): OptionSpec<number> {
    const schema = v.pipe(v.number(), v.minValue(min), v.maxValue(max));
    return spec(`a number of milliseconds from ${min} to ${max}`, schema, fallback);
  },

  choice<const T extends string>(words: readonly T[], fallback: T | undefined): OptionSpec<T> {
    return spec(words.map((word) => `'${word}'`).join(' or '), v.picklist(words), fallback);
  },

  host(fallback: string | undefined): OptionSpec<string> {
    // Node's own error for a NUL is not typed.
    const schema = v.pipe(v.string(), v.trim(), v.regex(/^[^\s\0-\x1f\x7f]+$/));
    return spec("a host name or IP address such as '127.0.0.1'", schema, fallback);
  },

  /** Options below an option. */
  group<T extends object>(specs: OptionSpecs<T>): OptionSpec<T> {
    return {
      takes: `an object with ${Object.keys(specs).join(', ')}`,
      below: specs as OptionSpecs<Record<string, unknown>>,
      default: parseOptions(specs, {}, ''),
      parse: (value, path) => parseOptions(specs, value, `${path}.`),
    };
  },
};

/**
 * Checks and completes options. Throws an `OptionError` that names the option and what it takes,
 * and for an unknown one the nearest that exists.
 * @param prefix what stands before the names in messages, for example `sendQueue.`
 */
export function parseOptions<T extends object>(specs: OptionSpecs<T>, input: unknown, prefix = ''): T {
  if (input === null || typeof input !== 'object' || Array.isArray(input)) {
    const what = prefix === '' ? 'options are' : `the option ${prefix.slice(0, -1)} takes`;
    throw new OptionError(`${what} an object with names from ${Object.keys(specs).join(', ')}, not ${show(input)}`);
  }
  const given = input as Record<string, unknown>;
  checkNames(given, Object.keys(specs), prefix);
  const settings: Record<string, unknown> = {};
  for (const [name, each] of Object.entries(specs) as [string, OptionSpec<unknown>][]) {
    const value = given[name];
    if (value !== undefined) settings[name] = each.parse(value, prefix + name);
    else if (each.default !== undefined) settings[name] = each.default;
    else if (!each.optional) throw new OptionError(`the option ${prefix}${name} is missing: it takes ${each.takes}`);
  }
  checkTogether(specs as OptionSpecs<Record<string, unknown>>, given);
  return settings as T;
}

/** Throws an `OptionError` for options that contradict each other. Each has been checked for itself. */
export function checkTogether(
  specs: Readonly<Record<string, OptionSpec<unknown>>>,
  given: Readonly<Record<string, unknown>>,
): void {
  for (const [name, value] of Object.entries(given)) {
    if (value !== undefined) specs[name]?.checkBeside?.(value, given);
  }
}

/** A message larger than this is refused unless `maxMessageBytes` says otherwise: 64 MiB. */
export const defaultMaxMessageBytes = 64 * 1024 * 1024;

/** The largest payload that a v2 header can state, and more than v1 users will see: 4 GiB - 1. */
const largestMessageBytes = 2 ** 32 - 1;

/** The bounds of the queues unless options say otherwise. So many may be on their way to a receiver: with fewer, small messages wait for its word. */
const defaultSendQueueMessages = 1000;
export const defaultReceiveQueueMessages = 4096;
export const defaultQueueBytes = 16 * 1024 * 1024;

/** Linux takes no more. */
const linuxKeepAliveMs = 32_767_000;

const whenFullWords: readonly WhenFull[] = ['block', 'drop-oldest', 'drop-newest', 'error'];

function queue(defaultMessages: number): OptionSpec<QueueOptions> {
  return option.group<QueueOptions>({
    maxMessages: option.count(1, Number.MAX_SAFE_INTEGER, defaultMessages),
    maxBytes: option.count(1, Number.MAX_SAFE_INTEGER, defaultQueueBytes),
    whenFull: option.choice(whenFullWords, 'block'),
  });
}

/** Which messages a receiver wants: all, or the newest alone. */
export type Keep = 'all' | 'latest';

/** What becomes of messages for which there is no link. */
export type WhenOffline = 'buffer' | 'drop';

const keepOption: OptionSpec<Keep> = {
  ...option.choice(['all', 'latest'], 'all'),
  checkBeside(value, { receiveQueue }) {
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

/** All properties may be left out, those of the groups too. */
export type Given<T> = {
  readonly [K in keyof T]?:
    | (T[K] extends object ? { readonly [L in keyof T[K]]?: T[K][L] | undefined } : T[K])
    | undefined;
};

/** The options of a connection that every protocol has. */
export type ConnectionOptions = Given<ConnectionSettings>;

/** The options that only the end that dials has. */
export type DiallingOption = 'autoRestart' | 'connectTimeoutMs' | 'reconnect';

/** What each option of a connection that was accepted takes. */
export const acceptedOptions: OptionSpecs<Omit<ConnectionSettings, DiallingOption>> = {
  closeTimeoutMs: option.milliseconds(5_000),
  keepAliveMs: option.milliseconds(5_000, 0, linuxKeepAliveMs),
  writeTimeoutMs: option.milliseconds(30_000),
  frameTimeoutMs: option.milliseconds(30_000),
  maxMessageBytes: option.count(1, largestMessageBytes, defaultMaxMessageBytes),
  sendQueue: queue(defaultSendQueueMessages),
  receiveQueue: queue(defaultReceiveQueueMessages),
  maxOpenStreams: option.count(1, 1_000_000, 1024),
  keep: keepOption,
  whenOffline: option.choice(['buffer', 'drop'], 'buffer'),
  key: keyOption,
  tls: tlsOption,
};

/** What each option of a connection takes. */
export const connectionOptions: OptionSpecs<ConnectionSettings> = {
  autoRestart: option.flag(false),
  connectTimeoutMs: option.milliseconds(10_000, 1),
  ...acceptedOptions,
  reconnect: option.group<ReconnectOptions>({
    baseDelayMs: option.milliseconds(250),
    maxDelayMs: option.milliseconds(15_000),
    minDelayMs: { ...option.milliseconds(0), default: undefined, optional: true, usual: usualMinDelayMs },
    maxAttempts: option.countOrInfinity(1, Number.POSITIVE_INFINITY),
    stableMs: option.milliseconds(10_000),
  }),
};

/** The options of a server, besides those of its connections. */
export interface ServerSettings extends GateSettings, AdmissionLimits {
  /** The address to listen on. Default 127.0.0.1: this computer alone. */
  readonly host: string;
  /** The port to listen on; 0 takes any free one, which `server.address` then tells. */
  readonly port: number;
  /** How much memory messages that have come in part may take, of all peers together. Default 256 MiB. */
  readonly maxUnfinishedBytes: number;
  /** Listen to other computers with neither key nor certificates. Default false. */
  readonly insecure: boolean;
}

/** How many connections a server has at a time unless `maxConnections` says otherwise. */
export const defaultMaxConnections = 64;

export const addressOptions = {
  host: option.host('127.0.0.1'),
  port: option.count(0, 65_535, undefined),
};

export const serverOptions: OptionSpecs<ServerSettings> = {
  ...addressOptions,
  maxConnections: option.count(1, 1_000_000, defaultMaxConnections),
  maxConnectionsPerAddress: option.countOrInfinity(1, 16),
  maxUnfinishedBytes: option.count(1, Number.MAX_SAFE_INTEGER, 256 * 1024 * 1024),
  insecure: option.flag(false),
  handshakeTimeoutMs: option.milliseconds(5_000, 1),
  maxPendingConnections: option.count(1, 1_000_000, 32),
  maxAuthFailuresPerMinute: option.countOrInfinity(1, 5),
};

/** The settings of a server that are those of each of its connections. */
export function connectionPart<T extends ServerSettings>(settings: T): Omit<T, keyof ServerSettings> {
  const entries = Object.entries(settings).filter(([name]) => !(name in serverOptions));
  return Object.fromEntries(entries) as Omit<T, keyof ServerSettings>;
}
