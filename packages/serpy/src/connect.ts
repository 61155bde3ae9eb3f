/** Connects to a server with the configured protocol. */
import { type Environment, OptionError, systemEnvironment, type WaitOptions } from 'serpy-core';
import { serverRecord } from './auto/server-memory.js';
import { type ConnectOptions, type ConnectOptionsOf, parseConnectOptions } from './config/options.js';
import { parseUrl } from './config/url.js';
import { Connection } from './connection.js';

/** How long `connect` waits, and what it does first. */
export interface ConnectCall extends WaitOptions {
  /** Called with the connection before the first attempt, to add listeners: for `reconnecting`, or for `warning` while the server is awaited. */
  readonly prepare?: ((connection: Connection) => void) | undefined;
}

/**
 * Connects to a server, and resolves with the connection. Its type depends on `protocol`. A server that is not there yet is awaited
 * (`waitForServer`), and a connection that breaks is made again (`autoRestart`).
 *
 * ```ts
 * const connection = await connect({ port: 5001 });
 * const connection = await connect({ protocol: 'v2', host: '192.168.1.20', port: 5001, waitForServer: false });
 * const connection = await connect('serpy1://127.0.0.1:5001?encoding=utf-8');
 * const instrument = await connect('lines://192.168.1.30:5025');
 * const connection = await connect(loadConfig('instrument.json'));
 * ```
 * @param call a timeout for the whole call, a signal that aborts it, and `prepare`
 * @throws `ERR_SERPY_OPTION`, and the errors of `connection.connect`
 */
export function connect(
  options: ConnectOptionsOf<'v1'> | `serpy1://${string}` | `serpy1+tls://${string}`,
  call?: ConnectCall,
  environment?: Environment,
): Promise<Connection<'v1'>>;
export function connect(
  options: ConnectOptionsOf<'v2'> | `serpy2://${string}` | `serpy2+tls://${string}`,
  call?: ConnectCall,
  environment?: Environment,
): Promise<Connection<'v2'>>;
export function connect(
  options: ConnectOptionsOf<'lines'> | `lines://${string}` | `lines+tls://${string}`,
  wait?: WaitOptions,
  environment?: Environment,
): Promise<Connection<'lines'>>;
export function connect(
  options: ConnectOptionsOf<'auto'> | `serpy://${string}` | `serpy+tls://${string}`,
  call?: ConnectCall,
  environment?: Environment,
): Promise<Connection>;
export function connect(
  options: ConnectOptions | string,
  call?: ConnectCall,
  environment?: Environment,
): Promise<Connection>;
export async function connect(
  options: ConnectOptions | string,
  call: ConnectCall = {},
  environment?: Environment,
): Promise<unknown> {
  const { protocol, host, port, ...settings } = parseConnectOptions(
    typeof options === 'string' ? parseUrl(options) : options,
  );
  const { prepare, ...wait } = call;
  if (prepare !== undefined && typeof prepare !== 'function')
    throw new OptionError('prepare takes a function, which is called with the connection');
  const encrypted = settings.key !== undefined || settings.tls !== undefined;
  const record = serverRecord(environment ?? systemEnvironment, { host, port }, encrypted);
  const connection = new Connection<'auto'>(protocol as 'auto', { ...settings, record }, environment);
  prepare?.(connection);
  try {
    return await connection.connect(host, port, wait);
  } catch (error) {
    record.forget(); // another program may listen there next
    throw error;
  }
}
