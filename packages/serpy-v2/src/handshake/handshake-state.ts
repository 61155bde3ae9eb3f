/** How far a handshake is, what it goes by, and what it needs of the session around it. */
import type { UnknownMessage } from '../reliable/sender.js';

/** What a handshake needs of the plain session around it. */
export interface HandshakeHost {
  /** Messages that were received and sent plainly on this link. */
  readonly plainReceived: number;
  readonly plainSent: number;
  /** Bytes that turned out to be plain. */
  pushPlain(bytes: Buffer): void;
  /** A message as the application knows it. */
  toValue(message: UnknownMessage): unknown;
}

/**
 * - `down`: no link
 * - `idle`: a server's link on which nothing has come yet; plain unless a HELLO comes
 * - `session-wanted`: the same, and the program asks for what only a session has: nothing is sent while a HELLO may yet come
 * - `given-up`: the same, when none has come in time: plain, unless one comes after all
 * - `plain`: plain v2
 * - `hello-sent`: a client has sent its HELLO; what comes plainly is delivered, nothing is sent
 * - `hello-required`: a server that requires it waits for a HELLO
 * - `welcome-sent`: a server has answered; what the client says next tells whether it had given up waiting
 * - `established`: numbered messages both ways
 */
export type Phase =
  | 'down'
  | 'idle'
  | 'session-wanted'
  | 'given-up'
  | 'plain'
  | 'hello-sent'
  | 'hello-required'
  | 'welcome-sent'
  | 'established';

/** How far the handshake is on the link that there is: both roles move it on. */
export class HandshakeState {
  phase: Phase = 'down';
  /** Whether the phase is `on`. */
  isOn = false;
  /** Until when it stays there at most. */
  deadlineMs: number | undefined;
  nowMs = 0;

  enter(phase: Phase, deadlineMs?: number): void {
    this.phase = phase;
    this.isOn = phase === 'established';
    this.deadlineMs = deadlineMs;
  }
}

/** What one role does in a handshake. */
export interface HandshakeRole {
  /** Whether it is not known yet that the connection is a new one. */
  readonly pendingTakeover: boolean;
  /** Whether this end comes back by itself, from now on. Left out: it makes no difference. */
  reconnects?(is: boolean): void;
  /** A link is up. */
  linkUp(nowMs: number): void;
  /**
   * A greeting of the other role has come.
   * @returns whether it was understood as one
   */
  onGreeting(payload: Buffer): boolean;
  /** The stage's deadline is over. Throws where the link is then. */
  deadlineReached(nowMs: number): void;
}
