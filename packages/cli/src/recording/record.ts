/** Writes the messages of connections to a recording. */
import type { PortableConnection } from 'serpy';
import type { Breaks } from './breaks.js';
import type { RecordedMessage } from './format.js';
import type { Recorder } from './recorder.js';

/** Lines are written at the latest after this many messages. */
const flushEvery = 256;

/** Messages of this size and more return their memory to the connection. */
const releasedBytes = 4096;

/** The limit that a full recording has reached. */
export type Full = 'count' | 'size';

/** A message, and its connection. */
export interface ReceivedMessage {
  readonly message: RecordedMessage;
  readonly connection: Pick<PortableConnection, 'isDataAvailable'>;
  /** The peer's address, if several peers can send. */
  readonly from?: string;
}

/**
 * Records a message, and writes the lines that are due.
 * @returns `count` if this message was the last one, `size` if it does not fit, undefined otherwise
 * @throws a `Failure` if the disk cannot store it
 */
export function recordMessage(
  recorder: Recorder,
  { message, connection, from }: ReceivedMessage,
  maxCount = Number.POSITIVE_INFINITY,
): Full | undefined {
  if (!recorder.add(message, from)) return 'size';
  if (recorder.unwritten >= flushEvery || !connection.isDataAvailable()) recorder.flush();
  return recorder.messages >= maxCount ? 'count' : undefined;
}

/**
 * Records a connection. Resolves with the reason of the end: the connection is closed, the signal, the count, or the size.
 * @param signal stops it; messages received by then are recorded
 * @param breaks of the connection: gaps between its messages are marked
 * @throws a `Failure` if the disk cannot store a message
 */
export async function recordConnection(
  connection: PortableConnection,
  recorder: Recorder,
  signal: AbortSignal,
  maxCount?: number,
  breaks?: Breaks,
): Promise<'closed' | 'signal' | Full> {
  for (;;) {
    const message = await connection.getMessage({ signal }).catch(() => undefined);
    if (message === undefined) return connection.closeInfo ? 'closed' : 'signal';
    for (const gap of breaks?.beforeNext() ?? []) recorder.gap(gap);
    const full = recordMessage(recorder, { message, connection }, maxCount);
    if (full) return full;
    if (Buffer.isBuffer(message.value) && message.value.length >= releasedBytes) connection.release(message.value);
  }
}
