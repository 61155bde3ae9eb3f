/** A timer that can be moved and canceled. It fires after its time, once data that had arrived by then has been handed over. */
import type { Clock } from '../environment.js';

export class Deadline {
  readonly #clock: Clock;
  readonly #callback: () => void;
  #timer: unknown;
  #atMs: number | undefined;

  constructor(clock: Clock, callback: () => void) {
    this.#clock = clock;
    this.#callback = callback;
  }

  /** When it fires; undefined if it is not set. */
  get atMs(): number | undefined {
    return this.#atMs;
  }

  /** Moves it; undefined cancels it. */
  set(atMs: number | undefined): void {
    if (atMs === this.#atMs) return;
    this.#clock.clearTimeout(this.#timer);
    this.#timer = undefined;
    this.#atMs = atMs;
    if (atMs === undefined) return;
    // Rounded up, as Node truncates to milliseconds: deadlines within one millisecond fire in the order in which they were set.
    const delayMs = Math.max(0, Math.ceil(atMs - this.#clock.now()));
    const timer = this.#clock.setTimeout(() => {
      this.#clock.setImmediate(() => {
        if (this.#timer === timer) this.#fire(); // unless arrived data has moved it
      });
    }, delayMs);
    this.#timer = timer;
  }

  #fire(): void {
    this.#timer = undefined;
    this.#atMs = undefined;
    this.#callback();
  }
}
