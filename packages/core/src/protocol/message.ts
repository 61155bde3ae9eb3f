/** Messages on their way out and in, and parts of streams, as core sees them. */

/** A value turned into what its protocol sends for it, not yet on any wire. */
export interface OutboundMessage {
  /** What it weighs in the send queue, in bytes. */
  readonly sizeBytes: number;
  /** Whether `sendData` waits for the peer's acknowledgement. */
  readonly awaitsAck: boolean;
  /** It is no message, but a part of a stream. */
  readonly part?: StreamPart | undefined;
}

/** A message that arrived. */
export interface InboundMessage {
  /** What it weighs in the receive queue, in bytes. */
  readonly sizeBytes: number;
  /** It is no message, but a part of a stream. */
  readonly part?: StreamPart | undefined;
}

/**
 * A part of a stream, on its way out or in. `id` is another for each stream of a direction. `stop` goes the other way: the receiver of
 * a stream tells its sender.
 */
export type StreamPart =
  | { readonly kind: 'begin'; readonly id: number; readonly totalBytes: number | undefined }
  | { readonly kind: 'data'; readonly id: number; readonly offset: number; readonly data: Uint8Array }
  | { readonly kind: 'end'; readonly id: number; readonly offset: number }
  | { readonly kind: 'abort' | 'stop'; readonly id: number; readonly reason: string };
