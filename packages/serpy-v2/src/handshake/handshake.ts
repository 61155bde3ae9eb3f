/**
 * Who says what first on a link, and what comes of it: plain v2, a new session, or the one from before. An original peer never gets a
 * byte that it cannot take: only a client asks, in a frame that the original drops, and nothing else new is sent before the answer.
 */
import type { LinkHolder, ResumableSession, Role, SessionHost } from 'serpy-core';
import type { ReliableSession } from '../reliable/reliable-session.js';
import type { Sendable } from '../reliable/sender.js';
import { ResumableAdapter } from '../session/resumable-session.js';
import { handshakeRequiredError, toLinkError } from '../session/session-errors.js';
import { SessionManager } from '../session/session-manager.js';
import type { Hello } from '../session/session-parameters.js';
import type { SessionRegistry } from '../session/session-registry.js';
import type { DecodedMessage } from '../values/values.js';
import { ClientHandshake } from './client-handshake.js';
import type { HandshakeSettings } from './handshake-options.js';
import { type HandshakeHost, type HandshakeRole, HandshakeState } from './handshake-state.js';
import { ServerHandshake } from './server-handshake.js';

export class Handshake<Out extends Sendable> {
  readonly #host: HandshakeHost;
  readonly #manager: SessionManager<Out, Handshake<Out>>;
  readonly #state = new HandshakeState();
  readonly #role: HandshakeRole;
  /** The same, of a server. */
  readonly #server: ServerHandshake<Out, Handshake<Out>> | undefined;
  /** Whether the last link ended before it was known whose it was. */
  #endedPending = false;
  /** What core can do with it besides. */
  readonly resumable: ResumableSession;

  constructor(
    role: Role,
    settings: HandshakeSettings,
    output: SessionHost<Out>,
    owner: HandshakeHost,
    sessions: SessionRegistry<Handshake<Out>>,
  ) {
    this.#host = owner;
    const manager = new SessionManager(settings, output, sessions, (message) => owner.toValue(message));
    this.#manager = manager;
    if (role === 'server')
      this.#server = new ServerHandshake(this.#state, settings, manager, output, owner, sessions, this);
    this.#role = this.#server ?? new ClientHandshake(this.#state, settings, manager, output, owner);
    this.resumable = new ResumableAdapter(this, manager);
  }

  /** Whether messages are numbered now. */
  get established(): boolean {
    return this.#state.isOn;
  }

  get welcomeSent(): boolean {
    return this.#state.phase === 'welcome-sent';
  }

  /** Whether what comes is read as plain v2. */
  get decodesPlain(): boolean {
    return !this.established && !this.welcomeSent;
  }

