/**
 * What core asks of a session that outlives its links: it numbers its messages, keeps them until the peer has them, and resumes on the next
 * link. Types only.
 */

import type { Transport } from '../transport/transport.js';
import type { InboundMessage } from './message.js';

/** The progress of a large message or of a stream. */
export interface ProgressInfo {
  readonly direction: 'send' | 'receive';
  /** Messages and streams have separate numbers: only `of` and `number` together identify a transfer. */
  readonly of: 'message' | 'stream';
  /** Of a message: the number of its first part in this direction of the session. Of a stream: its index in this direction, from 0. */
  readonly number: number;
  readonly doneBytes: number;
  /** Undefined for a stream of unknown size. */
  readonly totalBytes: number | undefined;
}

/** A connection that can hold a link, take over that of another, or release its own. */
export interface LinkHolder {
  /** How the peer of the current or the last link has authenticated: by the key or its certificate. Undefined by default: not at all. */
  readonly identity?: string | undefined;
  /** Whether its link is encrypted. Default false. */
  readonly encrypted?: boolean;
  /** Destroys its own link and continues on the link of another connection. @returns false if this connection is closed */
  takeOverLink(other: LinkHolder): boolean;
  /** Releases the link. The connection that had it closes without an event of its link. */
  releaseLink(): Transport | undefined;
}

/** The close frame of the peer. */
export interface PeerClose {
  /** The `reason` that the peer gave to `close`; empty by default. */
  readonly reason: string;
}

export interface ResumableSession {
  /** Identifies the session: a different object for each; undefined while there is none. */
  readonly epoch: unknown;
  /** Whether the receive queue has room for messages that wait to be read, or an ended session has left some. */
  readonly readable: boolean;
  /** Whether something other than new messages is to be sent: the rest of a large message, or what the peer has not received. */
  readonly hasPendingFrames: boolean;
  /** Sends the next part of it. Called only between `linkUp` and `linkDown`. */
  writeNext(): void;
  /** Whether the peer has acknowledged all that was sent. */
  readonly allAcknowledged: boolean;
  /** Grows with each new acknowledgement and each new message from the peer, and never with repeated ones. */
  readonly progressCount: number;
  /** Whether flow control limits the peer, so that reading need never pause for the program: also while a session is being resumed. */
  readonly flowControlled: boolean;
  /**
   * The program has consumed this message, or the queue has dropped it for a newer one.
   * @param earlierWait whether earlier messages still wait for the program: then it counts as consumed when a later one is, and only its room is free
   * @returns whether the session has something to read or to write, now or later
   */
  consumed(received: Pick<InboundMessage, 'sizeBytes'>, earlierWait?: boolean): boolean;
  /**
   * The queue has dropped this message, which was read last.
   * @param kept the last message in the queue
   */
  discarded(received: Pick<InboundMessage, 'sizeBytes'>, kept: Pick<InboundMessage, 'sizeBytes'> | undefined): void;
  /** How long the peer may resume the session after its link is lost, in milliseconds; 0 if it cannot. */
  readonly resumableMs: number;
  /** The name that the peer of this session has stated; undefined without one. It proves nothing. */
  readonly peerName?: string | undefined;
  /** The close frame of the peer; undefined until it has arrived. */
  readonly peerClose: PeerClose | undefined;
  /** Writes the close frame. */
  writeClose(reason: string): void;
  /** Whether the peer may still resume the session of another connection on this link. */
  readonly pendingTakeover: boolean;
  /** The connection is closed. Calls `rejected` for each message that the peer may not have. @returns the values of these messages */
  abort(): readonly unknown[];
}
