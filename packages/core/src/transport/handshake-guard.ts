/** The interface through which a listener limits clients that authenticate, and reports the results. Types only. */
import type { Address } from './address.js';

/** A client that has connected and has not authenticated yet. */
export interface PendingHandshake {
  /** Whether clients of its address fail so often that it gets memory for the handshake only after its first bytes. */
  readonly failsOften: boolean;
  /** The client has begun to authenticate. */
  started(): void;
  /** The client has authenticated. */
  succeeded(): void;
  /** Authentication failed. `why` completes the sentence `10.0.0.5:1234 was rejected: …`. The listener closes the socket; `closed` follows. */
  failed(why: string, options?: ErrorOptions): void;
  /** The socket is closed. Without `succeeded` or `failed` before, that counts as a failure. */
  closed(): void;
}

/** Decides which clients may authenticate. */
export interface HandshakeGuard {
  /**
   * A client has connected. @returns undefined to reject it
   * @param cut closes the socket: called when the handshake times out, or when its place is needed for another client
   */
  enter(remote: Address, cut: () => void): PendingHandshake | undefined;
}
