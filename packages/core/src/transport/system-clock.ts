/** The clock of this computer. */
import { performance } from 'node:perf_hooks';
import type { Timers } from './transport.js';

/** Monotonic time and timers. */
export interface Clock extends Timers {
  /** Milliseconds since a fixed moment; never decreases. */
  now(): number;
  /** Calls back after the data that has already arrived was delivered. Timers run before that: after a long computation they would blame the peer for the delay of this program. */
  setImmediate(callback: () => void): void;
}

export const systemClock: Clock = {
  now: () => performance.now(),
  setTimeout: (callback, delayMs) => setTimeout(callback, delayMs),
  clearTimeout: (timer) => clearTimeout(timer as NodeJS.Timeout),
  setImmediate: (callback) => void setImmediate(callback),
};
