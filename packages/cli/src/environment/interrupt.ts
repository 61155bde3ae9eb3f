/** Interruptions of a command: Ctrl-C, other signals, a closed pipe. */
import { setMaxListeners } from 'node:events';

/** A signal, or `closed pipe` if the reader of stdout has ended, as after `| head`. */
export type InterruptCause = 'SIGINT' | 'SIGTERM' | 'SIGHUP' | 'closed pipe';

export interface Interruption {
  /** Aborted by the first interruption. A command passes it to everything that waits, reports what it did, and returns. */
  readonly signal: AbortSignal;
  /** The first interruption; undefined before it. */
  readonly cause: InterruptCause | undefined;
  /** Interrupts the command. Also called for Ctrl-C as a key, in a terminal in raw mode. A second signal ends the program at once. */
  interrupt(cause: InterruptCause): void;
}

/** @param exitNow called for a second signal */
export function createInterruption(exitNow: () => void): Interruption {
  const controller = new AbortController();
  setMaxListeners(0, controller.signal); // each connection and each write adds a listener: many are not a leak
  let first: InterruptCause | undefined;
  return {
    signal: controller.signal,
    get cause() {
      return first;
    },
    interrupt(cause) {
      if (first === undefined) {
        first = cause;
        controller.abort(new Error(`interrupted (${cause})`));
      } else if (cause !== 'closed pipe' && first !== 'closed pipe') {
        exitNow();
      }
    },
  };
}
