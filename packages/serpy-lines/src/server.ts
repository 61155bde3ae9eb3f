/** A server that exchanges lines of text. */
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
import { Connection, type ConnectionOptions, ConnectionSetup } from './connection.js';
import { linesAcceptedOptions } from './options.js';
import type { Lines } from './protocol.js';

/** Where to listen, how many connections, and the options of each. */
export type ServerOptions = PartialOptions<ServerSettings> & Omit<ConnectionOptions, ClientOption>;

/** Accepts peers that send and receive lines: `await new Server({ port: 5001 }).start()`. */
export class Server extends CoreServer<Lines, Connection> {
  /** @throws `ERR_SERPY_OPTION` for an unknown option, a wrong value or a missing port */
  constructor(options: ServerOptions, environment?: Environment) {
    const settings = parseOptions({ ...serverOptions, ...linesAcceptedOptions }, options);
    const setup = new ConnectionSetup(acceptedSettings(settings));
    super(settings, () => new Connection(setup as object, environment), environment);
  }
}
