/** What a listener asks before and after a peer authenticates. */
import type { Address } from './address.js';

/** A peer that has dialled in and has not proved himself yet. */
export interface PendingHandshake {
  /** He has begun to. */
  started(): void;
  /** He has. */
  succeeded(): void;
  /** He has not, and why, to go on with: `10.0.0.5:1234 was refused: `. He is hung up on, which `left` tells. */
  failed(why: string, options?: ErrorOptions): void;
  /** His socket is gone. If he has neither passed nor failed, that counts as a failure. */
  closed(): void;
}

/** Who decides which peers may try. */
export interface HandshakeGuard {
  /**
   * A peer has dialled in; undefined turns him away.
   * @param cut called when his time is over, or his place is needed: hangs up on him
   */
  enter(remote: Address, cut: () => void): PendingHandshake | undefined;
}
