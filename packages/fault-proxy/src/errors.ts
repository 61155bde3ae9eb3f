/** The error class of the proxy, with a stable `code` for each case that a program can handle. */

/** The `code` of every error of the proxy. */
export type FaultProxyErrorCode =
  | 'ERR_FAULT_PROXY_OPTION'
  | 'ERR_FAULT_PROXY_LISTEN'
  | 'ERR_FAULT_PROXY_STATE'
  | 'ERR_FAULT_PROXY_CALLBACK';

/**
 * An error of the proxy. Match by `code`, because a program may load two copies of the package:
 * - `ERR_FAULT_PROXY_OPTION`: an option has the wrong type, range or name; the message names it and what it takes
 * - `ERR_FAULT_PROXY_LISTEN`: the port is in use or not permitted; `cause` is the system's error
 * - `ERR_FAULT_PROXY_STATE`: `start()` was called twice, or a method after `close()`
 * - `ERR_FAULT_PROXY_CALLBACK`: your function `plan` or `frames` threw (`cause`) or returned an invalid value
 */
export class FaultProxyError extends Error {
  override readonly name = 'FaultProxyError';
  readonly code: FaultProxyErrorCode;

  constructor(code: FaultProxyErrorCode, message: string, options?: ErrorOptions) {
    super(message, options);
    this.code = code;
  }
}
