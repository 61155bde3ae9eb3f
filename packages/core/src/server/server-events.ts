/** The events of a server. */
import type { AcceptError, AnySerpyError } from '../any-error.js';
import type { Address } from '../transport/address.js';
import type { AdmissionLimit } from './admission.js';
import type { HandshakeLimit } from './handshake-limiter.js';

/** The event `drop`: a server rejected a client because of a limit. */
export interface DropInfo {
  readonly remote: Address;
  /** The option whose limit was reached. */
  readonly reason: AdmissionLimit | HandshakeLimit;
  /** The limit of connections of the server, for every `reason`. */
  readonly maxConnections: number;
}

export interface ServerEvents<C> {
  listening: [address: Address];
  connection: [connection: C];
  drop: [info: DropInfo];
  close: [];
  /** The server did not accept a client, because authentication failed or too many files are open. The server continues. */
  warning: [error: AnySerpyError | AcceptError];
}
