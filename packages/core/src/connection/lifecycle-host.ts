/** What the life of a connection tells, and what it needs to know. Types only. */

import type { Link } from '../link/link.js';
import type { LinkObserver } from '../link/link-host.js';
import type { Role } from '../protocol/protocol.js';
import type { ProgressInfo } from '../protocol/resumable-session.js';
import type { Transport } from '../transport/transport.js';
import type { CloseInfo, ConnectInfo, DisconnectInfo, ReconnectInfo, ReconnectingInfo } from './connection-events.js';

/** What is left of a connection that ends. */
export interface AbandonedMessages {
  /** Accepted, and never put on a wire. */
  readonly unsentMessages: number;
  /** Sent in the session, and the peer may not have them. */
  readonly unacknowledgedMessages: number;
}

/** What a life is told of, and what it needs. */
export interface LifecycleOwner {
  /** Makes the link for a transport; `start` is the life's matter. */
  createLink(transport: Transport, role: Role, life: LinkObserver): Link;
  connected(info: ConnectInfo): void;
  disconnected(info: DisconnectInfo): void;
  /** There is no link any more, and there may be another. */
  linkLost(): void;
  reconnecting(info: ReconnectingInfo): void;
  reconnected(info: ReconnectInfo): void;
  /** Whether a session has something left that a peer who comes back would get. */
  readonly unsettled: boolean;
  /** Whether messages have arrived that the program can take. */
  readonly hasArrivals: boolean;
  /** The connection ends, and its session with it: nobody's message is accepted from here on. */
  abandon(): AbandonedMessages;
  progress(info: ProgressInfo): void;
  stepped(): void;
  /** The connection is over, and will not be asked anything more. */
  closed(info: CloseInfo): void;
}
