/** A connection of the facade: either protocol behind one interface. */
import { type ConnectionSettings, Connection as CoreConnection, type Environment } from 'serpy-core';
import { createProtocol, type ProtocolSettings, type TypesOf } from './portable.js';
import type { ProtocolName } from './protocols.js';

/** What `connect` gives. Its messages answer `text()`, `bytes()` and `number()` alike over either protocol. */
export class Connection<P extends ProtocolName = 'auto'> extends CoreConnection<TypesOf[P]> {
  /** The protocol that was asked for. */
  readonly protocol: ProtocolName;

  constructor(protocol: P, settings: ConnectionSettings & ProtocolSettings, environment?: Environment) {
    super(createProtocol(protocol, settings), settings, environment);
    this.protocol = protocol;
  }
}
