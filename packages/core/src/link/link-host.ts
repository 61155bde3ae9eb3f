/** Who a link works for, and whose life it is part of. Types only. */

import type { InboundMessage, OutboundMessage } from '../protocol/message.js';
import type { LinkEnd } from './link-end.js';

/** What a link works for: the queues of a connection and its ear. */
export interface LinkHost {
  /** How many messages wait to be sent. */
  readonly queuedMessages: number;
  /** The next of them. */
  nextQueued(): OutboundMessage | undefined;
  /** There is none: everything is on the wire. */
  drained(): void;
  /** Whether reading must wait until messages have been taken. */
  readonly inboxFull: boolean;
  /** Whether so many have been taken that it is worth while to go on. */
  readonly roomInInbox: boolean;
  /** After how many milliseconds in which no byte leaves that should the link is dead; 0 for never. */
  readonly writeTimeoutMs: number;
  /** After how many milliseconds without progress of a message that has begun to come the link is dead; 0 for never. */
  readonly frameTimeoutMs: number;
  /** Whether the connection is being closed, and what is queued still goes out. */
  readonly closing: boolean;
  /** A message arrived. Throws where the connection must end for it. */
  deliver(received: InboundMessage): void;
  /** Messages that the session holds are delivered: those that there is room for, or that a session that is over has left. */
  deliverHeld(): void;
  bytesReceived(receivedBytes: number): void;
  /** The link is over. What its session has to tell comes next: that frees places which nobody should take before it is known how it goes on. */
  linkEnding(): void;
  /** Called after every step of the session: what it had to tell can be told now. */
  stepDone(): void;
}

/** Whose life a link is part of. */
export interface LinkObserver {
  /** Whether this end reconnects by itself. */
  readonly reconnects: boolean;
  /** Told once, when the link is gone. */
  linkEnded(end: LinkEnd): void;
}
