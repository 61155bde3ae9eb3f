/** The real clock and the time of day. Only this file reads them. */
import { type Clock, systemEnvironment } from 'serpy-core';

/** Time and timers of a view. */
export interface ViewClock extends Clock {
  /** Milliseconds since 1970, from the computer's clock. */
  wallMs(): number;
}

export const systemClock: ViewClock = { ...systemEnvironment.clock, wallMs: () => Date.now() };
