/**
 * The handshake on a link, which results in v2 without a session, a new session or a resumed one. A Python peer never gets a byte that it
 * cannot handle: only a client starts, with a HELLO that a Python peer drops, and no other new frame is sent before the WELCOME.
 */
import type { LinkHolder, PeerClose, ResumableSession, Role, SessionHost } from 'serpy-core';
import type { PeerTerms, ReliableSession } from '../reliable/reliable-session.js';
import type { Sendable } from '../reliable/sender.js';
import type { ResumeCredentials } from '../session/resume-credentials.js';
import { handshakeRequiredError, toLinkError } from '../session/session-errors.js';
import { SessionManager } from '../session/session-manager.js';
import type { Hello } from '../session/session-parameters.js';
import type { SessionRegistry } from '../session/session-registry.js';
import type { DecodedMessage } from '../values/values.js';
import { ClientHandshake } from './client-handshake.js';
import type { HandshakeSettings } from './handshake-options.js';
import { type HandshakeHost, type HandshakeRole, HandshakeState } from './handshake-state.js';
import type { GreetingKind } from './hello-welcome.js';
import { ServerHandshake } from './server-handshake.js';

/** A received message. A message of a session has the offset of its end. */
interface Received {
  readonly sizeBytes: number;
  end?: number;
  readonly part?: unknown;
}

function isNumbered(received: Received): received is Received & { end: number } {
  return received.end !== undefined && received.end > 0;
}

/**
 * It is its own state, and the session as core sees it, too: objects between them were calls for each message. While a session is on the link,
 * `V2Session` calls it directly (`active`).
 */
export class Handshake<Out extends Sendable> extends HandshakeState<Out> implements ResumableSession {
  readonly #host: HandshakeHost;
  readonly #manager: SessionManager<Out, Handshake<Out>>;
  readonly #role: HandshakeRole;
  /** The role, if it is the server's. */
  readonly #server: ServerHandshake<Out, Handshake<Out>> | undefined;
  /** Whether the last link ended before it was known whether it resumes another connection's session. */
  #endedPending = false;

  constructor(
    role: Role,
    settings: HandshakeSettings,
    output: SessionHost<Out>,
    host: HandshakeHost,
    sessions: SessionRegistry<Handshake<Out>>,
  ) {
    super();
    this.#host = host;
    const manager = new SessionManager(settings, output, sessions, host.toValue);
    this.#manager = manager;
    if (role === 'server') this.#server = new ServerHandshake(this, settings, manager, output, host, sessions);
    this.#role = this.#server ?? new ClientHandshake(this, settings, manager, output, host);
  }

  /** Whether an earlier session has left messages, which come first. */
  get hasLeftover(): boolean {
    return this.#manager.leftover !== undefined;
  }

  get welcomeSent(): boolean {
    return this.phase === 'welcome-sent';
  }

  /** Whether received bytes are decoded as v2 without a session. */
  get decodesPlain(): boolean {
    return this.active === undefined && !this.welcomeSent;
  }

  /** Whether messages without a session may be sent. */
  get canSendPlain(): boolean {
    switch (this.phase) {
      case 'plain':
      case 'idle':
      case 'given-up':
        return true;
      default:
        return false;
    }
  }

  /** What the peer has stated; undefined while it is unknown. */
  get peer(): PeerTerms | undefined {
    return this.#manager.session?.peer;
  }

  /** Whether a program may request acknowledgements: true until it is known that there is no session. */
  get canAcknowledge(): boolean {
    return this.phase !== 'plain' && this.phase !== 'given-up';
  }

  /** Whether answers refer to their requests, as they do in a session; undefined until it is known whether there is one. */
  get correlation(): boolean | undefined {
    if (this.active !== undefined) return true;
    return this.canAcknowledge ? undefined : false;
  }

  /** Whether the connection may still turn out to be no new client. */
  get pendingTakeover(): boolean {
    return this.#role.pendingTakeover || (this.phase === 'down' && this.#endedPending);
  }

