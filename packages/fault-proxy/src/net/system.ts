/** The only file that uses the computer's clock, event loop and random numbers. */
import { performance } from 'node:perf_hooks';
import type { Clock } from '../clock.js';

export const systemClock: Clock = {
  now: () => performance.now(),
  setTimeout: (callback, delayMs) => setTimeout(callback, delayMs),
  clearTimeout: (timer) => clearTimeout(timer as NodeJS.Timeout),
};

/** Calls back in the next turn of the event loop, after reading what has arrived. @returns a function that cancels it */
export function nextTurn(callback: () => void): () => void {
  const planned = setImmediate(callback);
  return () => clearImmediate(planned);
}

/** 2 ms: most programs on this computer read what was written to them within this time. */
const readingMs = 2;

/** Calls back when the receiver has probably read what was just written. Sockets of this program have certainly read it. */
export function afterReading(callback: () => void): () => void {
  let cancel = () => clearTimeout(timer);
  const timer = setTimeout(() => {
    // Timers fire before the event loop polls the sockets.
    cancel = nextTurn(callback);
  }, readingMs);
  return () => cancel();
}

/** A random seed, for a proxy without the option `seed`. */
export function randomSeed(): number {
  return Math.floor(Math.random() * 2 ** 32);
}
