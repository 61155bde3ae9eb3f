/** Everything a connection gets from outside: time, chance and the network. Passed in, so that a whole network can be simulated. */
import { type Clock, systemClock } from './system-clock.js';
import { tcpDial, tcpListen } from './tcp-network.js';
import { tlsListen } from './tls-listener.js';
import { tlsDial } from './tls-transport.js';
import type { Dial, Listen } from './transport.js';

export type { Clock } from './system-clock.js';

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

/** The real world: this computer's clock, TCP and TLS. */
export const systemEnvironment: Environment = {
  clock: systemClock,
  random: Math.random,
  dial: (options) =>
    options.security ? tlsDial(options, options.security, systemClock) : tcpDial(options, systemClock),
  listen: (options) => (options.security ? tlsListen(options, options.security) : tcpListen(options)),
};
