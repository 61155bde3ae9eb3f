/** What core's server and the connections that it accepts need of each other. Types only. */
import type { MessageTooLargeError, SerpyErrorLike } from '../errors.js';
import type { OutboundMessage } from '../protocol/message.js';
import type { SharedEncoding } from '../protocol/shared-encoding.js';
import type { SlowPeers } from '../queue/broadcasts.js';
import type { Transport } from '../transport/transport.js';

/** What a server does for each connection that it has accepted. */
export interface ServerHooks<C> {
  /** The connection is closed. Called before the listeners of `close`. */
  readonly onClose: (connection: C) => void;
  /** The connection is a new one: its link does not resume the session of another. In most cases this is known at once. */
  readonly onIdentified: (connection: C) => void;
  /** The connection has failed before it was identified. */
  readonly onRejected: (connection: C, error: SerpyErrorLike) => void;
  /** The memory for partially received messages has changed. */
  readonly onPartialBytes: (connection: C, bytes: number) => void;
}

/** What a broadcast does with the messages of a connection. */
export interface BroadcastTarget {
  readonly settings: { readonly maxMessageBytes: number };
  /** Encodes a value. Throws a typed error if it cannot be encoded. */
  encodeShared(value: unknown, options: object, shared: SharedEncoding): OutboundMessage;
  /** Queues a message that `encodeShared` made, or drops it. @returns whether it is queued */
  sendShared(outgoing: OutboundMessage, slowPeers: SlowPeers): boolean;
  /** Drops a message that the peer does not accept. @returns false */
  tooLargeForPeer(error: MessageTooLargeError): false;
}

/** What a server may do with a connection that it has accepted, besides what programs may. */
export interface ConnectionInternals {
  readonly channel: BroadcastTarget;
  /** Whether the connection is closing or closed. */
  readonly ending: boolean;
  /** Takes the transport that the server has accepted. */
  accept<C>(transport: Transport, hooks: ServerHooks<C>): void;
  /** Whether the client may resume its session on another link. */
  readonly mayResume: boolean;
  /** Whether the client is disconnected: there is no link. */
  readonly isAway: boolean;
  /** Disconnects a client that exceeds a limit. Its session ends. */
  evict(error: Error): void;
  /**
   * As `close` of the connection.
   * @param waitsForPeer whether a disconnected client may resume its session before the connection is closed
   */
  close(reason: string, waitsForPeer: boolean): Promise<void>;
}
