/** The clock of this computer. */
import { performance } from 'node:perf_hooks';

/** The clocks of a recording. */
export interface RecordingClock {
  /** Milliseconds of a clock that never jumps. */
  now(): number;
  /** Milliseconds since 1970, by the computer's clock. */
  wallMs(): number;
}

export const systemClock: RecordingClock = { now: () => performance.now(), wallMs: () => Date.now() };

/** A time of the computer's clock as `2026-01-31T12:00:00.000Z`. */
export function isoTime(wallMs: number): string {
  return new Date(wallMs).toISOString();
}
