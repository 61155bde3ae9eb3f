/** The options of v2: those of every connection, and those of the handshake. */
import {
  acceptedOptions,
  type ConnectionSettings,
  connectionOptions,
  type DiallingOption,
  type OptionSpecs,
  type PartialOptions,
} from 'serpy-core';
import { type HandshakeOptions, handshakeOptions } from './handshake/handshake-options.js';

/** The options of a v2 connection, complete. */
export type V2Settings = ConnectionSettings & HandshakeOptions;

/** The options of a v2 connection. All may be left out. */
export type ConnectionOptions = PartialOptions<V2Settings>;

/** What each option of a connection takes. Who says v2 gets plain v2 unless a handshake is asked for. */
export const v2ConnectionOptions: OptionSpecs<V2Settings> = { ...connectionOptions, ...handshakeOptions('off') };

/** Options of a client: with a key or certificates both ends are ours, and it gets a session or an error unless it says otherwise. */
export function withSession<T extends object>(options: T): T {
  if (options === null || typeof options !== 'object' || Array.isArray(options)) return options; // told by who checks them
  const { session, key, tls } = options as { session?: unknown; key?: unknown; tls?: unknown };
  const isSecure = key !== undefined || (tls !== undefined && tls !== false);
  return session === undefined && isSecure ? { ...options, session: 'require' } : options;
}

/** What each option of a connection that was accepted takes. To be ready for a handshake costs a server nothing. */
export const v2AcceptedOptions: OptionSpecs<Omit<V2Settings, DiallingOption>> = {
  ...acceptedOptions,
  ...handshakeOptions('prefer'),
};
