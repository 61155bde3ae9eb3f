/**
 * What core asks of a session that outlives its links: one that numbers its messages, keeps them until the peer has them, and goes
 * on over the next link where it was. Types only.
 */

import type { Transport } from '../transport/transport.js';
import type { InboundMessage } from './message.js';

/** How far a large message is, or a stream. */
export interface ProgressInfo {
  readonly direction: 'send' | 'receive';
  /** Messages and streams are counted apart, so that it takes both, `of` and `number`, to tell two things under way from each other. */
  readonly of: 'message' | 'stream';
  /** Which message: the number of its first piece in this direction of the session. Which stream: the first of this direction is 0. */
  readonly number: number;
  readonly doneBytes: number;
  /** Of a stream whose size was not said: undefined. */
  readonly totalBytes: number | undefined;
}

/** Where a link can be put: the place of one connection. */
export interface LinkHolder {
  /** What the peer of its link has proved, or of the last one there was: that it has the key, or which certificate. Undefined, or left out: nothing. */
  readonly identity?: string | undefined;
  /** Whether its link is encrypted. Left out: no. */
  readonly encrypted?: boolean;
  /** Goes on over the link that another connection has. Its own link is destroyed first. False when the connection is over. */
  takeOverLink(other: LinkHolder): boolean;
  /** Gives the link away; the connection that had it is over, without a word. */
  releaseLink(): Transport | undefined;
}

/** What the peer said at the end. */
export interface PeerClose {
  /** Why it closed, in its own words; empty where it gave none. */
  readonly reason: string;
}

export interface ResumableSession {
  /** Another object for each session; undefined while there is none. */
  readonly epoch: unknown;
  /** Whether messages wait to be read that there is room for now, or that a session that is over has left. */
  readonly readable: boolean;
  /** Whether something is to be put on the wire besides new messages: the rest of a large one, or what the peer did not get. */
  readonly hasPendingFrames: boolean;
  /** Puts the next piece of it on the wire. Called only between `up` and `lost`. */
  writeNext(): void;
  /** Whether the peer has, as far as is known, all that was sent. */
  readonly allAcknowledged: boolean;
  /** How much of this session the peer has acknowledged and has sent: more whenever something of it was new. */
  readonly progressCount: number;
  /** Whether the peer keeps to limits, so that reading need never wait for the application: also while a session is being gone on with. */
  readonly flowControlled: boolean;
  /**
   * The application has taken this message, or the queue has dropped it for a newer one.
   * @returns whether the session wants to be looked at for it: it has something to read or to write, at once or after a while
   */
  consumed(received: Pick<InboundMessage, 'sizeBytes'>): boolean;
  /** The queue has dropped this message, which was read last, and keeps what came before it. */
  discarded(received: Pick<InboundMessage, 'sizeBytes'>): void;
  /** How long the peer may come back after its link is lost, in milliseconds; 0 when it will not. */
  readonly resumableMs: number;
  /** What the peer said when it closed; undefined while it has not. */
  readonly peerClose: PeerClose | undefined;
  /** The last words on a link, written before its end. */
  writeClose(reason: string): void;
  /** Whether it may yet turn out that the link belongs to another connection, which would go on over it. */
  readonly pendingTakeover: boolean;
  /** The connection is over. What the peer may not have is told by `rejected`; the messages are returned as the application knows them. */
  abort(): readonly unknown[];
}
