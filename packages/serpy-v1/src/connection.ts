/** A connection that speaks v1. */
import { type ConnectionSettings, Connection as CoreConnection, type Environment, parseOptions } from 'serpy-core';
import { type ConnectionOptions, type V1Setting, v1ConnectionOptions } from './options.js';
import { type V1, v1Protocol } from './protocol.js';

/** Checked options, and the protocol that uses them. A server makes them once: a copy for each connection would take 700 bytes. */
export class ConnectionSetup {
  readonly settings: ConnectionSettings;
  readonly protocol: ReturnType<typeof v1Protocol>;

  constructor(settings: ConnectionSettings & V1Setting) {
    this.settings = settings;
    this.protocol = v1Protocol(settings);
  }
}

/**
 * One connection to one v1 peer: a program with Python's serpy, or with serpy for Node.
 *
 * ```ts
 * const connection = await new Connection({ encoding: 'utf-8', autoRestart: true }).connect('127.0.0.1', 5001);
 * const arrived = await connection.sendData('hello', { mode: 1, timeoutMs: 2000 });
 * const answer = await connection.getData({ timeoutMs: 1000 });
 * await connection.close();
 * ```
 */
export class Connection extends CoreConnection<V1> {
  /** @throws `ERR_SERPY_OPTION` for an unknown option or a wrong value */
  constructor(options?: ConnectionOptions, environment?: Environment);
  constructor(options: ConnectionOptions | ConnectionSetup = {}, environment?: Environment) {
    const { settings, protocol } =
      options instanceof ConnectionSetup ? options : new ConnectionSetup(parseOptions(v1ConnectionOptions, options));
    super(protocol, settings, environment);
  }
}
