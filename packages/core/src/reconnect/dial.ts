/** One attempt to connect, bounded in time. */
import type { Environment } from '../environment.js';
import { ConnectError } from '../errors.js';
import type { Security } from '../security/security.js';
import type { Address } from '../transport/address.js';
import { noAnswerAdvice } from '../transport/system-errors.js';
import type { Transport } from '../transport/transport.js';

/** What one connection attempt needs. */
export interface DialSettings {
  readonly connectTimeoutMs: number;
  readonly keepAliveMs: number;
  readonly security?: Security | undefined;
}

/** Connects once, within `connectTimeoutMs`. Rejects with a `ConnectError` or an `AuthenticationError`. */
export async function dial(
  environment: Environment,
  address: Address,
  settings: DialSettings,
  signal: AbortSignal,
): Promise<Transport> {
  const { clock } = environment;
  const attempt = new AbortController();
  const abort = () => attempt.abort(signal.reason);
  if (signal.aborted) abort();
  signal.addEventListener('abort', abort, { once: true });
  const timer = clock.setTimeout(
    () =>
      attempt.abort(
        new ConnectError(
          `${address.host}:${address.port} did not answer within ${settings.connectTimeoutMs} ms (connectTimeoutMs): ${noAnswerAdvice}`,
        ),
      ),
    settings.connectTimeoutMs,
  );
  try {
    const { keepAliveMs, security } = settings;
    const startMs = clock.now();
    const transport = await environment.dial({ ...address, keepAliveMs, signal: attempt.signal, security });
    transport.connectMs = clock.now() - startMs;
    return transport;
  } finally {
    clock.clearTimeout(timer);
    signal.removeEventListener('abort', abort);
  }
}
