/** A server of the facade: either protocol, or whichever each peer speaks. */
import {
  type ConnectionSettings,
  Server as CoreServer,
  connectionOptions,
  type DiallingOption,
  type Environment,
  parseOptions,
  type ServerSettings,
} from 'serpy-core';
import { Connection } from './connection.js';
import type { ProtocolSettings, TypesOf } from './portable.js';
import type { ProtocolName } from './protocols.js';

/** The settings that only the end that dials has, as they are when nothing is said. */
const { autoRestart, connectTimeoutMs, reconnect } = parseOptions<ConnectionSettings>(connectionOptions, {});

/** What `listen` gives. */
export class Server<P extends ProtocolName = 'auto'> extends CoreServer<TypesOf[P], Connection<P>> {
  /** The protocol that was asked for. */
  readonly protocol: ProtocolName;

  constructor(
    protocol: P,
    settings: ServerSettings & Omit<ConnectionSettings, DiallingOption> & ProtocolSettings,
    environment?: Environment,
  ) {
    const each = { ...settings, autoRestart, connectTimeoutMs, reconnect };
    super(settings, () => new Connection(protocol, each, environment), environment);
    this.protocol = protocol;
  }
}
