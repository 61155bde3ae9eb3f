/** Counts arrivals, and waits for a number of them. */
import { nowMs } from './clock.js';

export class Arrivals {
  #count = 0;
  #lastMs = 0;
  #timed = false;
  #waiting: { readonly count: number; readonly reached: (lastMs: number) => void } | undefined;

  /** Counts one arrival. */
  add(): undefined {
    this.#count++;
    // The clock is read once per turn. Read for each message, it would cost as much as a fast peer.
    if (this.#timed) return;
    this.#timed = true;
    setImmediate(() => {
      this.#timed = false;
      this.#lastMs = nowMs();
      this.#check();
    });
  }

  /** Resolves with the time of the last arrival when `count` have arrived since the start. Rejects if more have. */
  wait(count: number): Promise<number> {
    return new Promise((resolve, reject) => {
      if (this.#count > count) reject(new Error(`${this.#count} arrived, ${count} were sent`));
      this.#waiting = { count, reached: resolve };
      if (!this.#timed) this.#check();
    });
  }

  #check(): void {
    if (this.#waiting === undefined || this.#count < this.#waiting.count) return;
    this.#waiting.reached(this.#lastMs);
    this.#waiting = undefined;
  }
}
