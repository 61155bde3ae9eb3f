/** Dials a peer, over the protocol that the configuration says. */
import type { Environment, WaitOptions } from 'serpy-core';
import { type ConnectOptions, type ConnectOptionsOf, parseConnectOptions } from './config/options.js';
import { parseUrl } from './config/url.js';
import { Connection } from './connection.js';

/**
 * Dials a peer and resolves with the connection, whose type follows `protocol`.
 *
 * ```ts
 * const connection = await connect({ protocol: 'v2', host: '127.0.0.1', port: 5001, autoRestart: true });
 * const connection = await connect('serpy1://127.0.0.1:5001?encoding=utf-8');
 * const connection = await connect(loadConfig('instrument.json'));
 * ```
 * @param wait how long all of it may take, and a signal that ends it
 * @throws `ERR_SERPY_OPTION`, and what `connection.connect` throws
 */
export function connect(
  options: ConnectOptionsOf<'v1'> | `serpy1://${string}` | `serpy1+tls://${string}`,
  wait?: WaitOptions,
  environment?: Environment,
): Promise<Connection<'v1'>>;
export function connect(
  options: ConnectOptionsOf<'v2'> | `serpy2://${string}` | `serpy2+tls://${string}`,
  wait?: WaitOptions,
  environment?: Environment,
): Promise<Connection<'v2'>>;
export function connect(
  options: ConnectOptionsOf<'auto'> | `serpy://${string}` | `serpy+tls://${string}`,
  wait?: WaitOptions,
  environment?: Environment,
): Promise<Connection>;
export function connect(
  options: ConnectOptions | string,
  wait?: WaitOptions,
  environment?: Environment,
): Promise<Connection>;
export async function connect(
  options: ConnectOptions | string,
  wait?: WaitOptions,
  environment?: Environment,
): Promise<unknown> {
  const { protocol, host, port, ...settings } = parseConnectOptions(
    typeof options === 'string' ? parseUrl(options) : options,
  );
  return new Connection<'auto'>(protocol as 'auto', settings, environment).connect(host, port, wait);
}
