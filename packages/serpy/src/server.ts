/** A server of the facade: either protocol, or whichever each peer speaks. */
import {
  acceptedSettings,
  type ConnectionSettings,
  Server as CoreServer,
  type DiallingOption,
  type Environment,
  type ServerSettings,
} from 'serpy-core';
import { Connection } from './connection.js';
import { createProtocol, type ProtocolSettings, type TypesOf } from './create-protocol.js';
import type { ProtocolName } from './protocols.js';

/** What `listen` gives. */
export class Server<P extends ProtocolName = 'auto'> extends CoreServer<TypesOf[P], Connection<P>> {
  /** The protocol that was asked for. */
  readonly protocol: ProtocolName;

  constructor(
    protocol: P,
    settings: ServerSettings & Omit<ConnectionSettings, DiallingOption> & Omit<ProtocolSettings, DiallingOption>,
    environment?: Environment,
  ) {
    const each = { ...acceptedSettings(settings), authTimeoutMs: settings.authTimeoutMs };
    const shared = createProtocol(protocol, each);
    super(settings, () => new Connection(protocol, each, environment, shared), environment);
    this.protocol = protocol;
  }
}
