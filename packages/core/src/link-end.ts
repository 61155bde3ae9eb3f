/** How and why a link ended. */

/** Why a link ended. */
export type DisconnectReason =
  /** The peer ended the connection. */
  | 'ended'
  /** The network or the peer's system broke it. */
  | 'reset'
  /** The peer sent what is not of this protocol, or too large. */
  | 'protocol'
  /** The receive queue was full under `whenFull: 'error'`. */
  | 'queue-full'
  /** `close()` or `destroy()` was called here. */
  | 'closed'
  /** The peer said nothing for too long, or took nothing. */
  | 'silent';

/** How a link ended. */
export interface LinkEnd {
  readonly reason: DisconnectReason;
  readonly error: Error | undefined;
  /** Messages that were handed to the system since all before them had left this process: they may not have arrived. */
  readonly unconfirmedMessages: number;
  /** Whether an end meant it: `close()` here, or there. Undefined where the peer cannot say: plain v1 and v2. */
  readonly intended: boolean | undefined;
  /** Why the peer closed, where it said so. */
  readonly peerReason: string | undefined;
  /** How long the peer may come back by itself, in milliseconds. */
  readonly resumableMs: number;
}

const reasons: ReadonlyMap<string, DisconnectReason> = new Map([
  ['ERR_SERPY_QUEUE_FULL', 'queue-full'],
  ['ERR_SERPY_TIMEOUT', 'silent'],
]);

/** What the code of an error that ends a link is told as; any other is the peer's. */
export function reasonOf(code: string): DisconnectReason {
  return reasons.get(code) ?? 'protocol';
}

/** Whether what has come and was not read is left unread. */
export function endsReading(reason: DisconnectReason): boolean {
  return reason === 'protocol' || reason === 'queue-full' || reason === 'silent';
}
