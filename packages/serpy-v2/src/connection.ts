/** A connection that speaks v2. */
import {
  type ConnectionOptions,
  type ConnectionSettings,
  Connection as CoreConnection,
  connectionOptions,
  type Environment,
  parseOptions,
} from 'serpy-core';
import { type V2, v2Protocol } from './protocol.js';

export type { ConnectionOptions };

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
  constructor(options: ConnectionOptions = {}, environment?: Environment) {
    const settings = parseOptions<ConnectionSettings>(connectionOptions, options);
    super(v2Protocol(settings), settings, environment);
  }
}
