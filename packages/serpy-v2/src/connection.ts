/** A connection that speaks v2. */
import { Connection as CoreConnection, type Environment, parseOptions } from 'serpy-core';
import { type ConnectionOptions, type V2Settings, v2ConnectionOptions, withSession } from './options.js';
import { type V2, v2Protocol } from './protocol.js';

/** Options that were checked, and the protocol that goes by them. A server makes them once: for each connection they were 700 bytes. */
export class ConnectionSetup {
  readonly settings: V2Settings;
  readonly protocol: ReturnType<typeof v2Protocol>;

  constructor(settings: V2Settings) {
    this.settings = settings;
    this.protocol = v2Protocol(this.settings);
  }
}

/**
 * One connection to one v2 peer, a Python serpy2 program or another of ours.
 *
 * ```ts
 * const connection = await new Connection({ autoRestart: true }).connect('127.0.0.1', 5000);
 * await connection.sendData('hello');
 * const answer = await connection.getData({ timeoutMs: 1000 });
 * await connection.close();
 * ```
 */
export class Connection extends CoreConnection<V2> {
  /** @throws `ERR_SERPY_OPTION` for an unknown option or a wrong value */
  constructor(options?: ConnectionOptions, environment?: Environment);
  constructor(options: ConnectionOptions | ConnectionSetup = {}, environment?: Environment) {
    const { settings, protocol } =
      options instanceof ConnectionSetup
        ? options
        : new ConnectionSetup(parseOptions(v2ConnectionOptions, withSession(options)));
    super(protocol, settings, environment);
  }
}
