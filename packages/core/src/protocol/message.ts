/** Outbound and inbound messages, and parts of streams, as core sees them. */

/** A value that its protocol has encoded. */
export interface OutboundMessage {
  /** Size that counts in the send queue. */
  readonly sizeBytes: number;
  /** Whether `sendData` waits for the peer's acknowledgement. */
  readonly awaitsAck: boolean;
  /** Set for a part of a stream, which is not a message. */
  readonly part?: StreamPart | undefined;
  /** The call of `sendData` that waits for the acknowledgement. The send queue sets it; a protocol that creates it with the others has messages of one shape. */
  awaited?: object | undefined;
}

/** A message that arrived. */
export interface InboundMessage {
  /** Size that counts in the receive queue. */
  readonly sizeBytes: number;
  /** Set for a part of a stream, which is not a message. */
  readonly part?: StreamPart | undefined;
}

/**
 * A part of a stream, outbound or inbound. `id` differs for each stream of a direction. `stop` travels in the other direction: the receiver
 * cancels the stream.
 */
export type StreamPart =
  | { readonly kind: 'begin'; readonly id: number; readonly totalBytes: number | undefined }
  | { readonly kind: 'data'; readonly id: number; readonly offset: number; readonly data: Uint8Array }
  | { readonly kind: 'end'; readonly id: number; readonly offset: number }
  | { readonly kind: 'abort' | 'stop'; readonly id: number; readonly reason: string };
