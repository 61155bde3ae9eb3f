/** A moment on a clock that can be moved and called off. It has come when, after it, what had come in before was handed over. */
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

  /** When it is, or undefined. */
  get atMs(): number | undefined {
    return this.#atMs;
  }

  /** Moves it; undefined calls it off. */
  set(atMs: number | undefined): void {
    if (atMs === this.#atMs) return;
    this.#clock.clearTimeout(this.#timer);
    this.#timer = undefined;
    this.#atMs = atMs;
    if (atMs === undefined) return;
    // Whole milliseconds, as Node cuts fractions off: deadlines in the same millisecond are reached in the order in which they were set.
    const delayMs = Math.max(0, Math.ceil(atMs - this.#clock.now()));
    const timer = this.#clock.setTimeout(() => {
      this.#clock.setImmediate(() => {
        if (this.#timer === timer) this.#fire(); // what has come in may have moved it
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
