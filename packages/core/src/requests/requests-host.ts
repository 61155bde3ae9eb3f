/** What the requests of a connection need of its channel, and the limits that no option changes. Types and constants only. */
import type { Clock } from '../environment.js';
import type { SerpyError } from '../errors.js';
import type { InboundMessage, OutboundMessage, RequestPart } from '../protocol/message.js';
import type { QueueLimits } from '../queue/bounded-queue.js';
import type { ReceiveQueue } from '../queue/receive-queue.js';

/**
 * What happens after a request without a session got no answer in time: its late answer would be taken for that of the next request.
 * `'reconnect'` ends the link. `'drain'` discards the late answer. `'trust'` expects no late answer.
 */
export type OutOfStep = 'reconnect' | 'drain' | 'trust';

/** The default timeout of `request`. */
export const defaultRequestTimeoutMs = 10_000;

/** Maximum number of requests of a connection that have no answer yet. */
export const maxOpenRequests = 1024;

/** Maximum number of handlers of a connection that run at the same time. */
export const maxRunningHandlers = 256;

/** How long a request waits for `onRequest`, which a program may call right after it has connected. */
export const handlerWaitMs = 1000;

/** The longest time for which `outOfStep: 'drain'` waits for a late answer. */
export const maxDrainMs = 10_000;

export interface RequestsHost {
  readonly clock: Clock;
  readonly settings: { readonly outOfStep: OutOfStep; readonly receiveQueue: QueueLimits };
  readonly inbox: Pick<ReceiveQueue, 'handlerIsBusy' | 'first' | 'takeNow' | 'length'>;
  /** Identifies the session: a different object for each; undefined while there is none. */
  readonly epoch: unknown;
  readonly linkIsUp: boolean;
  /** Whether reading is paused. */
  readonly linkIsPaused: boolean;
  readonly receivedBytes: number;
  /** Messages that were handed to the link. */
  readonly sentOnLink: number;
  /** Whether this end reconnects when the link ends. */
  readonly reconnects: boolean;
  /** As `correlation` of the session. */
  correlation(): boolean | undefined;
  /** Sends what may be sent, and schedules what the session waits for. */
  pump(): void;
  /** Encodes a value. Throws if the protocol cannot encode it. */
  encode(value: unknown): OutboundMessage;
  encodeRequestPart(part: RequestPart, message: OutboundMessage | undefined): OutboundMessage;
  /** The message has to wait: copies small parts of it that the program may change. */
  snapshot(outgoing: OutboundMessage): void;
  /** Queues a message, whatever the bounds, and sends what the transport accepts. Not called while a session reads. */
  post(outgoing: OutboundMessage): void;
  /** Removes a message that `post` has queued. */
  takeBack(outgoing: OutboundMessage): void;
  consumed(received: InboundMessage): void;
  /** Reading may go on: a flag of `inbox` has changed. */
  resumeReading(): void;
  /** The peer has read this many messages of the link: it answered the last of them. */
  peerHasRead(messages: number): void;
  /** Ends the link, as if the peer did not respond. */
  endLink(error: SerpyError): void;
  /** A message was discarded. @param error for the first of a run */
  discarded(error: SerpyError | undefined): void;
  warn(error: SerpyError): void;
}
