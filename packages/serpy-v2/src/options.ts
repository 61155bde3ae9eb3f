/** The options of v2: those of every connection, and those of the handshake. */
import {
  acceptedOptions,
  type ConnectionSettings,
  connectionOptions,
  type DiallingOption,
  type Given,
  type OptionSpecs,
} from 'serpy-core';
import { type HandshakeOptions, handshakeOptions } from './handshake/settings.js';

/** The options of a v2 connection, complete. */
export type V2Settings = ConnectionSettings & HandshakeOptions;

/** The options of a v2 connection. All may be left out. */
export type ConnectionOptions = Given<V2Settings>;

/** What each option of a connection takes. Who says v2 gets plain v2 unless a handshake is asked for. */
export const v2ConnectionOptions: OptionSpecs<V2Settings> = { ...connectionOptions, ...handshakeOptions('off') };

/** What each option of a connection that was accepted takes. To be ready for a handshake costs a server nothing. */
export const v2AcceptedOptions: OptionSpecs<Omit<V2Settings, DiallingOption>> = {
  ...acceptedOptions,
  ...handshakeOptions('prefer'),
};
