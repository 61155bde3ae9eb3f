/** What a link asks of its channel, and to whom it reports its end. Types only. */
import type { InboundMessage, OutboundMessage } from '../protocol/message.js';
import type { LinkEnd } from './link-end.js';

/** The channel of a link, with its queues. */
export interface LinkHost {
  /** Number of messages that may be sent now. */
  readonly queuedMessages: number;
  /** Removes the next message from the send queue. */
  nextQueued(): OutboundMessage | undefined;
  /** Everything is sent and, in a session, acknowledged. */
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
  /** Whether the connection is closing while it sends what is queued. */
  readonly closing: boolean;
  /** A message has arrived. Throws if the connection must end because of it. */
  deliver(received: InboundMessage): void;
  /** Messages that the session holds are delivered: those that there is room for, or that a session that is over has left. */
  deliverHeld(): void;
  bytesReceived(receivedBytes: number): void;
  /** The link has ended. Its session reports next, which frees places in the send queue: no send may take one until it is known whether a link follows. */
  linkEnding(): void;
  /** Called after every step of the session. Listeners may run now. */
  stepDone(): void;
}

/** Observes the end of a link. */
export interface LinkObserver {
  /** Whether this end reconnects when the link breaks. */
  readonly reconnects: boolean;
  /** Called once, when the link has ended. */
  linkEnded(end: LinkEnd): void;
}
