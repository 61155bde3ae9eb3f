/**
 * Who may try to prove himself at a server, for how long, and not after too many failures. Where there are too many, those give way who
 * have said nothing, or are longest at it, so that nobody keeps others out by being there. It knows no sockets.
 */

import type { Clock } from '../environment.js';
import { AuthenticationError } from '../errors.js';
import type { Address } from '../transport/address.js';
import { addressGroup, isLoopback } from '../transport/address.js';
import type { HandshakeGuard as Gatekeeper, PendingHandshake } from '../transport/handshake-guard.js';
import type { AdmissionLimits } from './admission.js';
import { AuthFailureLog } from './auth-failure-log.js';

/** The limits. */
export interface HandshakeLimits {
  /** How long a peer may take to prove himself. Default 5,000. */
  readonly authTimeoutMs: number;
  /** How many may be at it at a time. Default 32. */
  readonly maxPendingConnections: number;
  /** How many failures of one address in a minute are put up with. Default 5. */
  readonly maxAuthFailuresPerMinute: number;
}

/** The limits for which a peer is turned away, by the names of their options. */
export type HandshakeLimit = 'maxPendingConnections' | 'maxConnectionsPerAddress' | 'maxAuthFailuresPerMinute';

/** What of the limits of connections goes for those who have not proved themselves, too. */
type PerAddress = Pick<AdmissionLimits, 'maxConnectionsPerAddress'>;

/** What a gate tells, and asks. */
export interface HandshakeLimiterHost {
  limited(remote: Address, reason: HandshakeLimit): void;
  /** A peer did not prove himself. */
  failed(error: AuthenticationError): void;
  /** Whether somebody from there has proved himself and is here, or may come back to his session. */
  knows(host: string): boolean;
}

/** So many times as many may be there that have not said a byte yet: all they take is a socket, and an honest one speaks soon. */
const silentFactor = 8;

/** Somebody who is at it. */
interface PendingPeer {
  readonly remote: Address;
  readonly source: string;
  /** Whether he has begun to prove himself. */
  started: boolean;
  /** His place is needed. */
  evict(limit: HandshakeLimit): void;
}

export class HandshakeLimiter implements Gatekeeper {
  readonly #settings: HandshakeLimits & PerAddress;
  readonly #clock: Clock;
  readonly #host: HandshakeLimiterHost;
  readonly #failures: AuthFailureLog;
  /** Who is at it, the oldest first. */
  readonly #pending = new Set<PendingPeer>();

  constructor(settings: HandshakeLimits & PerAddress, clock: Clock, owner: HandshakeLimiterHost) {
    this.#settings = settings;
    this.#clock = clock;
    this.#host = owner;
    this.#failures = new AuthFailureLog(settings.maxAuthFailuresPerMinute, clock);
  }

  /** How many are at it now. */
  get pending(): number {
    return this.#pending.size;
  }

  enter(remote: Address, cut: () => void): PendingHandshake | undefined {
    const { host } = remote;
    // All programs of this computer share one address, and so do all that come through a tunnel.
    if (!isLoopback(host) && this.#failures.exceeds(host) && !this.#host.knows(host)) {
      this.#host.limited(remote, 'maxAuthFailuresPerMinute');
      return undefined;
    }
    const guest = this.#admit(remote, cut);
    this.#evictExcess(addressGroup(host), false);
    return guest;
  }

  /** Somebody came, or began: of his address first, then of all. */
  #evictExcess(source: string, begun: boolean): void {
    const { maxPendingConnections, maxConnectionsPerAddress } = this.#settings;
    const times = begun ? 1 : silentFactor;
    const all = [...this.#pending].filter((each) => each.started === begun);
    const same = all.filter((each) => each.source === source);
    if (!isLoopback(same[0]?.remote.host ?? '') && same.length > maxConnectionsPerAddress * times) {
      same[0]?.evict('maxConnectionsPerAddress');
    } else if (all.length > maxPendingConnections * times) {
      oldestOfLargestGroup(all)?.evict('maxPendingConnections');
    }
  }

  #admit(remote: Address, cut: () => void): PendingHandshake {
    const { authTimeoutMs } = this.#settings;
    /** Whether it is known what becomes of him: then what follows counts no more. */
    let judged = false;
    const leave = () => {
      if (this.#pending.delete(pending)) this.#clock.clearTimeout(timer);
    };
    const failed = (why: string, options?: ErrorOptions) => {
      if (judged) return;
      judged = true;
      this.#failures.add(remote.host);
      const text = `${remote.host}:${remote.port} was refused: ${why}`;
      this.#host.failed(new AuthenticationError(text, { ...options, remote }));
    };
    const pending: PendingPeer = {
      remote,
      source: addressGroup(remote.host),
      started: false,
      evict: (limit) => {
        judged = true;
        leave();
        this.#host.limited(remote, limit);
        cut();
      },
    };
    this.#pending.add(pending);
    const timer = this.#clock.setTimeout(() => {
      failed(`the TLS handshake took longer than ${authTimeoutMs} ms (authTimeoutMs): does it speak TLS at all?`);
      leave();
      cut();
    }, authTimeoutMs);
    return {
      started: () => {
        pending.started = true;
        this.#evictExcess(pending.source, true);
      },
      failed,
      succeeded: () => {
        judged = true;
        leave();
      },
      closed: () => {
        if (!judged) this.#failures.add(remote.host); // without a word: there is nothing to tell
        judged = true;
        leave();
      },
    };
  }
}

/** Of the address that has most of them. */
function oldestOfLargestGroup(all: readonly PendingPeer[]): PendingPeer | undefined {
  const counts = new Map<string, number>();
  for (const { source } of all) counts.set(source, (counts.get(source) ?? 0) + 1);
  const most = Math.max(...counts.values());
  return all.find(({ source }) => counts.get(source) === most);
}
