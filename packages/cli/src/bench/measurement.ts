/** A measurement from the first question to the last size, within a time that was given. */
import type { PortableConnection } from 'serpy';
import { ask, type OtherEnd, otherEndOf } from './bench-protocol.js';
import { roundTrips, type Stopwatch } from './round-trip.js';
import { type Bin, histogram, summarize, type TimeSummary } from './statistics.js';
import { oneWay, type Throughput, thereAndBack } from './throughput.js';

export const sizesBytes: readonly number[] = [64, 4096, 2 ** 16, 2 ** 20, 2 ** 24];
export const roundTripBytes = 64;

/** How the time is shared out: so much of it for round trips, and the rest for the sizes. */
const roundTripShare = 0.25;
/** How long the other end may take to say who it is, at most. */
const helloMs = 5000;
const maxRoundTrips = 100_000;
/** Messages of this size and more tell how long larger ones will take; of smaller ones most of the time is not spent on their bytes. */
const tellingBytes = 2 ** 16;

export interface RoundTripResult extends TimeSummary {
  readonly sizeBytes: number;
  readonly histogram: readonly Bin[];
}

export interface ThroughputResult extends Throughput {
  readonly direction: 'one way' | 'there and back';
}

/** A size for which the time that is left would not do. */
export interface LeftOut {
  readonly sizeBytes: number;
  /** How long one message would take, going by the size before; infinite where that did not arrive in time. */
  readonly expectedMs: number;
}

/** What is known so far, told as it comes. */
export interface MeasurementEvents {
  found(otherEnd: OtherEnd): void;
  roundTrip(result: RoundTripResult): void;
  throughput(result: ThroughputResult): void;
  leftOut(size: LeftOut): void;
}

export interface MeasurementPlan {
  readonly durationMs: number;
  readonly signal: AbortSignal;
}

/**
 * Measures a link whose other end answers.
 * @throws `ERR_SERPY_TIMEOUT` when nobody answers, and what `sendData` and `getMessage` throw
 */
export async function measure(
  connection: PortableConnection,
  { durationMs, signal }: MeasurementPlan,
  clock: Stopwatch,
  events: MeasurementEvents,
): Promise<void> {
  const endMs = clock.now() + durationMs;
  const remainingMs = () => Math.max(0, Math.floor(endMs - clock.now()));
  const patience = { timeoutMs: Math.min(helloMs, durationMs / 2), signal };
  const otherEnd = await ask(connection, 'hello', otherEndOf, clock, patience);
  events.found(otherEnd);

  const timesMs = await roundTrips(
    connection,
    {
      sizeBytes: roundTripBytes,
      maxCount: maxRoundTrips,
      durationMs: roundTripShare * remainingMs(),
      timeoutMs: remainingMs(),
      signal,
    },
    clock,
  );
  events.roundTrip({ sizeBytes: roundTripBytes, ...summarize(timesMs), histogram: histogram(timesMs) });

  const direction = otherEnd === 'bench' ? 'one way' : 'there and back';
  const send = otherEnd === 'bench' ? oneWay : thereAndBack;
  let msPerByte = 0;
  for (const [index, sizeBytes] of sizesBytes.entries()) {
    const expectedMs = sizeBytes * msPerByte;
    const share = remainingMs() / (sizesBytes.length - index);
    if (expectedMs > remainingMs() / 2) {
      events.leftOut({ sizeBytes, expectedMs });
      continue;
    }
    const plan = { sizeBytes, durationMs: share * 0.8, limitMs: remainingMs(), signal };
    const result = await send(connection, plan, clock);
    events.throughput({ ...result, direction });
    if (!result.complete) msPerByte = Number.POSITIVE_INFINITY;
    else if (sizeBytes >= tellingBytes) msPerByte = result.elapsedMs / result.bytes;
  }
}
