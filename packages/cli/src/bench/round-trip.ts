/** How long a message takes to an echo and back: one at a time. */
import type { PortableConnection } from 'serpy';
import { payload } from './payload.js';

/** What measuring needs of the world. */
export interface Stopwatch {
  now(): number;
}

export interface RoundTripPlan {
  readonly sizeBytes: number;
  /** Stops after so many… */
  readonly maxCount: number;
  /** … or so long, whichever is first. */
  readonly durationMs: number;
  /** How long one echo may take. */
  readonly timeoutMs: number;
  readonly signal: AbortSignal;
}

/**
 * The times of so many round trips as fit. The first one is not counted where there are more: it finds both programs cold.
 * What comes and is not the echo of what was sent is dropped: a peer may have more to say.
 * @throws what `sendData` and `getMessage` throw; `ERR_SERPY_TIMEOUT` for an echo that does not come
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

/** Waits for a message with just these bytes. */
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

/** A v1 peer may send back as text what it got as bytes. */
function isEcho(value: unknown, sent: Buffer): boolean {
  if (Buffer.isBuffer(value)) return value.equals(sent);
  return typeof value === 'string' && value.length === sent.length && value === sent.toString('latin1');
}
