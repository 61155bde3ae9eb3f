/** Every error that the proxy throws, rejects with or tells by an event: one class, and a stable `code` for each decision. */

/** The `code` of every error of the proxy. */
export type FaultProxyErrorCode =
  | 'ERR_FAULT_PROXY_OPTION'
  | 'ERR_FAULT_PROXY_LISTEN'
  | 'ERR_FAULT_PROXY_STATE'
  | 'ERR_FAULT_PROXY_CALLBACK';

/**
 * An error of the proxy. Match by `code`, as a program may hold two copies of the package:
 * - `ERR_FAULT_PROXY_OPTION`: an option has the wrong type, range or name; the message names it and says what it takes
 * - `ERR_FAULT_PROXY_LISTEN`: the port is in use or not allowed; `cause` has the system's error
 * - `ERR_FAULT_PROXY_STATE`: `start()` was called twice, or something after `close()`
 * - `ERR_FAULT_PROXY_CALLBACK`: a function of yours, `plan` or `frames`, threw (`cause`) or gave what it must not give
 */
export class FaultProxyError extends Error {
  override readonly name = 'FaultProxyError';
  readonly code: FaultProxyErrorCode;

  constructor(code: FaultProxyErrorCode, message: string, options?: ErrorOptions) {
    super(message, options);
    this.code = code;
  }
}
