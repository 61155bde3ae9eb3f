/** Round trips: one message at a time to an echo and back. */
import type { PortableConnection } from 'serpy';
import { payload } from './payload.js';

/** A monotonic clock, in milliseconds. */
export interface Stopwatch {
  now(): number;
}

export interface RoundTripPlan {
  readonly sizeBytes: number;
  /** Stops after this many round trips, … */
  readonly maxCount: number;
  /** … or after this time, whichever is first. */
  readonly durationMs: number;
  /** Timeout for one echo. */
  readonly timeoutMs: number;
  readonly signal: AbortSignal;
}

/**
 * The times of as many round trips as fit. The first one is not counted if there are more, because both programs are cold.
 * Other messages than the echo are dropped.
 * @throws the errors of `sendData` and `getMessage`; `ERR_SERPY_TIMEOUT` without an echo
 */
export async function roundTrips(
  connection: PortableConnection,
  { sizeBytes, maxCount, durationMs, timeoutMs, signal }: RoundTripPlan,
  clock: Stopwatch,
): Promise<number[]> {
  const timesMs: number[] = [];
  const endMs = clock.now() + durationMs;
  for (let number = 0; number <= maxCount; number++) {
    const sent = payload(sizeBytes, number);
    const startMs = clock.now();
    if (number > 0 && startMs >= endMs) break;
    await connection.sendData(sent, { timeoutMs, signal });
    await echoOf(connection, sent, { timeoutMs, signal }, clock);
    timesMs.push(clock.now() - startMs);
  }
  return timesMs.length > 1 ? timesMs.slice(1) : timesMs;
}

/** Waits for a message with exactly these bytes. */
async function echoOf(
  connection: PortableConnection,
  sent: Buffer,
  { timeoutMs, signal }: { readonly timeoutMs: number; readonly signal: AbortSignal },
  clock: Stopwatch,
): Promise<void> {
  const endMs = clock.now() + timeoutMs;
  for (;;) {
    const { value } = await connection.getMessage({ timeoutMs: Math.max(0, Math.floor(endMs - clock.now())), signal });
    if (isEcho(value, sent)) return;
  }
}

/** A v1 peer can return bytes as text. */
function isEcho(value: unknown, sent: Buffer): boolean {
  if (Buffer.isBuffer(value)) return value.equals(sent);
  return typeof value === 'string' && value.length === sent.length && value === sent.toString('latin1');
}
