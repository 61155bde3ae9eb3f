/** How and why a link ended. Types only. */

/** Why a link ended. */
export type DisconnectReason =
  /** The peer ended the connection. */
  | 'ended'
  /** The network or the peer's system broke it. */
  | 'reset'
  /** The peer sent what is not of this protocol, or too large. */
  | 'protocol'
  /** The peer gave no sign of life: nothing left for it for `writeTimeoutMs`, or it did not answer. */
  | 'silent'
  /** The receive queue was full under `whenFull: 'error'`. */
  | 'queue-full'
  /** `close()` or `destroy()` was called here. */
  | 'closed';

/** How a link ended. */
export interface LinkEnd {
  readonly reason: DisconnectReason;
  readonly error: Error | undefined;
  /** Messages that were handed to the system since all before them had left this process: they may not have arrived. */
  readonly unconfirmedMessages: number;
}
