/** The server's part of the handshake: it says nothing new before it was asked, answers each client once, and knows who comes back. */
import { type LinkHolder, PeerTimeoutError, ProtocolError, type SessionHost } from 'serpy-core';
import type { ReliableSession } from '../reliable/reliable-session.js';
import type { Sendable } from '../reliable/sender.js';
import { handshakeRequiredError } from '../session/session-errors.js';
import type { SessionManager } from '../session/session-manager.js';
import type { Hello } from '../session/session-parameters.js';
import type { SessionRegistry } from '../session/session-registry.js';
import type { HandshakeSettings } from './handshake-options.js';
import type { HandshakeHost, HandshakeRole, HandshakeState } from './handshake-state.js';
import { decodeHello, encodeWelcome, isVersionKnown, type WelcomeResult } from './hello-welcome.js';

/** So long a server waits for first bytes before it takes a link for a new connection without a session. */
const firstByteWaitMs = 100;

/** Who has a session, as the server's other connections know him. */
export interface ResumableOwner {
  resumeOn(hello: Hello, seat: LinkHolder): boolean;
}

export class ServerHandshake<Out extends Sendable, Owner extends ResumableOwner> implements HandshakeRole {
  readonly #state: HandshakeState;
  readonly #settings: HandshakeSettings;
  readonly #manager: SessionManager<Out, Owner>;
  readonly #output: SessionHost<Out>;
  readonly #host: HandshakeHost;
  readonly #sessions: SessionRegistry<Owner>;
  readonly #self: Owner;
  /** With what the client came back, until its link is up. */
  #resumeHello: Hello | undefined;
  /** Whether the client has shown that it has the session. */
  #confirmed = false;

  /** @param self what is known under a session's id */
  constructor(
    stage: HandshakeState,
    settings: HandshakeSettings,
    manager: SessionManager<Out, Owner>,
    output: SessionHost<Out>,
    owner: HandshakeHost,
    sessions: SessionRegistry<Owner>,
    self: Owner,
  ) {
    this.#state = stage;
    this.#settings = settings;
    this.#manager = manager;
    this.#output = output;
    this.#host = owner;
    this.#sessions = sessions;
    this.#self = self;
  }

  /**
   * The link may turn out to be an old session's, there may be no handshake where one is required, or the client may not have heard the answer:
   * one whose first link breaks then asks anew, and would be there twice.
   */
  get pendingTakeover(): boolean {
    if (this.#manager.session) return !this.#confirmed;
    const { phase, deadlineMs } = this.#state;
    return phase === 'hello-required' || (phase === 'idle' && deadlineMs !== undefined);
  }

  linkUp(nowMs: number): void {
    const hello = this.#resumeHello;
    const { session } = this.#manager;
    if (hello?.resume && session) {
      this.#resumeHello = undefined;
      const { received, consumed } = session.receiver;
      this.#sendWelcome({ kind: 'resumed', received, consumed });
      this.#manager.linkUp(hello, nowMs);
      session.sender.resume(hello.resume.received, hello.resume.consumed);
      this.#confirmed = true;
      this.#state.enter('established');
      return;
    }
    const { session: mode, authTimeoutMs } = this.#settings;
    if (mode === 'require') this.#state.enter('hello-required', nowMs + authTimeoutMs);
    else this.#state.enter('idle', nowMs + firstByteWaitMs);
  }

  /** The program asks for what only a session has. */
  requireSession(nowMs: number): void {
    if (this.#state.phase === 'idle') this.#state.enter('session-wanted', nowMs + this.#settings.sessionTimeoutMs);
  }

  onGreeting(payload: Buffer): boolean {
    const { phase, nowMs } = this.#state;
    const mayAsk = phase === 'idle' || phase === 'session-wanted' || phase === 'given-up' || phase === 'hello-required';
    if (!mayAsk || this.#host.plainReceived > 0) return false;
    const hello = this.#parseHello(payload);
    const { resume } = hello;
    if (resume && this.#sessions.find(resume.id)?.resumeOn(hello, this.#output.linkHolder)) return true; // the link is that session's now
    const { plainSent } = this.#host;
    const grant = { ...this.#manager.issue(this.#self, hello), plainMessages: plainSent };
    if (resume) {
      const reason = 'the server does not have the session: it was started again, or the client was away for too long';
      this.#sendWelcome({ kind: 'lost', reason, received: this.#sessions.lastExpected(resume.id), ...grant });
    } else {
      this.#sendWelcome({ kind: 'new', ...grant });
    }
    // What a client that comes back allows is counted in the session that it had: of the new one its first word tells.
    this.#manager.linkUp(resume ? { ...hello, limit: 0 } : hello, nowMs);
    this.#state.enter('welcome-sent', nowMs + this.#settings.authTimeoutMs);
    return true;
  }

  /**
   * The session's own client is there again, on a link that another connection has: whether this one goes on over it. One that has proved to
   * be somebody else is not, whatever it knows; and that is looked at first, so that its attempt does not count.
   */
  resumeOn(hello: Hello, seat: LinkHolder): boolean {
    if (seat.identity !== this.#output.linkHolder.identity) return false;
    if (!this.#manager.matchesResume(hello)) return false;
    this.#resumeHello = hello;
    return this.#output.linkHolder.takeOverLink(seat);
  }

  /** After the answer: whether the client has heard it, as its first word tells. */
  isConfirmed({ reader }: ReliableSession<Out>): boolean {
    const { startsWithRecord } = reader;
    if (startsWithRecord === undefined) return false;
    if (!startsWithRecord) {
      if (this.#settings.session === 'require')
        throw handshakeRequiredError('the client gave up waiting for the answer');
      const bytes = reader.takeRest();
      this.#manager.end('the client gave up waiting for the answer');
      this.#state.enter('plain');
      this.#host.pushPlain(bytes);
      return false;
    }
    this.#confirmed = true;
    this.#state.enter('established');
    return true;
  }

  deadlineReached(): void {
    switch (this.#state.phase) {
      case 'hello-required':
        throw handshakeRequiredError('the client did not begin a handshake in time');
      case 'welcome-sent':
        throw new PeerTimeoutError('the client has not said a word since it was given a session');
      case 'session-wanted':
        this.#state.enter('given-up');
    }
  }

  /** A HELLO; one that cannot be understood is answered with the reason, and throws. */
  #parseHello(payload: Buffer): Hello {
    try {
      if (isVersionKnown(payload)) return decodeHello(payload);
      throw new ProtocolError('no common version of the handshake: use the same version of serpy at both ends');
    } catch (error) {
      const reason = (error as Error).message;
      this.#sendWelcome({ kind: 'refused', reason });
      throw new ProtocolError(`a client was refused: ${reason}`);
    }
  }

  #sendWelcome(result: WelcomeResult): void {
    this.#output.write(encodeWelcome({ ...this.#manager.parameters, result: result }));
  }
}
