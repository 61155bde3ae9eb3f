/** Everything a connection gets from outside: time, chance and the network. Passed in, so that a whole network can be simulated. */
import { performance } from 'node:perf_hooks';
import { tcpDial, tcpListen } from './tcp-network.js';
import { tlsListen } from './tls-listener.js';
import { tlsDial } from './tls-transport.js';
import type { Dial, Listen, Timers } from './transport.js';

/** Monotonic time and timers. */
export interface Clock extends Timers {
  /** Milliseconds since some fixed moment; never goes back. */
  now(): number;
  /** Calls back when what has come in by now has been handed over. Timers go before that: in a program that was busy they are late, and the peer is not. */
  setImmediate(callback: () => void): void;
}

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

const systemClock: Clock = {
  now: () => performance.now(),
  setTimeout: (callback, delayMs) => setTimeout(callback, delayMs),
  clearTimeout: (timer) => clearTimeout(timer as NodeJS.Timeout),
  setImmediate: (callback) => void setImmediate(callback),
};

/** The real world: this computer's clock, TCP and TLS. */
export const systemEnvironment: Environment = {
  clock: systemClock,
  random: Math.random,
  dial: (options) =>
    options.security ? tlsDial(options, options.security, systemClock) : tcpDial(options, systemClock),
  listen: (options) => (options.security ? tlsListen(options, options.security) : tcpListen(options)),
};
