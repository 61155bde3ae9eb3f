/** The client's part of the handshake: it sends a HELLO, which a Python peer drops, and acts on the WELCOME or on its absence. */
import { PeerTimeoutError, ProtocolError, type SessionHost, TimeoutError } from 'serpy-core';
import type { ReliableSession } from '../reliable/reliable-session.js';
import type { Sendable } from '../reliable/sender.js';
import { excerpt, handshakeRequiredError } from '../session/session-errors.js';
import type { SessionManager } from '../session/session-manager.js';
import type { SessionGrant } from '../session/session-parameters.js';
import type { HandshakeSettings } from './handshake-options.js';
import type { HandshakeHost, HandshakeRole, HandshakeState } from './handshake-state.js';
import { decodeWelcome, encodeHello, type Welcome } from './hello-welcome.js';

/** For this time the client sends no HELLO to a server that has not answered one. */
const plainCacheMs = 10 * 60_000;

export class ClientHandshake<Out extends Sendable, Owner> implements HandshakeRole {
  readonly pendingTakeover = false;
  readonly #state: HandshakeState<Out>;
  readonly #settings: HandshakeSettings;
  readonly #manager: SessionManager<Out, Owner>;
  readonly #output: SessionHost<Out>;
  readonly #host: HandshakeHost;
  #reconnects: boolean;
  /** The resume window that the HELLO of this link stated. */
  #announcedResumeMs = 0;
  #plainUntilMs = Number.NEGATIVE_INFINITY;
  #lateWelcomeWarned = false;
  /** Whether a HELLO was sent on this link. */
  #helloSent = false;
  /** Time of the first link since which the server has not answered a request to resume. */
  #unansweredSinceMs: number | undefined;

  constructor(
    state: HandshakeState<Out>,
    settings: HandshakeSettings,
    manager: SessionManager<Out, Owner>,
    output: SessionHost<Out>,
    host: HandshakeHost,
  ) {
    this.#state = state;
    this.#settings = settings;
    this.#manager = manager;
    this.#output = output;
    this.#host = host;
    this.#reconnects = settings.autoRestart;
  }

  /** Sends a change to the server at once: it decides whether the server keeps the session after a disconnect. */
  reconnects(is: boolean): void {
    if (this.#reconnects === is) return;
    this.#reconnects = is;
    this.#state.active?.writeAck(this.#resumeMs);
  }

  /** Milliseconds within which this client may resume the session. */
  get #resumeMs(): number {
    return this.#reconnects ? this.#settings.resumeWindowMs : 0;
  }

  linkUp(nowMs: number): void {
    this.#endUnanswered(nowMs);
    const { session } = this.#manager;
    const { session: mode, sessionTimeoutMs, authTimeoutMs } = this.#settings;
    this.#announcedResumeMs = this.#resumeMs;
    this.#helloSent = false;
    if (mode === 'off' || (session === undefined && nowMs < this.#plainUntilMs)) {
      this.#state.enter('plain');
      return;
    }
    this.#state.enter('hello-sent', nowMs + (session ? authTimeoutMs : sessionTimeoutMs));
    this.#writeHello();
  }

  #writeHello(): void {
    this.#helloSent = true;
    const { parameters } = this.#manager;
    const resume = this.#manager.nextResumeRequest();
    this.#output.write(encodeHello({ ...parameters, resumableMs: this.#resumeMs, resume }));
  }

  expectPlain(nowMs: number): void {
    this.#plainUntilMs = nowMs + plainCacheMs;
  }

