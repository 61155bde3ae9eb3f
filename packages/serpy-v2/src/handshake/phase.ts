/** How far a handshake is, what it goes by, and what it needs of the session around it. Types only. */
import type { BatchedMessage } from './batch.js';
import type { HandshakeMode } from './settings.js';
import type { StandingSettings } from './standing.js';

export interface HandshakeSettings extends StandingSettings {
  readonly handshake: HandshakeMode;
  readonly helloTimeoutMs: number;
  readonly handshakeTimeoutMs: number;
  /** Whether a client comes back by itself. */
  readonly autoRestart: boolean;
}

/** What a handshake needs of the plain session around it. */
export interface HandshakeOwner {
  /** Messages that were received and sent plainly on this link. */
  readonly plainReceived: number;
  readonly plainSent: number;
  /** Bytes that turned out to be plain. */
  pushPlain(bytes: Buffer): void;
  /** A message as the application knows it. */
  valueOf(message: BatchedMessage): unknown;
}

/**
 * - `down`: no link
 * - `fresh`: a server's link on which nothing has come yet; plain unless a HELLO comes
 * - `plain`: plain v2
 * - `asked`: a client has sent its HELLO; what comes plainly is delivered, nothing is sent
 * - `awaited`: a server that requires it waits for a HELLO
 * - `answered`: a server has answered; what the client says next tells whether it had given up waiting
 * - `on`: numbered messages both ways
 */
export type Phase = 'down' | 'fresh' | 'plain' | 'asked' | 'awaited' | 'answered' | 'on';
