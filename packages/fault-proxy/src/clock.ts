/** The proxy's clock. It is passed in, so that tests of long delays do not wait. */

/** Monotonic time and timers. The clocks of `serpy-core` have this interface. */
export interface Clock {
  /** Milliseconds since a fixed moment. It never decreases. */
  now(): number;
  setTimeout(callback: () => void, delayMs: number): unknown;
  clearTimeout(timer: unknown): void;
}
