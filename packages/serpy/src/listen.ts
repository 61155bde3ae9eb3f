/** Starts a server with the configured protocol. */
import type { Environment, Started } from 'serpy-core';
import { type ListenOptions, type ListenOptionsOf, parseListenOptions } from './config/options.js';
import { parseUrl } from './config/url.js';
import { Server } from './server.js';

/**
 * Starts a server, and resolves with it. The type of its connections depends on `protocol`. With `'auto'` each client may speak either protocol.
 *
 * ```ts
 * const server = await listen({ protocol: 'auto', port: 5001 });
 * for await (const connection of server) await connection.sendData('welcome');
 * ```
 * @throws `ERR_SERPY_OPTION`, and the errors of `server.start`
 */
export function listen(
  options: ListenOptionsOf<'v1'> | `serpy1://${string}` | `serpy1+tls://${string}`,
  environment?: Environment,
): Promise<Started<Server<'v1'>>>;
export function listen(
  options: ListenOptionsOf<'v2'> | `serpy2://${string}` | `serpy2+tls://${string}`,
  environment?: Environment,
): Promise<Started<Server<'v2'>>>;
export function listen(
  options: ListenOptionsOf<'lines'> | `lines://${string}` | `lines+tls://${string}`,
  environment?: Environment,
): Promise<Started<Server<'lines'>>>;
export function listen(
  options: ListenOptionsOf<'auto'> | `serpy://${string}` | `serpy+tls://${string}`,
  environment?: Environment,
): Promise<Started<Server>>;
export function listen(options: ListenOptions | string, environment?: Environment): Promise<Started<Server>>;
export async function listen(options: ListenOptions | string, environment?: Environment): Promise<unknown> {
  const { protocol, ...settings } = parseListenOptions(typeof options === 'string' ? parseUrl(options) : options);
  return new Server<'auto'>(protocol as 'auto', settings, environment).start();
}
