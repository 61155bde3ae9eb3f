/** What the reader hands to the receiving half of a session, and that to the application. Types only. */

/** What stands before the bytes of a piece. */
export interface PieceHead {
  readonly type: number;
  readonly flags: number;
  readonly number: number;
  readonly total: number;
  readonly dataBytes: number;
}

/** A message that is whole, with the number after its last piece. */
export interface WholeMessage {
  /** As in plain v2. */
  readonly type: number;
  readonly payload: Buffer;
  readonly end: number;
}
