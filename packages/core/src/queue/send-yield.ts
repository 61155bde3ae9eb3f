/**
 * Yields to the event loop every 512 sends. A loop that awaits sends which all succeed at once runs on microtasks alone: it would starve timers,
 * signals and sockets, and never notice that its peer is gone.
 */
import type { Clock } from '../environment.js';
import type { SendWaitOptions } from '../options/wait-options.js';
import { isWithdrawable } from './awaited-send.js';
import { acceptedResult, refusedResult } from './send-queue.js';

/** 512 sends take about 0.2 ms. */
const sendsPerYield = 512;

export class SendYield {
  readonly #clock: Clock;
  #sends = 0;
  #yielding = false;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /**
   * Returns the result of a send, every 512 sends in another turn of the event loop.
   * @param options of the send: if it is withdrawable, the link may have settled it already
   */
  after(result: Promise<boolean>, options: SendWaitOptions): Promise<boolean> {
    const isSettled = result === acceptedResult || result === refusedResult || isWithdrawable(options);
    if (!isSettled) return result; // its event settles it in another turn
    if (++this.#sends < sendsPerYield || this.#yielding) return result;
    this.#yielding = true;
    const later = new Promise<boolean>((resolve) => {
      this.#clock.setImmediate(() => {
        this.#sends = 0;
        this.#yielding = false;
        resolve(result);
      });
    });
    later.catch(() => {}); // as the result itself: unawaited, the end of the connection does not end the program
    return later;
  }
}
