/** What a connection knows of its peer. Types only. */
import type { Address } from '../transport/address.js';

export interface PeerInfo {
  /** The option `name` of the peer. Undefined without a session, and if the peer has none. A peer can state any name: it proves nothing. */
  readonly name: string | undefined;
  /** Undefined until it is detected. */
  readonly protocol: string | undefined;
  /** On the current or the last link. */
  readonly address: Address | undefined;
}
