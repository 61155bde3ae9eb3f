/** Writes what connections receive into a recording, until something ends it. */
import type { PortableConnection } from 'serpy';
import type { Breaks } from './breaks.js';
import type { RecordedMessage } from './format.js';
import type { Recorder } from './recorder.js';

/** How often lines are written when messages come without a break. */
const flushEvery = 256;

/** From this size on a connection can use the memory of a message again. */
const releasedBytes = 4096;

/** What a recording has taken when it is full. */
export type Full = 'count' | 'size';

/** A message of one of the connections that a recording is made of. */
export interface Sent {
  readonly message: RecordedMessage;
  readonly connection: Pick<PortableConnection, 'isDataAvailable'>;
  /** The peer's address, where there may be several. */
  readonly from?: string;
}

/**
 * Takes a message, and writes the lines that are due.
 * @returns why the recording is full, where it is: by its count with this message, or by its size without it
 * @throws a `Failure` when the disk takes no more
 */
export function recordMessage(
  recorder: Recorder,
  { message, connection, from }: Sent,
  maxCount = Number.POSITIVE_INFINITY,
): Full | undefined {
  if (!recorder.add(message, from)) return 'size';
  if (recorder.unwritten >= flushEvery || !connection.isDataAvailable()) recorder.flush();
  return recorder.messages >= maxCount ? 'count' : undefined;
}

/**
 * Resolves with why it ended: the connection is over, the signal, the count, or the size.
 * @param signal ends it; what has come by then is recorded
 * @param breaks of the connection: the gaps between its messages are marked
 * @throws a `Failure` when the disk takes no more
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
