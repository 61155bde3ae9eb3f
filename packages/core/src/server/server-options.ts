/** The options of a server: their types, defaults and checks. */
import { addressOptions } from '../connection/connection-options.js';
import { type OptionSpecs, option } from '../options/option.js';
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

/** The settings of a server that are those of each of its connections. */
export function withoutServerOptions<T extends ServerSettings>(settings: T): Omit<T, keyof ServerSettings> {
  const entries = Object.entries(settings).filter(([name]) => !(name in serverOptions));
  return Object.fromEntries(entries) as Omit<T, keyof ServerSettings>;
}
