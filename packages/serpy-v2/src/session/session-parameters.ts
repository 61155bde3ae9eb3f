/** What two peers agree on when a session starts or resumes. */

/** What both ends say of themselves. */
export interface SessionParameters {
  /** Tells processes apart: one that was started again is another. */
  readonly instance: Buffer;
  /** The largest message it takes. */
  readonly maxMessageBytes: number;
  /** After which silence it asks for a sign of life. */
  readonly pingIntervalMs: number;
  /** The peer may send up to this offset. */
  readonly limit: number;
  /** Whether its link is encrypted, so that records need no check. */
  readonly encrypted: boolean;
}

/** The session that a client wants to go on with. */
export interface ResumeRequest {
  readonly id: Buffer;
  /** Larger with every attempt, so that a proof is good once. */
  readonly attempt: number;
  readonly proof: Buffer;
  /** The offset of the next byte that it expects, and up to which its program has consumed the messages. */
  readonly received: number;
  readonly consumed: number;
}

export interface Hello extends SessionParameters {
  /** How long it may be away, in milliseconds; 0 when it will not come back. */
  readonly resumableMs: number;
  readonly resume: ResumeRequest | undefined;
}

/** A new session, as the server gives it. */
export interface SessionGrant {
  readonly id: Buffer;
  readonly secret: Buffer;
  /** How many plain messages went before. */
  readonly plainMessages: number;
}

export const idBytes = 16;
export const secretBytes = 32;
export const proofBytes = 32;