  get canSend(): boolean {
    if (this.#state.isOn) return (this.#manager.session as ReliableSession<Out>).sender.canStart;
    switch (this.#state.phase) {
      case 'plain':
      case 'idle':
      case 'given-up':
        return true;
      default:
        return false;
    }
  }

  get deadlineMs(): number | undefined {
    return this.established ? this.#manager.session?.deadlineMs : this.#state.deadlineMs;
  }

  /** The largest message that the peer takes, as far as is known. */
  get peerMaxMessageBytes(): number {
    return this.#manager.session?.peerMaxMessageBytes ?? Number.POSITIVE_INFINITY;
  }

  /** Whether acknowledgements can be asked for: not before it is known that they cannot. */
  get canAcknowledge(): boolean {
    return this.#state.phase !== 'plain' && this.#state.phase !== 'given-up';
  }

  /** Whether it is not known yet that there is a new client. */
  get pendingTakeover(): boolean {
    return this.#role.pendingTakeover || (this.#state.phase === 'down' && this.#endedPending);
  }

  get flowControlled(): boolean {
    if (this.#state.phase === 'hello-sent')
      return this.#manager.session !== undefined && this.#host.plainReceived === 0;
    return this.established;
  }

  /** Whether a frame of the session has begun and is not whole. */
  get midFrame(): boolean {
    return this.#manager.session?.reader.inRecord ?? false;
  }

  /** Memory that is held for what has come in part; a message in pieces is kept while there is no link. */
  get partialBytes(): number {
    return this.#manager.session?.partialBytes ?? 0;
  }

  /** Whether this end comes back by itself, from now on: a client tells its server. */
  reconnects(is: boolean): void {
    this.#role.reconnects?.(is);
  }

  linkUp(nowMs: number): void {
    this.#state.nowMs = nowMs;
    if (this.#manager.session?.peerClose) this.#manager.end('the peer closed the session');
    this.#role.linkUp(nowMs);
  }

  linkDown(): void {
    this.#endedPending = this.#role.pendingTakeover;
    this.#state.enter('down');
    this.#manager.session?.linkDown();
    if (this.#manager.resumableMs === 0) this.#manager.end('it cannot be resumed');
  }

  send(message: Out): void {
    this.#manager.session?.sender.send(message);
  }

  /** Nobody waits any longer for what becomes of a message. */
  cancelAck(message: Out): void {
    this.#manager.session?.sender.cancelAck(message);
  }

  /** The program asks for what only a session has: a server sends nothing before its client had time to begin one. */
  requireSession(nowMs: number): void {
    this.#server?.requireSession(nowMs);
  }

  receive(chunk: Buffer, nowMs: number): void {
    this.#state.nowMs = nowMs;
    this.#manager.session?.push(chunk, nowMs);
  }

  retainUnread(): void {
    this.#manager.session?.retainUnread();
  }

  /** Where the next bytes may be read to that come. */
  target(leastBytes: number): Buffer | undefined {
    return this.established ? this.#manager.session?.reader.target(leastBytes) : undefined;
  }

  filled(count: number, nowMs: number): boolean {
    this.#state.nowMs = nowMs;
    return this.#manager.session?.filled(count, nowMs) ?? false;
  }

  /** A message that had no room when it came; or one of a session that is over. */
  readHeld(): DecodedMessage | undefined {
    const { leftover, session } = this.#manager;
    if (leftover !== undefined) {
      const message = leftover.messages.pop();
      if (message !== undefined) return message;
      this.#manager.leftover = undefined;
    }
    if (this.established || session === undefined || !session.receiver.readable) return undefined;
    try {
      return session.receiver.read();
    } catch (error) {
      throw this.classifyError(error);
    }
  }

  /** The next message. Throws as a session does. */
  read(): DecodedMessage | undefined {
    const session = this.#manager.session as ReliableSession<Out>;
    if (this.welcomeSent && !this.#server?.isConfirmed(session)) return undefined;
    try {
      return session.read();
    } catch (error) {
      throw this.classifyError(error);
    }
  }

  /** An error in what came. If the bytes were unharmed, the peer itself is wrong and would be again: the session is over with the link. */
  classifyError(error: unknown): unknown {
    const fault = toLinkError(error);
    if (fault === undefined) this.#manager.forbidResume();
    return fault ?? error;
  }

  /** Whether small messages wait to be put on the wire by `flush`. */
  get hasBatched(): boolean {
    return this.established && (this.#manager.session?.hasBatched ?? false);
  }

  flush(): void {
    if (this.established) this.#manager.session?.flush();
  }

  /** A message has come plainly. Throws where a session is required. */
  onPlainMessage(): void {
    switch (this.#state.phase) {
      case 'hello-required':
        throw handshakeRequiredError('the client sent a message without a handshake');
      case 'idle':
      case 'session-wanted':
      case 'given-up':
        this.#state.enter('plain');
    }
  }

  /** What has come is neither plain nor a greeting, and the link ends for it: where anybody is let in, that was a new client. */
  onUndecodable(): void {
    if (this.#state.phase === 'idle') this.#state.enter('plain');
  }

  /**
   * A greeting has come, in the place of a message.
   * @param payload the frame's
   * @param rest what came behind it
   * @returns whether it was for us
   */
  onGreeting(kind: 'hello' | 'welcome', payload: Buffer, rest: () => Buffer): boolean {
    const isForUs = (kind === 'hello') === (this.#server !== undefined);
    if (!isForUs || !this.#role.onGreeting(payload)) return false;
    if (!this.decodesPlain && this.#state.phase !== 'down') this.#manager.session?.push(rest(), this.#state.nowMs);
    return true;
  }

  tick(nowMs: number): void {
    this.#state.nowMs = nowMs;
    if (this.established) {
      this.#manager.session?.tick(nowMs);
      return;
    }
    const { deadlineMs } = this.#state;
    if (deadlineMs === undefined || nowMs < deadlineMs) return;
    this.#state.deadlineMs = undefined;
    this.#role.deadlineReached(nowMs);
  }

  /** At a server: the session's client is there again. */
  resumeOn(hello: Hello, seat: LinkHolder): boolean {
    return this.#server?.resumeOn(hello, seat) ?? false;
  }
}
