/** The options of a server: their types, defaults and checks. */
import {
  addressOptions,
  type ConnectionSettings,
  connectionOptions,
  type DiallingOption,
} from '../connection/connection-options.js';
import { type OptionSpecs, option, parseOptions } from '../options/option.js';
import type { AdmissionLimits } from './admission.js';
import type { HandshakeLimits } from './handshake-limiter.js';

/** The options of a server, besides those of its connections. */
export interface ServerSettings extends HandshakeLimits, AdmissionLimits {
  /** The address to listen on. Default 127.0.0.1: this computer alone. */
  readonly host: string;
  /** The port to listen on; 0 takes any free one, which `server.address` then tells. */
  readonly port: number;
  /** How much memory messages that have come in part may take, of all peers together. Default 256 MiB. */
  readonly maxPartialMessageBytes: number;
  /** Listen to other computers with neither key nor certificates. Default false. */
  readonly insecure: boolean;
}

/** How many connections a server has at a time unless `maxConnections` says otherwise. */
export const defaultMaxConnections = 64;

export const serverOptions: OptionSpecs<ServerSettings> = {
  ...addressOptions,
  maxConnections: option.count(1, 1000000, defaultMaxConnections),
  maxConnectionsPerAddress: option.countOrInfinity(1, 16),
  maxPartialMessageBytes: option.count(1, Number.MAX_SAFE_INTEGER, 256 * 1024 * 1024),
  insecure: option.flag(false),
  authTimeoutMs: option.milliseconds(5000, 1),
  maxPendingConnections: option.count(1, 1000000, 32),
  maxAuthFailuresPerMinute: option.countOrInfinity(1, 5),
};

/** The options of the end that connects, at their defaults: an accepted connection never uses them. */
const { autoRestart, connectTimeoutMs, reconnect } = parseOptions<ConnectionSettings>(connectionOptions, {});

/** The settings of each connection of a server: the server's without its own options. */
export function acceptedSettings<T extends ServerSettings>(
  settings: T,
): Omit<T, keyof ServerSettings> & Pick<ConnectionSettings, DiallingOption> {
  const entries = Object.entries(settings).filter(([name]) => !(name in serverOptions));
  const accepted = Object.fromEntries(entries) as Omit<T, keyof ServerSettings>;
  return { ...accepted, autoRestart, connectTimeoutMs, reconnect };
}
