/** The events of a connection and their arguments. */
import type { AnySerpyError } from '../any-error.js';
import type { DisconnectReason } from '../link/link-end.js';
import type { ProgressInfo } from '../protocol/resumable-session.js';
import type { Address } from '../transport/address.js';

/** With `connect`: the first link of a connection is up. */
export interface ConnectInfo {
  readonly local: Address;
  readonly remote: Address;
}

/** With `disconnect`: a link has ended. */
export interface DisconnectInfo {
  readonly reason: DisconnectReason;
  /** What broke the link; undefined if nothing did. */
  readonly error: Error | undefined;
  /**
   * Messages sent on this link since the peer last confirmed receipt (an acknowledgement of v1): they may not have arrived. 0 in a session, which
   * keeps them; after a clean end with no unsent bytes in this process; and after `destroy()` here.
   */
  readonly unacknowledgedMessages: number;
  /** Whether the end was intended: by `close()` or `destroy()` here, or by `close()` at the peer. Undefined if the link ended without a session, as only a session has close frames. */
  readonly clean: boolean | undefined;
  /** The `reason` that the peer gave to `close()`; undefined if it did not call it. Needs a session. */
  readonly peerReason: string | undefined;
}

/** With `reconnecting`: the next connection attempt is scheduled. */
export interface ReconnectingInfo {
  /** 1 for the first attempt after a link that lasted `reconnect.resetAfterMs`, or that brought a new message or acknowledgement. */
  readonly attempt: number;
  readonly delayMs: number;
  /** Why the last link or attempt failed. */
  readonly error: Error | undefined;
}

/** With `reconnect`: a link is up again. */
export interface ReconnectInfo extends ConnectInfo {
  /** The number of the attempt that succeeded, counted as `attempt` of `reconnecting`. */
  readonly attempts: number;
  /** Time without a link, in milliseconds. */
  readonly downMs: number;
}

/** With `close`: the connection is closed for good. */
export interface CloseInfo {
  /** As in `disconnect`, or `retries-exhausted` after `reconnect.maxAttempts` failed attempts. */
  readonly reason: DisconnectReason | 'retries-exhausted';
  /** What broke the last link; undefined if nothing did. With `local-close`: invalid data that arrived while it closed or, without a session, a reset by the peer. */
  readonly error: Error | undefined;
  /** Accepted messages that were never sent. */
  readonly unsentMessages: number;
  /** Messages of a session that were sent but not acknowledged: they may or may not have arrived. */
  readonly unacknowledgedMessages: number;
  /** As in `disconnect`, of the last link. */
  readonly clean: boolean | undefined;
  readonly peerReason: string | undefined;
}

export interface ConnectionEvents {
  connect: [info: ConnectInfo];
  disconnect: [info: DisconnectInfo];
  reconnecting: [info: ReconnectingInfo];
  reconnect: [info: ReconnectInfo];
  close: [info: CloseInfo];
  /** A part of a large message or of a stream was sent or has arrived. Only in a session. */
  progress: [info: ProgressInfo];
  /** Something went wrong that the connection handles itself. */
  warning: [error: AnySerpyError];
}
