/** What a connection counts. */

/** A snapshot; counts run over the whole life of the connection, through all its links. */
export interface ConnectionStats {
  readonly messagesSent: number;
  readonly messagesReceived: number;
  /** Bytes on the wire, framing included. */
  readonly bytesSent: number;
  readonly bytesReceived: number;
  readonly sendQueueMessages: number;
  readonly sendQueueBytes: number;
  /** Of `bytesSent`, those that have not left this process: how far a large message is. */
  readonly unsentBytes: number;
  /** Messages on the wire whose acknowledgement `sendData` waits for. */
  readonly unacknowledgedMessages: number;
  readonly receiveQueueMessages: number;
  readonly receiveQueueBytes: number;
  /** Messages that a full send queue dropped, or that had no link under `whenOffline: 'drop'`. */
  readonly droppedSending: number;
  /** Messages that a full receive queue dropped, or that newer ones replaced under `keep: 'latest'`. */
  readonly droppedReceiving: number;
  readonly reconnects: number;
  /** Sessions that were begun. The same number in a session after a `reconnect` means that it went on. */
  readonly sessions: number;
  /** Messages that arrived damaged and were dropped, and control words that did not belong. */
  readonly badFrames: number;
  /** Time with a link, in milliseconds. */
  readonly connectedMs: number;
}

/** What is looked at for the counts that are not kept here. */
interface Queues {
  readonly inbox: { readonly length: number; readonly bytes: number };
  readonly outbox: { readonly length: number; readonly bytes: number; readonly unacknowledged: number };
  readonly sessionHost: { readonly unsentBytes: number };
}

/** The counters behind it. */
export class Counters {
  messagesSent = 0;
  messagesReceived = 0;
  bytesSent = 0;
  bytesReceived = 0;
  droppedSending = 0;
  droppedReceiving = 0;
  reconnects = 0;
  sessions = 0;
  badFrames = 0;
  #session: unknown;

  /** @param session another object for each; undefined while there is none */
  sessionChanged(session: unknown): void {
    if (session === undefined || session === this.#session) return;
    this.#session = session;
    this.sessions++;
  }

  snapshot({ inbox, outbox, sessionHost }: Queues, connectedMs: number): ConnectionStats {
    return {
      ...this,
      connectedMs,
      sendQueueMessages: outbox.length,
      sendQueueBytes: outbox.bytes,
      unsentBytes: sessionHost.unsentBytes,
      unacknowledgedMessages: outbox.unacknowledged,
      receiveQueueMessages: inbox.length,
      receiveQueueBytes: inbox.bytes,
    };
  }
}
