/** What two peers agree on when a session starts or resumes. */

/** How far a peer may send: so many messages, and another piece of a message only below so many bytes, both since the session began. */
export interface FlowLimits {
  readonly messages: number;
  readonly bytes: number;
}

/** What both ends say of themselves. */
export interface SessionParameters {
  /** Tells processes apart: one that was started again is another. */
  readonly instance: Buffer;
  /** The largest message it takes. */
  readonly maxMessageBytes: number;
  /** After which silence it asks for a sign of life. */
  readonly pingIntervalMs: number;
  readonly limits: FlowLimits;
}

/** The session that a client wants to go on with. */
export interface ResumeRequest {
  readonly id: Buffer;
  /** Larger with every attempt, so that a proof is good once. */
  readonly attempt: number;
  readonly proof: Buffer;
  /** The number of the next piece it expects, and of the first that its application has not taken. */
  readonly next: number;
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
