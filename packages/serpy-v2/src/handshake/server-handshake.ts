/** The server's part of the handshake: it waits for a HELLO, answers it with one WELCOME, and recognizes clients that resume a session. */
import { type LinkHolder, PeerTimeoutError, ProtocolError, type SessionHost } from 'serpy-core';
import type { ReliableSession } from '../reliable/reliable-session.js';
import type { Sendable } from '../reliable/sender.js';
import { handshakeRequiredError } from '../session/session-errors.js';
import type { SessionManager } from '../session/session-manager.js';
import type { Hello } from '../session/session-parameters.js';
import type { SessionRegistry } from '../session/session-registry.js';
import type { HandshakeSettings } from './handshake-options.js';
import type { HandshakeHost, HandshakeRole, HandshakeState, Phase } from './handshake-state.js';
import { decodeHello, encodeWelcome, isVersionKnown, type WelcomeResult } from './hello-welcome.js';

/** A server waits this long for the first bytes before it treats a link as a new connection without a session. */
const firstByteWaitMs = 100;

/** Whether a client may begin or resume a session in this phase. */
function mayBegin(phase: Phase): boolean {
  return phase === 'idle' || phase === 'session-wanted' || phase === 'given-up' || phase === 'hello-required';
}

/** The owner of a session, as the server's other connections see it. */
interface ResumableOwner {
  resumeOn(hello: Hello, holder: LinkHolder): boolean;
}

