/** The options of a bridge, checked and complete. */
import { checkNames, OptionError, type SerpyError } from 'serpy-core';
import type { SourceInput } from 'serpy-hub';
import { type BrokerAddress, type BrokerOptions, brokerAddress } from './brokers/address.js';
import { checkName, Topics } from './topics.js';

export interface BridgeOptions {
  /** The name of the instrument, for `{name}` in topics. */
  readonly name: string;
  /** The instrument: a URL, options of `connect`, a connection, or an `AsyncIterable` of values. */
  readonly source: SourceInput;
  /** A URL without a password, or options. */
  readonly broker: string | BrokerOptions;
  /** Where messages go. Default `'lab/{name}/{kind}'`. */
  readonly topic?: string | undefined;
  /** Where commands for the instrument come from: a topic, or true for `set` as the kind. Default none. */
  readonly commands?: string | boolean | undefined;
  /** Where requests to the instrument come from: a topic, or true for `request` as the kind. Default none. */
  readonly requests?: string | boolean | undefined;
  /** The unit of numbers and arrays, for the description. */
  readonly unit?: string | undefined;
  /** Arrays per second and kind; the newest are sent. 0 sends all of them. Default 5. */
  readonly maxFps?: number | undefined;
  /** The largest message. Default 1,000,000, which most brokers accept. */
  readonly maxBytes?: number | undefined;
  /** Above `maxBytes`: `'bin'` sends images and curves with means of neighbors, `'refuse'` none. Default `'bin'`. */
  readonly whenTooLarge?: 'bin' | 'refuse' | undefined;
  /** Messages that the broker may have unacknowledged. Default 4. */
  readonly maxInFlight?: number | undefined;
  /** What waits while the broker is away. At the bounds the oldest are dropped. Default 10,000 messages, 64 MiB. */
  readonly buffer?: { readonly maxMessages?: number | undefined; readonly maxBytes?: number | undefined } | undefined;
  /** How long the instrument may take to answer a request. Default 10,000. */
  readonly requestTimeoutMs?: number | undefined;
  /** How long `close` waits for the broker to acknowledge what waits. Default 2000. */
  readonly closeTimeoutMs?: number | undefined;
  /** Called when the state of the instrument or of the broker changes. */
  readonly onChange?: (() => void) | undefined;
  /** Called for what was not passed on: dropped, refused, too large. Repetitions are counted, and reported every 10 s. */
  readonly onWarning?: ((error: SerpyError) => void) | undefined;
}

export interface BridgeSettings {
  readonly name: string;
  readonly broker: BrokerAddress;
  readonly topics: Topics;
  readonly commands: string | undefined;
  readonly requests: string | undefined;
  readonly unit: string | undefined;
  readonly intervalMs: number;
  readonly limits: { readonly maxBytes: number; readonly whenTooLarge: 'bin' | 'refuse' };
  readonly maxInFlight: number;
  readonly buffer: { readonly maxMessages: number; readonly maxBytes: number };
  readonly requestTimeoutMs: number;
  readonly closeTimeoutMs: number;
}

const names = [
  'name',
  'source',
  'broker',
  'topic',
  'commands',
  'requests',
  'unit',
  'maxFps',
  'maxBytes',
  'whenTooLarge',
  'maxInFlight',
  'buffer',
  'requestTimeoutMs',
  'closeTimeoutMs',
  'onChange',
  'onWarning',
];

/** @throws `ERR_SERPY_OPTION` */
export function bridgeSettings(options: BridgeOptions): BridgeSettings {
  if (options === null || typeof options !== 'object')
    throw new OptionError('a bridge needs an object with name, source and broker');
  checkNames(options, names);
  const { source, topic = 'lab/{name}/{kind}', unit, whenTooLarge = 'bin', buffer = {} } = options;
  checkNames(buffer, ['maxMessages', 'maxBytes']);
  if (source === undefined) throw new OptionError('source is missing: give the URL of the instrument');
  const topics = new Topics(topic, checkName(options.name));
  const inbound = (name: 'commands' | 'requests') => {
    const value = options[name] ?? false;
    return value === false ? undefined : topics.inbound(name, value);
  };
  const [commands, requests] = [inbound('commands'), inbound('requests')];
  if (commands !== undefined && commands === requests)
    throw new OptionError(`commands and requests have the same topic ${commands}: give one of them another`);
  if (whenTooLarge !== 'bin' && whenTooLarge !== 'refuse')
    throw new OptionError(`whenTooLarge is 'bin' or 'refuse', not ${JSON.stringify(whenTooLarge)}`);
  if (unit !== undefined && (typeof unit !== 'string' || unit.length > 60))
    throw new OptionError('unit is a text of at most 60 characters');
  const maxFps = options.maxFps ?? 5;
  if (!(Number.isFinite(maxFps) && maxFps >= 0 && maxFps <= 1000))
    throw new OptionError(`maxFps is a number from 0 to 1000, not ${String(maxFps)}`);
  return {
    name: options.name,
    broker: brokerAddress(options.broker),
    topics,
    commands,
    requests,
    unit,
    intervalMs: maxFps === 0 ? 0 : 1000 / maxFps,
    limits: { maxBytes: whole('maxBytes', options.maxBytes, 1_000_000), whenTooLarge },
    maxInFlight: whole('maxInFlight', options.maxInFlight, 4, 1000),
    buffer: {
      maxMessages: whole('buffer.maxMessages', buffer.maxMessages, 10_000),
      maxBytes: whole('buffer.maxBytes', buffer.maxBytes, 64 * 2 ** 20),
    },
    requestTimeoutMs: whole('requestTimeoutMs', options.requestTimeoutMs, 10_000, 3_600_000),
    closeTimeoutMs: whole('closeTimeoutMs', options.closeTimeoutMs, 2000, 3_600_000),
  };
}

function whole(name: string, value: unknown, usual: number, most = 2 ** 40): number {
  if (value === undefined) return usual;
  if (!Number.isSafeInteger(value) || (value as number) < 1 || (value as number) > most)
    throw new OptionError(`${name} is a whole number from 1 to ${most}, not ${String(value)}`);
  return value as number;
}