  declined(): boolean {
    const { phase, nowMs } = this.#state;
    if (phase === 'hello-sent' && this.#manager.session === undefined) this.deadlineReached(nowMs);
    return phase === 'hello-sent';
  }

  serverAnswered(): void {
    this.#plainUntilMs = Number.NEGATIVE_INFINITY;
  }

  onGreeting(payload: Buffer): boolean {
    const { phase } = this.#state;
    // A late WELCOME is ignored if messages were sent meanwhile: they show the server that there is no session. If none was sent, the client
    // accepts it, because the server would wait for its first record forever.
    const isLate = phase !== 'hello-sent';
    if (isLate && (phase !== 'plain' || this.#host.plainSent > 0)) {
      if (phase === 'plain') this.#warnLateWelcome();
      return true;
    }
    const welcome = decodeWelcome(payload);
    // The offer of a new session crossed the request to resume one, which the server answers next.
    if (welcome.result.kind === 'new' && this.#manager.session !== undefined) return true;
    if (isLate && (welcome.result.kind === 'resumed' || welcome.result.kind === 'refused')) return true;
    this.#plainUntilMs = Number.NEGATIVE_INFINITY;
    if (!this.#helloSent) this.#writeHello(); // a late offer: the server waits for it
    const session = this.#onWelcome(welcome);
    this.#unansweredSinceMs = undefined;
    this.#state.establish(session);
    // The server sends nothing before the first record. This ACK also reports a resume window that changed since the HELLO.
    if (this.#announcedResumeMs === this.#resumeMs) session.writeAck();
    else session.writeAck(this.#resumeMs);
    return true;
  }

  /** The server supports sessions, but its WELCOME was too late for this link. */
  #warnLateWelcome(): void {
    this.#plainUntilMs = Number.NEGATIVE_INFINITY; // the next link sends a HELLO again
    if (this.#lateWelcomeWarned) return;
    this.#lateWelcomeWarned = true;
    const { sessionTimeoutMs } = this.#settings;
    const late = `the server sent WELCOME later than ${sessionTimeoutMs} ms (sessionTimeoutMs), after this client had sent messages`;
    const effect = 'This link has no session, so messages in flight may be lost if it breaks';
    this.#output.warn(new TimeoutError(`${late}. ${effect}. Raise sessionTimeoutMs, or use session: 'require'`));
  }

  deadlineReached(nowMs: number): void {
    if (this.#manager.session) throw unansweredError();
    if (this.#settings.session === 'require') throw handshakeRequiredError('the server does not answer the handshake');
    this.#plainUntilMs = nowMs + plainCacheMs;
    this.#state.enter('plain');
  }

  /**
   * Ends the session if the server has not answered for `resumeWindowMs`, the time for which it would keep the session. A busy or stopped
   * server still has the session, and a server that disconnects may be a tunnel whose far end is unreachable, so the client keeps it until
   * then. The session ends only when a new link starts: on the link of the request the server may still resume it.
   */
  #endUnanswered(nowMs: number): void {
    if (this.#manager.session === undefined) return;
    this.#unansweredSinceMs ??= nowMs;
    if (nowMs - this.#unansweredSinceMs < this.#settings.resumeWindowMs) return;
    this.#unansweredSinceMs = undefined;
    this.#manager.end('the server did not answer the requests to resume the session within resumeWindowMs');
  }

  #onWelcome(welcome: Welcome): ReliableSession<Out> {
    const { result } = welcome;
    switch (result.kind) {
      case 'refused':
        throw new ProtocolError(`the server refused the handshake: ${excerpt(result.reason)}`);
      case 'resumed':
        return this.#resume(welcome, result.received, result.consumed);
      case 'lost':
        this.#manager.acknowledgeLast(result.received);
        this.#manager.end(excerpt(result.reason));
        return this.#start(welcome, result);
      case 'new':
        return this.#start(welcome, result);
    }
  }

  #resume(welcome: Welcome, received: number, consumed: number): ReliableSession<Out> {
    const { session } = this.#manager;
    if (session === undefined)
      throw new ProtocolError('the server resumed a session, but this client did not ask for one');
    if (!session.sender.canResume(received, consumed)) {
      const why = `the server resumed the session at a position that this client never reached (received ${received}, consumed ${consumed})`;
      this.#manager.end(why); // it would state the same position on each further link
      throw new ProtocolError(why);
    }
    this.#manager.linkUp(welcome, this.#state.nowMs);
    session.sender.resume(received, consumed);
    return session;
  }

  #start(welcome: Welcome, grant: SessionGrant): ReliableSession<Out> {
    const { plainReceived } = this.#host;
    if (grant.plainMessages !== plainReceived) {
      throw new ProtocolError(
        `the server counted ${grant.plainMessages} messages before its WELCOME, but ${plainReceived} arrived`,
      );
    }
    const session = this.#manager.adopt(grant);
    this.#manager.linkUp(welcome, this.#state.nowMs);
    return session;
  }
}

function unansweredError(): PeerTimeoutError {
  return new PeerTimeoutError(
    'the server is reachable, but does not answer the request to resume the session. Check whether its program is busy or stopped',
  );
}
