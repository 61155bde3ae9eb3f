/** Throughput of messages of one size: one way to a bench that counts them, or there and back with an echo. */
import { isSerpyError, type PortableConnection } from 'serpy';
import { ask, countedOf, questions } from './bench-protocol.js';
import { payload } from './payload.js';
import type { Stopwatch } from './round-trip.js';

export interface ThroughputPlan {
  readonly sizeBytes: number;
  /** Sending stops after this time. */
  readonly durationMs: number;
  /** Waiting for outstanding messages stops after this time. */
  readonly limitMs: number;
  readonly signal: AbortSignal;
}

/** The messages that arrived, and their time. */
export interface Throughput {
  readonly sizeBytes: number;
  readonly messages: number;
  readonly bytes: number;
  readonly elapsedMs: number;
  /** Whether all messages arrived. If not, the connection cannot be used for another measurement. */
  readonly complete: boolean;
}

/** At most 1 MiB or 256 messages are in flight to an echo, and at least two messages: enough to fill a connection, too little to fill the peer's queues. */
const windowBytes = 2 ** 20;
const windowMessages = 256;

/** Megabytes (10^6 bytes) per second. */
export function megabytesPerSecond(bytes: number, elapsedMs: number): number {
  return bytes / 1000 / elapsedMs;
}

/** Sends to a bench that counts. @throws the errors of `sendData` and `getMessage`, except `ERR_SERPY_TIMEOUT` */
export async function oneWay(
  connection: PortableConnection,
  { sizeBytes, durationMs, limitMs, signal }: ThroughputPlan,
  clock: Stopwatch,
): Promise<Throughput> {
  const data = payload(sizeBytes);
  const startMs = clock.now();
  const remainingMs = () => Math.max(0, Math.floor(startMs + limitMs - clock.now()));
  let sent = 0;
  try {
    await connection.sendData(questions.sink, { timeoutMs: remainingMs(), signal });
    do {
      await connection.sendData(data, { timeoutMs: remainingMs(), signal });
      sent++;
    } while (clock.now() - startMs < durationMs);
    const { messages, bytes } = await ask(connection, 'count', countedOf, clock, { timeoutMs: remainingMs(), signal });
    return { sizeBytes, messages, bytes, elapsedMs: clock.now() - startMs, complete: messages === sent };
  } catch (error) {
    if (!isLate(error)) throw error;
    return { sizeBytes, messages: 0, bytes: 0, elapsedMs: clock.now() - startMs, complete: false };
  }
}

/** Sends to an echo and reads the replies. @throws as `oneWay` */
export async function thereAndBack(
  connection: PortableConnection,
  { sizeBytes, durationMs, limitMs, signal }: ThroughputPlan,
  clock: Stopwatch,
): Promise<Throughput> {
  const data = payload(sizeBytes);
  const window = Math.min(windowMessages, Math.max(2, Math.floor(windowBytes / sizeBytes)));
  const startMs = clock.now();
  const remainingMs = () => Math.max(0, Math.floor(startMs + limitMs - clock.now()));
  let [sent, messages] = [0, 0];
  try {
    for (;;) {
      while (sent - messages < window && (sent === 0 || clock.now() - startMs < durationMs)) {
        await connection.sendData(data, { timeoutMs: remainingMs(), signal });
        sent++;
      }
      if (messages === sent) break;
      const { value } = await connection.getMessage({ timeoutMs: remainingMs(), signal });
      const back = value as unknown;
      if (lengthOf(back) === sizeBytes) messages++;
      if (Buffer.isBuffer(back)) connection.release(back);
    }
  } catch (error) {
    if (!isLate(error)) throw error;
  }
  const elapsedMs = clock.now() - startMs;
  return { sizeBytes, messages, bytes: messages * sizeBytes, elapsedMs, complete: sent > 0 && messages === sent };
}

function lengthOf(value: unknown): number {
  return typeof value === 'string' || Buffer.isBuffer(value) ? value.length : -1;
}

/** Whether the time ended, while waiting for an answer or for room in the queue. */
function isLate(error: unknown): boolean {
  return isSerpyError(error) && (error.code === 'ERR_SERPY_TIMEOUT' || error.code === 'ERR_SERPY_QUEUE_FULL');
}
