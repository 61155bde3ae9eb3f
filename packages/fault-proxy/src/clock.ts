/** Time, as the proxy sees it. Passed in, so that tests of long delays take none. */

/** Monotonic time and timers. The clocks of `serpy-core` are such. */
export interface Clock {
  /** Milliseconds since some fixed moment; never goes back. */
  now(): number;
  setTimeout(callback: () => void, delayMs: number): unknown;
  clearTimeout(timer: unknown): void;
}
