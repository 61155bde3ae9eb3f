/** A server that speaks v1. */
import {
  acceptedSettings,
  Server as CoreServer,
  type Environment,
  type PartialOptions,
  parseOptions,
  type ServerSettings,
  serverOptions,
} from 'serpy-core';
import { Connection, ConnectionSetup } from './connection.js';
import { type ConnectionOptions, type V1ClientOption, v1AcceptedOptions, v1ConnectionOptions } from './options.js';
import type { V1 } from './protocol.js';

/** The address, the limits of a server, and the options of each connection. */
export type ServerOptions = PartialOptions<ServerSettings> & Omit<ConnectionOptions, V1ClientOption>;

/** The options of a v1 client, at their defaults: an accepted connection never uses them. */
const { modeChangeTimeoutMs, maxUnansweredLinks } = parseOptions(v1ConnectionOptions, {});

/**
 * Accepts v1 peers.
 *
 * ```ts
 * const server = await new Server({ port: 5001, encoding: 'utf-8' }).start();
 * for await (const connection of server) connection.sendData('welcome');
 * ```
 */
export class Server extends CoreServer<V1, Connection> {
  /** @throws `ERR_SERPY_OPTION` for an unknown option, a wrong value or a missing port */
  constructor(options: ServerOptions, environment?: Environment) {
    const settings = parseOptions({ ...serverOptions, ...v1AcceptedOptions }, options);
    const setup = new ConnectionSetup({ modeChangeTimeoutMs, maxUnansweredLinks, ...acceptedSettings(settings) });
    super(settings, () => new Connection(setup as object, environment), environment);
  }
}
