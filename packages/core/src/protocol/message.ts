/** Outbound and inbound messages, and parts of streams and requests, as core sees them. */

/** A value that its protocol has encoded. */
export interface OutboundMessage {
  /** Size that counts in the send queue. */
  readonly sizeBytes: number;
  /** Whether `sendData` waits for the peer's acknowledgement. */
  readonly awaitsAck: boolean;
  /** Set for a part of a stream or of a request, which is not a message. */
  readonly part?: StreamPart | RequestPart | undefined;
  /** Whether no option drops it: a request, or the answer to one. */
  readonly undroppable?: boolean;
  /** The call of `sendData` that waits for the acknowledgement. The send queue sets it; a protocol that creates it with the others has messages of one shape. */
  awaited?: object | undefined;
}

/** A message that arrived. */
export interface InboundMessage {
  /** Size that counts in the receive queue. */
  readonly sizeBytes: number;
  /** Of a message of a session, its position, which is greater than 0. */
  readonly end?: number | undefined;
  /** Set for a part of a stream, and for a part of a request, whose value is that of the message. */
  readonly part?: StreamPart | RequestPart | undefined;
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

/**
 * A request or what belongs to it. `id` differs for each request of a direction. `response` and `failure` travel in the other direction. The
 * value of a request and of a response is the message that carries the part.
 */
export type RequestPart =
  | { readonly kind: 'request' | 'response' | 'cancel'; readonly id: number }
  | { readonly kind: 'failure'; readonly id: number; readonly code: string; readonly message: string };

/** Whether a message belongs to a session. It may arrive when the session has no link, or is over. */
export function isOfSession({ end = 0 }: InboundMessage): boolean {
  return end > 0;
}

/** Whether a part belongs to a request. Otherwise it belongs to a stream. */
export function isRequestPart(part: StreamPart | RequestPart): part is RequestPart {
  switch (part.kind) {
    case 'request':
    case 'response':
    case 'failure':
    case 'cancel':
      return true;
    default:
      return false;
  }
}
