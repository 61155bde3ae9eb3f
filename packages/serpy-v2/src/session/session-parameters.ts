/** The parameters that the two ends exchange when a session starts or resumes. */

/** The parameters that each end states about itself. */
export interface SessionParameters {
  /** Identifies the process: a restarted one has another value. */
  readonly instance: Buffer;
  /** The largest message that it accepts. */
  readonly maxMessageBytes: number;
  /** The silence after which it sends a PING; 0 for never. */
  readonly pingIntervalMs: number;
  /** The peer may send up to this offset. */
  readonly limit: number;
  /** Whether its link is encrypted, so that records need no checksum. */
  readonly encrypted: boolean;
  /** Whether it reads messages with metadata. */
  readonly readsAbout?: boolean | undefined;
  /** Its option `name`. */
  readonly name?: string | undefined;
}

/** A client's request to resume a session. */
export interface ResumeRequest {
  readonly id: Buffer;
  /** Increases with every attempt, so that each proof is valid once. */
  readonly attempt: number;
  readonly proof: Buffer;
  /** The offset of the next byte that the client expects. */
  readonly received: number;
  /** The offset up to which its program has consumed the messages. */
  readonly consumed: number;
}

export interface Hello extends SessionParameters {
  /** Milliseconds for which the client may be disconnected; 0 if it does not reconnect. */
  readonly resumableMs: number;
  readonly resume: ResumeRequest | undefined;
}

/** A new session, as the server grants it. */
export interface SessionGrant {
  readonly id: Buffer;
  readonly secret: Buffer;
  /** The number of messages that the server sent without a session before. */
  readonly plainMessages: number;
}

export const idBytes = 16;
export const secretBytes = 32;
export const proofBytes = 32;
