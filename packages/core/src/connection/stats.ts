/** The counts of a connection. */
import { wideZero } from '../buffers/wide-zero.js';

/** A snapshot. Counts cover the connection's whole life and all its links. */
export interface ConnectionStats {
  readonly messagesSent: number;
  readonly messagesReceived: number;
  /** Bytes on the wire, framing included. */
  readonly bytesSent: number;
  readonly bytesReceived: number;
  readonly sendQueueMessages: number;
  readonly sendQueueBytes: number;
  /** Bytes of `bytesSent` that have not left this process: the progress of a large message. */
  readonly unsentBytes: number;
  /** Sent messages for whose acknowledgement `sendData` waits. */
  readonly unacknowledgedMessages: number;
  readonly receiveQueueMessages: number;
  readonly receiveQueueBytes: number;
  /** Messages that a full send queue dropped, or `whenOffline: 'drop'`. */
  readonly droppedSending: number;
  /** Messages that a full receive queue dropped, or that newer ones replaced under `keep: 'latest'`. */
  readonly droppedReceiving: number;
  readonly reconnects: number;
  /** Sessions that have begun. If the count is unchanged after a `reconnect`, the session was resumed. */
  readonly sessions: number;
  /** Messages that arrived damaged and were dropped, and unexpected control messages. */
  readonly badFrames: number;
  /** Time with a link, in milliseconds. */
  readonly connectedMs: number;
  /** Time since the current link began or, without one, since the last link ended; 0 before the first. In milliseconds. */
  readonly sinceMs: number;
}

/** Where the counts are read that `Counters` does not keep. */
interface Queues {
  readonly inbox: { readonly length: number; readonly bytes: number };
  readonly outbox: { readonly length: number; readonly bytes: number; readonly unacknowledged: number };
  readonly sessionHost: { readonly unsentBytes: number };
}

/** The counters behind `ConnectionStats`. */
export class Counters {
  messagesSent = 0;
  messagesReceived = 0;
  bytesSent = wideZero;
  bytesReceived = wideZero;
  droppedSending = 0;
  droppedReceiving = 0;
  reconnects = 0;
  sessions = 0;
  badFrames = 0;
  #session: unknown;

  /** @param session a different object for each session; undefined while there is none */
  sessionChanged(session: unknown): void {
    if (session === undefined || session === this.#session) return;
    this.#session = session;
    this.sessions++;
  }

  snapshot({ inbox, outbox, sessionHost }: Queues, connectedMs: number, sinceMs: number): ConnectionStats {
    return {
      ...this,
      connectedMs,
      sinceMs,
      sendQueueMessages: outbox.length,
      sendQueueBytes: outbox.bytes,
      unsentBytes: sessionHost.unsentBytes,
      unacknowledgedMessages: outbox.unacknowledged,
      receiveQueueMessages: inbox.length,
      receiveQueueBytes: inbox.bytes,
    };
  }
}