  get flowControlled(): boolean {
    if (this.phase === 'hello-sent') return this.#manager.session !== undefined && this.#host.plainReceived === 0;
    return this.active !== undefined;
  }

  /** Whether a record of the session has arrived in part. */
  get midFrame(): boolean {
    return this.#manager.session?.reader.inRecord ?? false;
  }

  /** Memory for messages that have arrived in part. A message in pieces is kept while there is no link. */
  get partialBytes(): number {
    return this.#manager.session?.partialBytes ?? 0;
  }

  /** Sets whether this end reconnects automatically. A client reports a change to its server. */
  reconnects(is: boolean): void {
    this.#role.reconnects?.(is);
  }

  linkUp(nowMs: number): void {
    this.nowMs = nowMs;
    if (this.#manager.session?.peerClose) this.#manager.end('the peer closed the session');
    this.#role.linkUp(nowMs);
  }

  linkDown(): void {
    this.#endedPending = this.#role.pendingTakeover;
    this.enter('down');
    this.#manager.session?.linkDown();
    if (this.#manager.resumableMs === 0) this.#manager.end('the session ended with its link and cannot be resumed');
  }

  /** The program uses a feature of sessions: a server then sends nothing until its client had time to send a HELLO. */
  requireSession(nowMs: number): void {
    this.#server?.requireSession(nowMs);
  }

  /** Takes bytes of a session that the client has not confirmed yet. */
  receive(chunk: Buffer, nowMs: number): void {
    this.nowMs = nowMs;
    this.#manager.session?.push(chunk, nowMs);
  }

  // The session as core sees it, with a link or without one.

  get epoch(): unknown {
    const { leftover, session } = this.#manager;
    return leftover === undefined ? session : leftover.session;
  }

  /** The ID and secret with which the client resumes the session; those of the last session if there is none now. */
  get credentials(): ResumeCredentials | undefined {
    return this.#manager.credentials;
  }

  /** The session itself. */
  get session(): ReliableSession<Out> | undefined {
    return this.#manager.session;
  }

  get hasPendingFrames(): boolean {
    return this.active?.sender.hasPending ?? false;
  }

  writeNext(): void {
    this.#manager.session?.sender.writeNext();
  }

  get allAcknowledged(): boolean {
    return !this.welcomeSent && (this.#manager.session?.sender.allAcknowledged ?? true);
  }

  get progressCount(): number {
    const { session } = this.#manager;
    return session === undefined ? 0 : session.sender.acked + session.receiver.received;
  }

  consumed(received: Received, earlierWait = false): boolean {
    const { session } = this.#manager;
    if (session === undefined || !isNumbered(received)) return true;
    // The parts of a stream are consumed in an order of their own.
    return session.consumed(received, earlierWait || received.part !== undefined);
  }

  discarded(received: Received, kept: Received | undefined): void {
    if (!isNumbered(received)) return;
    const before = kept !== undefined && isNumbered(kept) ? kept : undefined;
    this.#manager.session?.receiver.discardedNewest(received, before);
  }

  get readable(): boolean {
    const { session, leftover } = this.#manager;
    return leftover !== undefined || (session?.receiver.readable ?? false);
  }

  get resumableMs(): number {
    const { session, resumableMs } = this.#manager;
    return session === undefined || session.peerClose ? 0 : resumableMs;
  }

  get peerName(): string | undefined {
    return this.phase === 'plain' ? undefined : this.#manager.peerName;
  }

  get peerClose(): PeerClose | undefined {
    return this.#manager.session?.peerClose;
  }

  /** Acknowledges what was received, because no later ACK can. Writes the close frame only if every message that was started is written completely. */
  writeClose(reason: string): void {
    const session = this.active;
    if (session === undefined) return;
    session.flush();
    if (session.receiver.ackDue) session.writeAck();
    if (session.sender.isAllSent) session.writeClose(reason);
  }

  abort(): readonly unknown[] {
    return this.#manager.abort();
  }

  /** The next message that had no room in the receive queue, or that an ended session has left. */
  readHeld(): DecodedMessage | undefined {
    const { leftover, session } = this.#manager;
    if (leftover !== undefined) {
      const message = leftover.messages.pop();
      if (message !== undefined) return message;
      this.#manager.leftover = undefined;
    }
    if (this.active !== undefined || session === undefined || !session.receiver.readable) return undefined;
    try {
      return session.receiver.read();
    } catch (error) {
      throw this.classifyError(error);
    }
  }

  /** The next message of the session. Throws what the session throws. */
  read(): DecodedMessage | undefined {
    const session = this.active ?? (this.#manager.session as ReliableSession<Out>);
    if (this.active === undefined && !this.#server?.isConfirmed(session)) return undefined;
    try {
      return session.read();
    } catch (error) {
      throw this.classifyError(error);
    }
  }

  /** Converts an error in received bytes. If the bytes are not corrupt, the peer would repeat its error: the session ends with the link. */
  classifyError(error: unknown): unknown {
    const linkError = toLinkError(error);
    if (linkError === undefined) this.#manager.forbidResume();
    return linkError ?? error;
  }

  /** Handles a message without a session. Throws if a session is required. */
  onPlainMessage(): void {
    switch (this.phase) {
      case 'hello-required':
        throw handshakeRequiredError('the client sent a message without a handshake');
      case 'idle':
      case 'session-wanted':
      case 'given-up':
        this.enter('plain');
        break;
      case 'offered':
        this.#server?.offerDeclined('the client sent a message without a handshake');
    }
  }

  /** Handles bytes that are neither a message nor a HELLO or WELCOME, and that end the link. If no session is required, the link was a new client. */
  onUndecodable(): void {
    if (this.phase === 'idle' || this.phase === 'offered') this.enter('plain');
  }

  /**
   * Handles a HELLO or WELCOME that arrived in place of a message.
   * @param payload the payload of its frame
   * @param rest the bytes that arrived after it
   * @returns whether this role accepted it
   */
  onGreeting(kind: GreetingKind, payload: Buffer, rest: () => Buffer): boolean {
    if (kind === 'declined') return this.#declined();
    const isExpected = (kind === 'hello') === (this.#server !== undefined);
    if (!isExpected || !this.#role.onGreeting(payload)) return false;
    if (!this.decodesPlain && this.phase !== 'down') this.#manager.session?.push(rest(), this.nowMs);
    return true;
  }

  /** At a server: its client has sent a probe, and will answer the offer of a session. */
  offer(nowMs: number): void {
    this.nowMs = nowMs;
    this.#server?.offer(nowMs);
  }

  /** At a client: this much of the time for the answer to the HELLO has passed already. */
  hurry(passedMs: number): void {
    const { phase, deadlineMs, nowMs } = this;
    if (phase !== 'hello-sent' || deadlineMs === undefined || this.#manager.session) return;
    this.deadlineMs = Math.max(nowMs + 1, deadlineMs - passedMs);
  }

  /** At a client: the server makes no sessions, as far as is known. */
  expectPlain(nowMs: number): void {
    this.#role.expectPlain?.(nowMs);
  }

  /** At a client: the server has answered a probe, so it is asked for a session although it did not answer before. */
  serverAnswered(): void {
    this.#role.serverAnswered?.();
  }

  #declined(): boolean {
    if (this.#server === undefined) return this.#role.declined?.() ?? false;
    if (this.phase !== 'offered') return false;
    this.#server.offerDeclined('the client does not want a session');
    return true;
  }

  tick(nowMs: number): void {
    this.nowMs = nowMs;
    const { deadlineMs } = this;
    if (deadlineMs === undefined || nowMs < deadlineMs) return;
    this.deadlineMs = undefined;
    this.#role.deadlineReached(nowMs);
  }

  /** At a server: resumes the session on the link of `holder`, if its client has reconnected there. */
  resumeOn(hello: Hello, holder: LinkHolder): boolean {
    return this.#server?.resumeOn(hello, holder) ?? false;
  }
}
