/** The real clock, randomness and network. */
import type { Environment } from './environment.js';
import { systemClock } from './transport/system-clock.js';
import { tcpDial, tcpListen } from './transport/tcp-network.js';
import { tlsListen } from './transport/tls-listener.js';
import { tlsDial } from './transport/tls-transport.js';

/** The clock, randomness, TCP and TLS of this computer. */
export const systemEnvironment: Environment = {
  clock: systemClock,
  random: Math.random,
  dial: (options) =>
    options.security ? tlsDial(options, options.security, systemClock) : tcpDial(options, systemClock),
  listen: (options) => (options.security ? tlsListen(options, options.security) : tcpListen(options)),
};
