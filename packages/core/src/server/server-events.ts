/** The events of a server. */
import type { AcceptError, AnySerpyError } from '../any-error.js';
import type { Address } from '../transport/address.js';
import type { AdmissionLimit } from './admission.js';
import type { HandshakeLimit } from './handshake-limiter.js';

/** With `drop`: a server turned a peer away. */
export interface DropInfo {
  readonly remote: Address;
  /** The option whose limit was reached. */
  readonly reason: AdmissionLimit | HandshakeLimit;
  /** The server's limit of connections, whatever the reason. */
  readonly maxConnections: number;
}

export interface ServerEvents<C> {
  listening: [address: Address];
  connection: [connection: C];
  drop: [info: DropInfo];
  close: [];
  /** Accepting a peer failed, because it did not prove to have the key, or too many files are open; the server goes on. */
  warning: [error: AnySerpyError | AcceptError];
}
