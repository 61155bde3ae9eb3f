/** Writes the messages of connections to a recording. */
import type { RecordedMessage } from '../format/format.js';
import { systemClock } from '../system-clock.js';
import type { RecordingWriter } from '../writer/writer.js';
import { type ConnectionWatch, type WatchedConnection, watchConnection } from './watch-connection.js';

/** Messages of this size and more return their memory to the connection. */
const releasedBytes = 4096;

/** The limit that a full recording has reached. */
export type FullReason = 'count' | 'size';

/** A connection of serpy, serpy-v1 or serpy-v2. */
export interface RecordedConnection extends WatchedConnection {
  isDataAvailable(): boolean;
  release(bytes: Buffer): unknown;
  getMessage(wait: { readonly signal?: AbortSignal }): Promise<RecordedMessage>;
}

/** A message, and its connection. */
export interface ReceivedMessage {
  readonly message: RecordedMessage;
  readonly connection: Pick<RecordedConnection, 'isDataAvailable'>;
  /** The peer's address, if several peers can send. */
  readonly from?: string;
  readonly watch?: ConnectionWatch | undefined;
}

/**
 * Records a message and the events before it, and writes the lines that are due.
 * @returns `count` if this message was the last one, `size` if it does not fit, undefined otherwise
 * @throws `ERR_RECORDING_ENDED` if the disk cannot store it
 */
export function recordMessage(
  recording: RecordingWriter,
  { message, connection, from, watch }: ReceivedMessage,
  maxMessages = Number.POSITIVE_INFINITY,
): FullReason | undefined {
  if (watch) for (const event of watch.beforeNext()) recording.event(event, from);
  if (!recording.add(message, from)) return 'size';
  if (recording.unwritten === 0 || !connection.isDataAvailable()) {
    if (watch) for (const event of watch.drops()) recording.event(event, from);
    recording.flush();
  }
  return recording.messages >= maxMessages ? 'count' : undefined;
}

/** Options of `recordConnection`. */
export interface RecordConnectionOptions {
  /** Stops it; messages received by then are recorded. */
  readonly signal?: AbortSignal | undefined;
  /** The number of messages of the recording after which it stops. */
  readonly maxMessages?: number | undefined;
  /** The peer's address, if the recording has several. */
  readonly from?: string | undefined;
  /** Default: a watch of this connection from now on. */
  readonly watch?: ConnectionWatch | undefined;
}

/**
 * Records a connection with its gaps, reconnects and drops. Resolves with the reason of the end: the connection is closed, the signal, the
 * count, or the size. It closes neither the connection nor the recording.
 * @throws `ERR_RECORDING_ENDED` if the disk cannot store a message
 */
export async function recordConnection(
  connection: RecordedConnection,
  recording: RecordingWriter,
  { signal, maxMessages, from, watch = watchConnection(connection, systemClock) }: RecordConnectionOptions = {},
): Promise<'closed' | 'signal' | FullReason> {
  const wait = signal === undefined ? {} : { signal };
  const sender = from === undefined ? {} : { from };
  for (;;) {
    const message = await connection.getMessage(wait).catch(() => undefined);
    if (message === undefined) {
      for (const event of watch.rest()) recording.event(event, from);
      recording.flush();
      return connection.closeInfo ? 'closed' : 'signal';
    }
    const full = recordMessage(recording, { message, connection, watch, ...sender }, maxMessages);
    if (full) return full;
    const { value } = message;
    if (Buffer.isBuffer(value) && value.length >= releasedBytes) connection.release(value);
  }
}
