/** Connects to a server with the configured protocol. */
import type { Environment, WaitOptions } from 'serpy-core';
import { type ConnectOptions, type ConnectOptionsOf, parseConnectOptions } from './config/options.js';
import { parseUrl } from './config/url.js';
import { Connection } from './connection.js';

/**
 * Connects to a server, and resolves with the connection. Its type depends on `protocol`.
 *
 * ```ts
 * const connection = await connect({ protocol: 'v2', host: '127.0.0.1', port: 5001, autoRestart: true });
 * const connection = await connect('serpy1://127.0.0.1:5001?encoding=utf-8');
 * const instrument = await connect('lines://192.168.1.30:5025');
 * const connection = await connect(loadConfig('instrument.json'));
 * ```
 * @param wait a timeout for the whole call, and a signal that aborts it
 * @throws `ERR_SERPY_OPTION`, and the errors of `connection.connect`
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
  options: ConnectOptionsOf<'lines'> | `lines://${string}` | `lines+tls://${string}`,
  wait?: WaitOptions,
  environment?: Environment,
): Promise<Connection<'lines'>>;
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
