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
  readonly inbox: {
    /** Whether reading must wait until the program has consumed messages. */
    readonly full: boolean;
    /** Whether the program has consumed so many that reading may resume. */
    readonly hasRoom: boolean;
  };
  readonly settings: {
    /** After this many milliseconds in which bytes wait and none leaves, the link is dead; 0 disables the check. */
    readonly writeTimeoutMs: number;
    /** After this many milliseconds without progress of a partially received message, the link is dead; 0 disables the check. */
    readonly frameTimeoutMs: number;
  };
  /** Whether the connection is being closed, and what is queued still goes out. */
  readonly closing: boolean;
  /** A message arrived. Throws where the connection must end for it. */
  deliver(received: InboundMessage): void;
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
