/** The time, randomness and network of a connection. They are passed in, so that a test can simulate a whole network. */
import type { Clock } from './transport/system-clock.js';
import type { Dial, Listen } from './transport/transport.js';

export type { Clock } from './transport/system-clock.js';

/** The clock, randomness and network of a connection or server. */
export interface Environment {
  readonly clock: Clock;
  /** A number from 0 (included) to 1 (excluded), as `Math.random`. */
  readonly random: () => number;
  /** Cryptographically random bytes. Default: those of the system. */
  readonly randomBytes?: ((count: number) => Buffer) | undefined;
  readonly dial: Dial;
  readonly listen: Listen;
}
