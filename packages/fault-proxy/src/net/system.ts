/** What comes from this computer: its clock, its turns and its chance. Nothing else asks for them. */
import { performance } from 'node:perf_hooks';
import type { Clock } from '../clock.js';

export const systemClock: Clock = {
  now: () => performance.now(),
  setTimeout: (callback, delayMs) => setTimeout(callback, delayMs),
  clearTimeout: (timer) => clearTimeout(timer as NodeJS.Timeout),
};

/** Calls back in the next turn of the event loop, after what has arrived meanwhile was read. Returns how to take it back. */
export function nextTurn(callback: () => void): () => void {
  const planned = setImmediate(callback);
  return () => clearImmediate(planned);
}

/** How long a program on this computer may take, most likely, to read what was written to it. */
const readingMs = 2;

/** Calls back when what was written just now has been read, most likely; by this program's own sockets, certainly. */
export function afterReading(callback: () => void): () => void {
  let cancel = () => clearTimeout(timer);
  const timer = setTimeout(() => {
    // Timers fire before the sockets are looked at.
    cancel = nextTurn(callback);
  }, readingMs);
  return () => cancel();
}

/** A seed for a run that was given none. */
export function drawSeed(): number {
  return Math.floor(Math.random() * 2 ** 32);
}
