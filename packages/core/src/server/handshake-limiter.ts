/**
 * Limits unauthenticated clients: concurrent handshakes, the time of each, and failures by address and minute. Above a limit, the clients
 * that have sent nothing, or have waited longest, are evicted first: no client can block the others by waiting. No sockets.
 */

import type { Clock } from '../environment.js';
import { AuthenticationError } from '../errors.js';
import type { Address } from '../transport/address.js';
import { addressGroup, isLoopback } from '../transport/address.js';
import type { HandshakeGuard as Gatekeeper, PendingHandshake } from '../transport/handshake-guard.js';
import type { AdmissionLimits } from './admission.js';
import { AuthFailureLog } from './auth-failure-log.js';

/** The limits, by the names of their options. */
export interface HandshakeLimits {
  /** The time for authentication. Default 5,000. */
  readonly authTimeoutMs: number;
  /** The maximum number of connections that are authenticating. Default 32. */
  readonly maxPendingConnections: number;
  /** The maximum number of failed authentications from one address in a minute. Default 5. */
  readonly maxAuthFailuresPerMinute: number;
}

/** The limits that reject a client, by the names of their options. */
export type HandshakeLimit = 'maxPendingConnections' | 'maxConnectionsPerAddress' | 'maxAuthFailuresPerMinute';

/** The connection limit that also applies to unauthenticated clients. */
type PerAddress = Pick<AdmissionLimits, 'maxConnectionsPerAddress'>;

/** The server of a limiter. */
export interface HandshakeLimiterHost {
  /** A limit rejected a client. */
  limited(remote: Address, reason: HandshakeLimit): void;
  /** Authentication failed. */
  failed(error: AuthenticationError): void;
  /** Whether an authenticated client of that address is connected, or can resume its session. */
  knows(host: string): boolean;
}

/** 8: the limits are eight times as high for clients that have not sent a byte. They take only a socket each, and a serpy client sends at once. */
const silentFactor = 8;

/** A client that is authenticating. */
interface PendingPeer {
  readonly remote: Address;
  readonly group: string;
  /** Whether the handshake has begun. */
  started: boolean;
  /** Closes the connection, because its place is needed. */
  evict(limit: HandshakeLimit): void;
}

export class HandshakeLimiter implements Gatekeeper {
  readonly #settings: HandshakeLimits & PerAddress;
  readonly #clock: Clock;
  readonly #host: HandshakeLimiterHost;
  readonly #failures: AuthFailureLog;
  /** The clients that are authenticating, the oldest first. */
  readonly #pending = new Set<PendingPeer>();

  constructor(settings: HandshakeLimits & PerAddress, clock: Clock, host: HandshakeLimiterHost) {
    this.#settings = settings;
    this.#clock = clock;
    this.#host = host;
    this.#failures = new AuthFailureLog(settings.maxAuthFailuresPerMinute, clock);
  }

  /** The number of clients that are authenticating. */
  get pending(): number {
    return this.#pending.size;
  }

  enter(remote: Address, cut: () => void): PendingHandshake | undefined {
    const { host } = remote;
    // All programs on this computer share one address, and so do all clients of a tunnel.
    const failsOften = this.#failures.exceeds(host);
    if (failsOften && !isLoopback(host) && !this.#host.knows(host)) {
      this.#host.limited(remote, 'maxAuthFailuresPerMinute');
      return undefined;
    }
    const pending = this.#admit(remote, cut, failsOften);
    this.#evictExcess(addressGroup(host), false);
    return pending;
  }

  /** Called when a client connects or begins its handshake. Checks the limit of its address group, then that of all. */
  #evictExcess(group: string, started: boolean): void {
    const { maxPendingConnections, maxConnectionsPerAddress } = this.#settings;
    const factor = started ? 1 : silentFactor;
    const all = [...this.#pending].filter((each) => each.started === started);
    const same = all.filter((each) => each.group === group);
    if (!isLoopback(same[0]?.remote.host ?? '') && same.length > maxConnectionsPerAddress * factor) {
      same[0]?.evict('maxConnectionsPerAddress');
    } else if (all.length > maxPendingConnections * factor) {
      oldestOfLargestGroup(all)?.evict('maxPendingConnections');
    }
  }

  #admit(remote: Address, cut: () => void, failsOften: boolean): PendingHandshake {
    const { authTimeoutMs } = this.#settings;
    /** Whether the result is known: later calls are ignored. */
    let decided = false;
    const leave = () => {
      if (this.#pending.delete(pending)) this.#clock.clearTimeout(timer);
    };
    const failed = (why: string, options?: ErrorOptions) => {
      if (decided) return;
      decided = true;
      this.#failures.add(remote.host);
      const text = `${remote.host}:${remote.port} was rejected: ${why}`;
      this.#host.failed(new AuthenticationError(text, { ...options, remote }));
    };
    const pending: PendingPeer = {
      remote,
      group: addressGroup(remote.host),
      started: false,
      evict: (limit) => {
        decided = true;
        leave();
        this.#host.limited(remote, limit);
        cut();
      },
    };
    this.#pending.add(pending);
    const timer = this.#clock.setTimeout(() => {
      failed(
        `the TLS handshake took longer than ${authTimeoutMs} ms (authTimeoutMs): give the client the key, or raise authTimeoutMs for a slow line`,
      );
      leave();
      cut();
    }, authTimeoutMs);
    return {
      failsOften,
      started: () => {
        pending.started = true;
        this.#evictExcess(pending.group, true);
      },
      failed,
      succeeded: () => {
        decided = true;
        leave();
      },
      closed: () => {
        if (!decided) this.#failures.add(remote.host); // the client sent nothing: there is nothing to report
        decided = true;
        leave();
      },
    };
  }
}

/** The oldest client of the address group with the most clients. */
function oldestOfLargestGroup(all: readonly PendingPeer[]): PendingPeer | undefined {
  const counts = new Map<string, number>();
  for (const { group } of all) counts.set(group, (counts.get(group) ?? 0) + 1);
  const most = Math.max(...counts.values());
  return all.find(({ group }) => counts.get(group) === most);
}
