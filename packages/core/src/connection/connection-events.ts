/** The events of a connection and of a server, and what they carry. */
import type { AnySerpyError } from '../any-error.js';
import type { DisconnectReason } from '../link/link-end.js';
import type { ProgressInfo } from '../protocol/resumable-session.js';
import type { Address } from '../transport/address.js';

/** With `connect`: the first link of a connection is up. */
export interface ConnectInfo {
  readonly local: Address;
  readonly remote: Address;
}

/** With `disconnect`: a link is gone. */
export interface DisconnectInfo {
  readonly reason: DisconnectReason;
  /** What broke it, where something did. */
  readonly error: Error | undefined;
  /**
   * Messages sent on this link since the last proof that the peer had read what came before (an acknowledgement of v1): they may not have arrived. 0 in a
   * session, which keeps them; after an end in good order with nothing left in this process; and after `destroy()` here.
   */
  readonly unacknowledgedMessages: number;
  /** Whether an end meant it: `close()` here, or there. Undefined where the peer cannot say: plain v1 and v2. */
  readonly clean: boolean | undefined;
  /** Why the peer closed, where it said so. */
  readonly peerReason: string | undefined;
}

/** With `reconnecting`: the next dial is planned. */
export interface ReconnectingInfo {
  /** 1 for the first dial after a link that held for `reconnect.resetAfterMs`, or over which something new came or was acknowledged. */
  readonly attempt: number;
  readonly delayMs: number;
  /** Why the last link or dial failed. */
  readonly error: Error | undefined;
}

/** With `reconnect`: a link is up again. */
export interface ReconnectInfo extends ConnectInfo {
  /** The number of the dial that succeeded: 1 for the first after such a link. */
  readonly attempts: number;
  /** How long there was no link, in milliseconds. */
  readonly downMs: number;
}

/** With `close`: the connection is over. */
export interface CloseInfo {
  /** As in `disconnect`, or `retries-exhausted` when the dials were used up. */
  readonly reason: DisconnectReason | 'retries-exhausted';
  /** What broke it, where something did; with `closed`, what came while it closed and could not be read, or, without a session, that the peer ended in no good order. */
  readonly error: Error | undefined;
  /** Messages that had been accepted and were never put on the wire. */
  readonly unsentMessages: number;
  /** Messages of a session that were sent and not acknowledged: they may or may not have arrived. */
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
  /** A large message is on its way, or a stream: told for each of its pieces. Only after a handshake. */
  progress: [info: ProgressInfo];
  /** Something went wrong that the program may want to know of; the connection deals with it. */
  warning: [error: AnySerpyError];
}
