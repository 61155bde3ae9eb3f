/** The phase of a handshake, and what it needs from the v2 session that owns it. */
import type { ReliableSession } from '../reliable/reliable-session.js';
import type { Sendable, UnknownMessage } from '../reliable/sender.js';

/** What a handshake needs from the v2 session that owns it. */
export interface HandshakeHost {
  /** Messages that were received and sent without a session on this link. */
  readonly plainReceived: number;
  readonly plainSent: number;
  /** Takes bytes that belong to no session after all. */
  pushPlain(bytes: Buffer): void;
  /** Converts a message to the application's form. */
  readonly toValue: (message: UnknownMessage) => unknown;
}

/**
 * - `down`: no link
 * - `idle`: a server's link that has received nothing yet; without a session unless a HELLO arrives
 * - `session-wanted`: as `idle`, and the program uses a feature of sessions: nothing is sent while a HELLO may still arrive
 * - `given-up`: as `session-wanted`, after the timeout: without a session unless a late HELLO arrives
 * - `plain`: v2 without a session
 * - `hello-sent`: a client has sent its HELLO; it delivers messages that arrive without a session, and sends nothing
 * - `hello-required`: a server with `session: 'require'` waits for a HELLO
 * - `welcome-sent`: a server has sent its WELCOME; the client's next bytes show whether the client received it in time
 * - `offered`: a server has answered a probe with a WELCOME, and waits for the HELLO; it sends nothing meanwhile
 * - `established`: numbered messages in both directions
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
  | 'offered'
  | 'established';

/** The phase of the handshake on the current link. Both roles change it. */
export class HandshakeState<Out extends Sendable> {
  phase: Phase = 'down';
  /** The session of the link in the phase `established`, otherwise undefined. A field, because each message reads it several times. */
  active: ReliableSession<Out> | undefined;
  /** When the phase ends at the latest. */
  deadlineMs: number | undefined;
  nowMs = 0;

  enter(phase: Exclude<Phase, 'established'>, deadlineMs?: number): void {
    this.phase = phase;
    this.active = undefined;
    this.deadlineMs = deadlineMs;
  }

  establish(session: ReliableSession<Out>): void {
    this.phase = 'established';
    this.active = session;
    this.deadlineMs = undefined;
  }
}

/** One role of a handshake: client or server. */
export interface HandshakeRole {
  /** Whether the link may still turn out to resume another connection's session. */
  readonly pendingTakeover: boolean;
  /** Sets whether this end reconnects automatically from now on. Absent where it makes no difference. */
  reconnects?(is: boolean): void;
  /** The server has answered a probe. Absent where it makes no difference. */
  serverAnswered?(): void;
  /** The server says that it makes no sessions. @returns whether that was expected. Absent at a server */
  declined?(): boolean;
  /** The server makes no sessions, as far as is known. Absent where it makes no difference. */
  expectPlain?(nowMs: number): void;
  /** Starts the handshake on a new link. */
  linkUp(nowMs: number): void;
  /**
   * Handles the HELLO or WELCOME of the other role.
   * @returns whether the frame was consumed as one
   */
  onGreeting(payload: Buffer): boolean;
  /** Handles the end of the phase's deadline. Throws if the link ends with it. */
  deadlineReached(nowMs: number): void;
}
