/** The clock of this computer. */
import { performance } from 'node:perf_hooks';
import type { Timers } from './transport.js';

/** Monotonic time and timers. */
export interface Clock extends Timers {
  /** Milliseconds since some fixed moment; never goes back. */
  now(): number;
  /** Calls back when what has come in by now has been handed over. Timers go before that: in a program that was busy they are late, and the peer is not. */
  setImmediate(callback: () => void): void;
}

export const systemClock: Clock = {
  now: () => performance.now(),
  setTimeout: (callback, delayMs) => setTimeout(callback, delayMs),
  clearTimeout: (timer) => clearTimeout(timer as NodeJS.Timeout),
  setImmediate: (callback) => void setImmediate(callback),
};
