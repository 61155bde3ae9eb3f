/** A server for one protocol, or for clients of both. */
import {
  acceptedSettings,
  type BroadcastOptions,
  type BroadcastResult,
  type ClientOption,
  type ConnectionSettings,
  Server as CoreServer,
  type Environment,
  type ServerSettings,
} from 'serpy-core';
import { arrayForV1, Connection } from './connection.js';
import { createProtocol, type ProtocolSettings, type TypesOf } from './create-protocol.js';
import type { ProtocolName } from './protocols.js';

/** The result of `listen`. */
export class Server<P extends ProtocolName = 'auto'> extends CoreServer<TypesOf[P], Connection<P>> {
  /** The option `protocol`. */
  readonly protocol: ProtocolName;

  constructor(
    protocol: P,
    settings: ServerSettings & Omit<ConnectionSettings, ClientOption> & Omit<ProtocolSettings, ClientOption>,
    environment?: Environment,
  ) {
    const each = { ...acceptedSettings(settings), authTimeoutMs: settings.authTimeoutMs };
    const shared = createProtocol(protocol, each);
    super(settings, () => new Connection(protocol, each, environment, shared), environment);
    this.protocol = protocol;
  }

  /** As for every server. Sends an array as a `.npy` in a message of bytes, over v1 in modes 0 to 3. */
  override broadcast(
    value: TypesOf[P]['value'],
    options: BroadcastOptions<TypesOf[P], Connection<P>> = {},
  ): Promise<BroadcastResult> {
    try {
      return super.broadcast(this.protocol === 'v1' ? arrayForV1(value, options?.send) : value, options);
    } catch (error) {
      return Promise.reject(error);
    }
  }
}
