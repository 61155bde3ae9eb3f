/** Who may try to prove himself at a server: so many at a time, for so long, and not after too many failures. It knows no sockets. */
import type { AdmissionLimits } from './admission.js';
import { AuthFailures } from './auth-failures.js';
import type { Clock } from './environment.js';
import { AuthenticationError } from './errors.js';
import { isLoopback, sourceOf } from './source.js';
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

/** The limits for which a peer is turned away, by the names of their options. */
export type GateLimit = 'maxPendingConnections' | 'maxConnectionsPerAddress' | 'maxAuthFailuresPerMinute';

/** What of the limits of connections goes for those who have not proved themselves, too. */
type PerAddress = Pick<AdmissionLimits, 'maxConnectionsPerAddress'>;

/** What a gate tells. */
export interface GateOwner {
  turnedAway(remote: Address, reason: GateLimit): void;
  /** A peer did not prove himself. */
  refused(error: AuthenticationError): void;
}

export class Gate implements Gatekeeper {
  readonly #settings: GateSettings & PerAddress;
  readonly #clock: Clock;
  readonly #owner: GateOwner;
  readonly #failures: AuthFailures;
  /** Where those come from who are at it. */
  readonly #pending: string[] = [];

  constructor(settings: GateSettings & PerAddress, clock: Clock, owner: GateOwner) {
    this.#settings = settings;
    this.#clock = clock;
    this.#owner = owner;
    this.#failures = new AuthFailures(settings.maxAuthFailuresPerMinute, clock);
  }

  /** How many are at it now. */
  get pending(): number {
    return this.#pending.length;
  }

  enter(remote: Address, cut: () => void): Guest | undefined {
    const limit = this.#refusal(remote.host);
    if (limit === undefined) return this.#admit(remote, cut);
    this.#owner.turnedAway(remote, limit);
    return undefined;
  }

  /** Which limit turns away who comes from there. */
  #refusal(host: string): GateLimit | undefined {
    const { maxPendingConnections, maxConnectionsPerAddress } = this.#settings;
    if (this.#failures.tooMany(host)) return 'maxAuthFailuresPerMinute';
    if (this.pending >= maxPendingConnections) return 'maxPendingConnections';
    const source = sourceOf(host);
    const isFull =
      !isLoopback(host) && this.#pending.filter((each) => each === source).length >= maxConnectionsPerAddress;
    return isFull ? 'maxConnectionsPerAddress' : undefined;
  }

  #admit(remote: Address, cut: () => void): Guest {
    const { handshakeTimeoutMs } = this.#settings;
    let inside = true;
    let judged = false;
    const source = sourceOf(remote.host);
    this.#pending.push(source);
    const leave = () => {
      if (!inside) return;
      inside = false;
      this.#pending.splice(this.#pending.indexOf(source), 1);
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
