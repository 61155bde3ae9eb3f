/** A complete measurement within a given time: the other end, round trips, and throughput by size. */
import type { PortableConnection } from 'serpy';
import { ask, type OtherEnd, otherEndOf } from './bench-protocol.js';
import { roundTrips, type Stopwatch } from './round-trip.js';
import { type Bin, histogram, summarize, type TimeSummary } from './statistics.js';
import { oneWay, type Throughput, thereAndBack } from './throughput.js';

export const sizesBytes: readonly number[] = [64, 4096, 2 ** 16, 2 ** 20, 2 ** 24];
export const roundTripBytes = 64;

/** Share of the time for round trips. The sizes get the rest. */
const roundTripShare = 0.25;
/** Timeout for the answer to the first question. */
const helloMs = 5000;
const maxRoundTrips = 100_000;
/** Messages of this size and more predict the time of larger ones. For smaller ones, the cost per message dominates. */
const minPredictiveBytes = 2 ** 16;

export interface RoundTripResult extends TimeSummary {
  readonly sizeBytes: number;
  readonly histogram: readonly Bin[];
}

export interface ThroughputResult extends Throughput {
  readonly direction: 'one way' | 'there and back';
}

/** A size for which the remaining time is too short. */
export interface OmittedSize {
  readonly sizeBytes: number;
  /** The predicted time of one message, from the previous size; infinite if that did not arrive in time. */
  readonly expectedMs: number;
}

/** Called with each result. */
export interface MeasurementEvents {
  found(otherEnd: OtherEnd): void;
  roundTrip(result: RoundTripResult): void;
  throughput(result: ThroughputResult): void;
  omitted(size: OmittedSize): void;
}

export interface MeasurementPlan {
  readonly durationMs: number;
  readonly signal: AbortSignal;
}

/**
 * Measures a connection.
 * @throws `ERR_SERPY_TIMEOUT` if the other end does not answer, and the errors of `sendData` and `getMessage`
 */
export async function measure(
  connection: PortableConnection,
  { durationMs, signal }: MeasurementPlan,
  clock: Stopwatch,
  events: MeasurementEvents,
): Promise<void> {
  const endMs = clock.now() + durationMs;
  const remainingMs = () => Math.max(0, Math.floor(endMs - clock.now()));
  const limits = { timeoutMs: Math.min(helloMs, durationMs / 2), signal };
  const otherEnd = await ask(connection, 'hello', otherEndOf, clock, limits);
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
      events.omitted({ sizeBytes, expectedMs });
      continue;
    }
    const plan = { sizeBytes, durationMs: share * 0.8, limitMs: remainingMs(), signal };
    const result = await send(connection, plan, clock);
    events.throughput({ ...result, direction });
    if (!result.complete) msPerByte = Number.POSITIVE_INFINITY;
    else if (sizeBytes >= minPredictiveBytes) msPerByte = result.elapsedMs / result.bytes;
  }
}
