/** Dials until a link is up: the waits of the policy, one attempt at a time, ended early by `stop`. */
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

/** What a series of dials tells its owner. */
export interface ReconnectorListener {
  retrying(attempt: number, delayMs: number, cause: Error | undefined): void;
  connected(transport: Transport, attempt: number): void;
  exhausted(error: SerpyError): void;
}

export class Reconnector {
  readonly #environment: Environment;
  readonly #address: Address;
  readonly #settings: ReconnectSettings;
  readonly #listener: ReconnectorListener;
  /** Whether the peer has a session with us, and so takes it that we come back at once. */
  inSession = false;
  readonly #stopped = new AbortController();
  #timer: unknown;
  #authFailures = 0;

  constructor(environment: Environment, address: Address, settings: ReconnectSettings, owner: ReconnectorListener) {
    this.#environment = environment;
    this.#address = address;
    this.#settings = settings;
    this.#listener = owner;
  }

  /** Waits, then dials. `cause` is why the last link or dial failed. */
  next(attempt: number, cause: Error | undefined): void {
    if (this.#stopped.signal.aborted) return;
    this.#authFailures = isSerpyError(cause) && cause.code === 'ERR_SERPY_AUTH' ? this.#authFailures + 1 : 0;
    const { reconnect } = this.#settings;
    const chance = this.#environment.random();
    const delayMs = backoffDelayMs(attempt, chance, reconnect, this.inSession, this.#authFailures);
    if (delayMs === undefined) {
      const { host, port } = this.#address;
      const dials = this.#settings.reconnect.maxAttempts;
      this.#listener.exhausted(
        new ConnectError(`gave up on ${host}:${port} after ${dials} dials (reconnect.maxAttempts)`, { cause }),
      );
      return;
    }
    this.#timer = this.#environment.clock.setTimeout(() => void this.#dial(attempt), delayMs);
    this.#listener.retrying(attempt, delayMs, cause);
  }

  /** No further dial, and no further call of the owner. */
  stop(): void {
    this.#environment.clock.clearTimeout(this.#timer);
    this.#stopped.abort();
  }

  async #dial(attempt: number): Promise<void> {
    let transport: Transport;
    try {
      transport = await dial(this.#environment, this.#address, this.#settings, this.#stopped.signal);
    } catch (error) {
      this.next(attempt + 1, error as Error);
      return;
    }
    if (this.#stopped.signal.aborted) transport.destroy();
    else this.#listener.connected(transport, attempt);
  }
}
