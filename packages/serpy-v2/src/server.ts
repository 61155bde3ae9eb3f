/** A server that speaks v2. */
import {
  acceptedSettings,
  type ClientOption,
  Server as CoreServer,
  type Environment,
  type PartialOptions,
  parseOptions,
  type ServerSettings,
  serverOptions,
} from 'serpy-core';
import { Connection, ConnectionSetup } from './connection.js';
import { type ConnectionOptions, v2AcceptedOptions } from './options.js';
import type { V2 } from './protocol.js';

/** The address, the limits and the options of each connection. */
export type ServerOptions = PartialOptions<ServerSettings> & Omit<ConnectionOptions, ClientOption>;

/**
 * Accepts v2 peers.
 *
 * ```ts
 * const server = await new Server({ port: 5001 }).start();
 * for await (const connection of server) connection.sendData('welcome');
 * ```
 */
export class Server extends CoreServer<V2, Connection> {
  /** @throws `ERR_SERPY_OPTION` for an unknown option, a wrong value or a missing port */
  constructor(options: ServerOptions, environment?: Environment) {
    const settings = parseOptions({ ...serverOptions, ...v2AcceptedOptions }, options);
    const { authTimeoutMs } = settings;
    const each = { ...acceptedSettings(settings), authTimeoutMs };
    const setup = new ConnectionSetup(each);
    super(settings, () => new Connection(setup as object, environment), environment);
  }
}
