/** Connects until a link is up: one attempt at a time, with the waits of the backoff policy. `stop` ends the series. */
import type { Environment } from '../environment.js';
import { ConnectError, isSerpyError, type SerpyError } from '../errors.js';
import type { Address } from '../transport/address.js';
import type { Transport } from '../transport/transport.js';
import { backoffDelayMs, type ReconnectOptions } from './backoff.js';
import { type DialSettings, dial } from './dial.js';

/** What a series of connection attempts needs. */
export interface ReconnectSettings extends DialSettings {
  readonly reconnect: ReconnectOptions;
}

/** The events of a series of attempts. */
export interface ReconnectorListener {
  retrying(attempt: number, delayMs: number, cause: Error | undefined): void;
  /** Whether a failed attempt is repeated. If not, the series is exhausted. Default true. */
  mayRetry?(error: Error): boolean;
  connected(transport: Transport, attempt: number): void;
  exhausted(error: SerpyError): void;
}

export class Reconnector {
  readonly #environment: Environment;
  readonly #address: Address;
  readonly #settings: ReconnectSettings;
  readonly #listener: ReconnectorListener;
  /** Whether there is a session: then the peer accepts a client that returns at once. */
  inSession = false;
  readonly #stopped = new AbortController();
  #timer: unknown;
  #authFailures = 0;

  constructor(environment: Environment, address: Address, settings: ReconnectSettings, listener: ReconnectorListener) {
    this.#environment = environment;
    this.#address = address;
    this.#settings = settings;
    this.#listener = listener;
  }

  /** Waits, then connects. @param cause why the last link or attempt failed */
  next(attempt: number, cause: Error | undefined): void {
    if (this.#stopped.signal.aborted) return;
    this.#authFailures = isSerpyError(cause) && cause.code === 'ERR_SERPY_AUTH' ? this.#authFailures + 1 : 0;
    const { reconnect } = this.#settings;
    const chance = this.#environment.random();
    const delayMs = backoffDelayMs(attempt, chance, reconnect, this.inSession, this.#authFailures);
    if (delayMs === undefined) {
      this.#listener.exhausted(exhaustedError(this.#address, reconnect.maxAttempts, cause));
      return;
    }
    this.#timer = this.#environment.clock.setTimeout(() => void this.#dial(attempt), delayMs);
    this.#listener.retrying(attempt, delayMs, cause);
  }

  /** Ends the series: no further attempt, and no further event. */
  stop(): void {
    this.#environment.clock.clearTimeout(this.#timer);
    this.#stopped.abort();
  }

  async #dial(attempt: number): Promise<void> {
    let transport: Transport;
    try {
      transport = await dial(this.#environment, this.#address, this.#settings, this.#stopped.signal);
    } catch (error) {
      if (this.#stopped.signal.aborted) return;
      if (this.#listener.mayRetry?.(error as Error) === false) this.#listener.exhausted(error as SerpyError);
      else this.next(attempt + 1, error as Error);
      return;
    }
    if (this.#stopped.signal.aborted) transport.destroy();
    else this.#listener.connected(transport, attempt);
  }
}

function exhaustedError({ host, port }: Address, attempts: number, cause: Error | undefined): ConnectError {
  const count = `${attempts} attempt${attempts === 1 ? '' : 's'}`;
  const last = cause ? `. Last error: ${cause.message}` : '';
  return new ConnectError(`gave up reconnecting to ${host}:${port} after ${count} (reconnect.maxAttempts)${last}`, {
    cause,
  });
}
