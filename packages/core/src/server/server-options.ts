/** The options of a server: their types, defaults and checks. */
import {
  addressOptions,
  type ClientOption,
  type ConnectionSettings,
  connectionOptions,
} from '../connection/connection-options.js';
import { type OptionSpecs, option, parseOptions } from '../options/option.js';
import type { AdmissionLimits } from './admission.js';
import type { HandshakeLimits } from './handshake-limiter.js';

/** The options of a server without those of its connections. */
export interface ServerSettings extends HandshakeLimits, AdmissionLimits {
  /** The address to listen on. Default 127.0.0.1: only programs on this computer can connect. */
  readonly host: string;
  /** The port to listen on; 0 selects a free port, which `server.address` contains. */
  readonly port: number;
  /** The memory for partially received messages of all connections together. Default 256 MiB. */
  readonly maxPartialMessageBytes: number;
  /** Accept other computers without key and certificates. Default false. */
  readonly insecure: boolean;
}

/** The default of `maxConnections`. */
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
const { autoRestart, waitForServer, connectTimeoutMs, reconnect } = parseOptions<ConnectionSettings>(
  connectionOptions,
  {},
);

/** The settings of each connection of a server: the server's without its own options. */
export function acceptedSettings<T extends ServerSettings>(
  settings: T,
): Omit<T, keyof ServerSettings> & Pick<ConnectionSettings, ClientOption> {
  const entries = Object.entries(settings).filter(([name]) => !(name in serverOptions));
  const accepted = Object.fromEntries(entries) as Omit<T, keyof ServerSettings>;
  return { ...accepted, autoRestart, waitForServer, connectTimeoutMs, reconnect };
}
