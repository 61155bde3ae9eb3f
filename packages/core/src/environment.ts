/** Everything a connection gets from outside: time, chance and the network. Passed in, so that a whole network can be simulated. */
import type { Clock } from './transport/system-clock.js';
import type { Dial, Listen } from './transport/transport.js';

export type { Clock } from './transport/system-clock.js';

/** What a connection or server needs from the world. */
export interface Environment {
  readonly clock: Clock;
  /** A number from 0 (included) to 1 (excluded), as `Math.random`. */
  readonly random: () => number;
  /** Bytes that nobody can guess. Default: the system's. */
  readonly randomBytes?: ((count: number) => Buffer) | undefined;
  readonly dial: Dial;
  readonly listen: Listen;
}
