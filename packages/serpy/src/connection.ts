/** A connection of the facade: either protocol behind one interface. */
import { type ConnectionSettings, Connection as CoreConnection, type Environment, type Protocol } from 'serpy-core';
import { createProtocol, type ProtocolSettings, type TypesOf } from './portable.js';
import type { ProtocolName } from './protocols.js';

/** What `connect` gives. Its messages answer `text()`, `bytes()` and `number()` alike over either protocol. */
export class Connection<P extends ProtocolName = 'auto'> extends CoreConnection<TypesOf[P]> {
  /** The protocol that was asked for. */
  readonly protocol: ProtocolName;

  /** @param shared the protocol of all connections of a server, which may find their sessions in it again */
  constructor(
    protocol: P,
    settings: ConnectionSettings & ProtocolSettings,
    environment?: Environment,
    shared: Protocol<TypesOf[P]> = createProtocol(protocol, settings),
  ) {
    super(shared, settings, environment);
    this.protocol = protocol;
  }

  /** The protocol that the peer speaks; undefined before that is known, as it is with `'auto'` until the peer has shown it. */
  override get peerProtocol(): 'v1' | 'v2' | undefined {
    return super.peerProtocol as 'v1' | 'v2' | undefined;
  }
}
