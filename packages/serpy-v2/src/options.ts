/** The options of v2: those of every connection and those of the handshake. */
import {
  acceptedOptions,
  type ClientOption,
  type ConnectionSettings,
  connectionOptions,
  type OptionSpecs,
  type PartialOptions,
} from 'serpy-core';
import { type HandshakeOptions, handshakeOptions } from './handshake/handshake-options.js';

/** The options of a v2 connection, complete. */
export type V2Settings = ConnectionSettings & HandshakeOptions;

/** The options of a v2 connection, all optional. */
export type ConnectionOptions = PartialOptions<V2Settings>;

/** The accepted values of each option of a connection. A client of v2 connects without a session by default. */
export const v2ConnectionOptions: OptionSpecs<V2Settings> = { ...connectionOptions, ...handshakeOptions('off') };

/** A client's options with the default of `session`: `'require'` with a `key` or `tls`, because then both ends are serpy for Node. */
export function withSession<T extends object>(options: T): T {
  if (options === null || typeof options !== 'object' || Array.isArray(options)) return options; // `parseOptions` reports it
  const { session, key, tls } = options as { session?: unknown; key?: unknown; tls?: unknown };
  const isSecure = key !== undefined || (tls !== undefined && tls !== false);
  return session === undefined && isSecure ? { ...options, session: 'require' } : options;
}

/** The accepted values of each option of an accepted connection. The default is `'prefer'`: it costs a server nothing. */
export const v2AcceptedOptions: OptionSpecs<Omit<V2Settings, ClientOption>> = {
  ...acceptedOptions,
  ...handshakeOptions('prefer'),
};
