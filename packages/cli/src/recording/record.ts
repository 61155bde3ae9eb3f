/** Writes what a connection receives into a recording, until something ends it. */
import type { PortableConnection } from 'serpy';
import type { Recorder } from './recorder.js';

/** How often lines are written when messages come without a break. */
const flushEvery = 256;

/** From this size on a connection can use the memory of a message again. */
const releasedBytes = 4096;

/**
 * Resolves with why it ended: the connection is over, the signal, the count, or the size.
 * @param signal ends it; what has come by then is recorded
 * @throws a `Failure` when the disk takes no more
 */
export async function recordConnection(
  connection: PortableConnection,
  recorder: Recorder,
  signal: AbortSignal,
  maxCount = Number.POSITIVE_INFINITY,
): Promise<'closed' | 'signal' | 'count' | 'size'> {
  for (let unwritten = 0; ; unwritten++) {
    if (recorder.messages >= maxCount) return 'count';
    if (unwritten >= flushEvery || !connection.isDataAvailable()) {
      recorder.flush();
      unwritten = 0;
    }
    const message = await connection.getMessage({ signal }).catch(() => undefined);
    if (message === undefined) return connection.closeInfo ? 'closed' : 'signal';
    if (!recorder.add(message)) return 'size';
    if (Buffer.isBuffer(message.value) && message.value.length >= releasedBytes) connection.release(message.value);
  }
}
