/** Who may try to prove himself at a server: so many at a time, for so long, and not after too many failures. It knows no sockets. */
import { AuthFailures } from './auth-failures.js';
import type { Clock } from './environment.js';
import { AuthenticationError } from './errors.js';
import type { Address, Gate as Gatekeeper, Guest } from './transport.js';

/** The limits. */
export interface GateSettings {
  /** How long a peer may take to prove himself. Default 5,000. */
  readonly handshakeTimeoutMs: number;
  /** How many may be at it at a time. Default 32. */
  readonly maxPendingConnections: number;
  /** How many failures of one address in a minute are put up with. Default 5. */
  readonly maxAuthFailuresPerMinute: number;
}

/** What a gate tells. */
export interface GateOwner {
  turnedAway(remote: Address, reason: 'maxPendingConnections' | 'maxAuthFailuresPerMinute'): void;
  /** A peer did not prove himself. */
  refused(error: AuthenticationError): void;
}

export class Gate implements Gatekeeper {
  readonly #settings: GateSettings;
  readonly #clock: Clock;
  readonly #owner: GateOwner;
  readonly #failures: AuthFailures;
  #pending = 0;

  constructor(settings: GateSettings, clock: Clock, owner: GateOwner) {
    this.#settings = settings;
    this.#clock = clock;
    this.#owner = owner;
    this.#failures = new AuthFailures(settings.maxAuthFailuresPerMinute, clock);
  }

  /** How many are at it now. */
  get pending(): number {
    return this.#pending;
  }

  enter(remote: Address, cut: () => void): Guest | undefined {
    if (this.#failures.tooMany(remote.host)) {
      this.#owner.turnedAway(remote, 'maxAuthFailuresPerMinute');
      return undefined;
    }
    if (this.#pending >= this.#settings.maxPendingConnections) {
      this.#owner.turnedAway(remote, 'maxPendingConnections');
      return undefined;
    }
    return this.#admit(remote, cut);
  }

  #admit(remote: Address, cut: () => void): Guest {
    const { handshakeTimeoutMs } = this.#settings;
    let inside = true;
    let judged = false;
    this.#pending++;
    const leave = () => {
      if (!inside) return;
      inside = false;
      this.#pending--;
      this.#clock.clearTimeout(timer);
    };
    const tell = (why: string, options?: ErrorOptions) => {
      if (judged) return;
      judged = true;
      const text = `${remote.host}:${remote.port} was refused: ${why}`;
      this.#owner.refused(new AuthenticationError(text, { ...options, remote }));
    };
    const failed = (why: string, options?: ErrorOptions) => {
      if (!judged) this.#failures.add(remote.host);
      tell(why, options);
    };
    const timer = this.#clock.setTimeout(() => {
      failed(
        `the TLS handshake took longer than ${handshakeTimeoutMs} ms (handshakeTimeoutMs): does it speak TLS at all?`,
      );
      leave();
      cut();
    }, handshakeTimeoutMs);
    return { failed, hungUp: tell, passed: leave, left: leave };
  }
}