export class ServerHandshake<Out extends Sendable, Owner extends HandshakeState<Out> & ResumableOwner>
  implements HandshakeRole
{
  /** The registry maps the ID of the session to it. */
  readonly #state: Owner;
  readonly #settings: HandshakeSettings;
  readonly #manager: SessionManager<Out, Owner>;
  readonly #output: SessionHost<Out>;
  readonly #host: HandshakeHost;
  readonly #sessions: SessionRegistry<Owner>;
  /** The HELLO that resumes the session, until its link is up. */
  #resumeHello: Hello | undefined;
  /** Whether the client's first record has confirmed the session. */
  #confirmed = false;

  constructor(
    state: Owner,
    settings: HandshakeSettings,
    manager: SessionManager<Out, Owner>,
    output: SessionHost<Out>,
    host: HandshakeHost,
    sessions: SessionRegistry<Owner>,
  ) {
    this.#state = state;
    this.#settings = settings;
    this.#manager = manager;
    this.#output = output;
    this.#host = host;
    this.#sessions = sessions;
  }

  /**
   * True while the link may resume another session, while a required HELLO is missing, and until the client confirms the WELCOME: a client
   * whose first link breaks before that requests another session, and would be reported twice.
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
      this.#state.establish(session);
      return;
    }
    const { session: mode, authTimeoutMs } = this.#settings;
    if (mode === 'require') this.#state.enter('hello-required', nowMs + authTimeoutMs);
    else this.#state.enter('idle', nowMs + firstByteWaitMs);
  }

  /** The program uses a feature of sessions. */
  requireSession(nowMs: number): void {
    if (this.#state.phase === 'idle') this.#state.enter('session-wanted', nowMs + this.#settings.sessionTimeoutMs);
  }

  /** The client has sent a probe: offers a session with the answer, which saves a round trip. */
  offer(nowMs: number): void {
    const { phase } = this.#state;
    if (!mayBegin(phase) || this.#host.plainSent > 0) return;
    const grant = { ...this.#manager.issue(this.#state), plainMessages: 0 };
    this.#sendWelcome({ kind: 'new', ...grant });
    this.#state.enter('offered', nowMs + this.#settings.authTimeoutMs);
  }

  /** The client continues without the session. Throws if one is required. */
  offerDeclined(why: string): void {
    if (this.#settings.session === 'require') throw handshakeRequiredError(why);
    this.#manager.end(why);
    this.#state.enter('plain');
  }

  onGreeting(payload: Buffer): boolean {
    const { phase, nowMs } = this.#state;
    const isOffered = phase === 'offered';
    if ((!mayBegin(phase) && !isOffered) || this.#host.plainReceived > 0) return false;
    const hello = this.#parseHello(payload);
    const { resume } = hello;
    if (isOffered && resume === undefined) {
      this.#manager.accepted(hello);
      this.#manager.linkUp(hello, nowMs);
      this.#state.enter('welcome-sent', nowMs + this.#settings.authTimeoutMs);
      return true;
    }
    if (isOffered) this.#manager.end('the client resumes another session');
    if (resume && this.#sessions.find(resume.id)?.resumeOn(hello, this.#output.linkHolder)) return true; // the link now belongs to that session
    const { plainSent } = this.#host;
    const grant = { ...this.#manager.issue(this.#state, hello), plainMessages: plainSent };
    if (resume) {
      const reason =
        'the server no longer has the session: the server restarted, or the client was disconnected for too long';
      this.#sendWelcome({ kind: 'lost', reason, received: this.#sessions.lastExpected(resume.id), ...grant });
    } else {
      this.#sendWelcome({ kind: 'new', ...grant });
    }
    // The limit in a HELLO that resumes is an offset of the lost session. The first record of the client states the limit of the new session.
    this.#manager.linkUp(resume ? { ...hello, limit: 0 } : hello, nowMs);
    this.#state.enter('welcome-sent', nowMs + this.#settings.authTimeoutMs);
    return true;
  }

  /**
   * The session's client has reconnected on the link of another connection: takes over that link if the proof is right. A client with another
   * authenticated identity is rejected even with the right proof. That check comes first, so that its attempt does not count.
   */
  resumeOn(hello: Hello, holder: LinkHolder): boolean {
    if (holder.identity !== this.#output.linkHolder.identity) return false;
    if (!this.#manager.matchesResume(hello)) return false;
    this.#resumeHello = hello;
    return this.#output.linkHolder.takeOverLink(holder);
  }

  /** Whether the client's first bytes after the WELCOME confirm the session. */
  isConfirmed(session: ReliableSession<Out>): boolean {
    const { reader } = session;
    const { startsWithRecord } = reader;
    if (startsWithRecord === undefined) return false;
    if (!startsWithRecord) {
      if (this.#settings.session === 'require')
        throw handshakeRequiredError('the client timed out waiting for WELCOME and started without a session');
      const bytes = reader.takeRest();
      this.#manager.end('the client timed out waiting for WELCOME and started without a session');
      this.#state.enter('plain');
      this.#host.pushPlain(bytes);
      return false;
    }
    this.#confirmed = true;
    this.#state.establish(session);
    return true;
  }

  deadlineReached(): void {
    switch (this.#state.phase) {
      case 'hello-required':
        throw handshakeRequiredError('the client did not send HELLO within authTimeoutMs');
      case 'welcome-sent':
        throw new PeerTimeoutError('the client did not respond to WELCOME within authTimeoutMs');
      case 'offered':
        throw new PeerTimeoutError('the client sent a probe, and then nothing within authTimeoutMs');
      case 'session-wanted':
        this.#state.enter('given-up');
    }
  }

  /** Decodes a HELLO. A malformed one is answered with the reason, and throws. */
  #parseHello(payload: Buffer): Hello {
    try {
      if (isVersionKnown(payload)) return decodeHello(payload);
      throw new ProtocolError(
        'the two ends support no common version of the handshake. Use the same version of serpy at both ends',
      );
    } catch (error) {
      const reason = (error as Error).message;
      this.#sendWelcome({ kind: 'refused', reason });
      throw new ProtocolError(`the HELLO was refused, because ${reason}`);
    }
  }

  #sendWelcome(result: WelcomeResult): void {
    this.#output.write(encodeWelcome({ ...this.#manager.parameters, result }));
  }
}
