/** Ctrl-C and its like: what ends a command before its time. */
import { setMaxListeners } from 'node:events';

/** What interrupted: a signal, or that nobody reads what the command prints, as after `| head`. */
export type InterruptCause = 'SIGINT' | 'SIGTERM' | 'SIGHUP' | 'closed pipe';

export interface Interruption {
  /** Aborted by the first interruption: a command passes it to what waits, says what was done, and returns. */
  readonly signal: AbortSignal;
  /** What interrupted first; undefined while nothing has. */
  readonly cause: InterruptCause | undefined;
  /** Interrupts: for keys that a terminal in raw mode gives to the program, too. A second signal ends the program at once. */
  interrupt(cause: InterruptCause): void;
}

/** @param exitNow what a second signal does */
export function createInterruption(exitNow: () => void): Interruption {
  const controller = new AbortController();
  setMaxListeners(0, controller.signal); // each peer and each write waits for it: many are no leak
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
