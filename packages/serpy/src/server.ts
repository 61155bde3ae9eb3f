/** A server for one protocol, or for clients of both. */
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

/** The result of `listen`. */
export class Server<P extends ProtocolName = 'auto'> extends CoreServer<TypesOf[P], Connection<P>> {
  /** The option `protocol`. */
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
