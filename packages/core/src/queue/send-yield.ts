/**
 * Lets the rest of the program have its turn: a loop that awaits each of its sends, where all of them succeed at once, would otherwise keep
 * timers, signals and other sockets waiting for as long as it runs, and never hear that its peer is gone.
 */
import type { Clock } from '../environment.js';
import { acceptedResult, refusedResult } from './send-queue.js';

/** After so many sends, which take some 0.2 ms. */
const sendsPerYield = 512;

export class SendYield {
  readonly #clock: Clock;
  #sends = 0;
  #yielding = false;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** A send's result: the same, but now and then in another turn of the event loop. */
  after(result: Promise<boolean>): Promise<boolean> {
    if (result !== acceptedResult && result !== refusedResult) return result; // it settles in a turn of its own
    if (++this.#sends < sendsPerYield || this.#yielding) return result;
    this.#yielding = true;
    return new Promise((resolve) => {
      this.#clock.setImmediate(() => {
        this.#sends = 0;
        this.#yielding = false;
        resolve(result);
      });
    });
  }
}
