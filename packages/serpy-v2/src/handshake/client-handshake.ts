/** The client's part of the handshake: it asks, in a frame that an original server drops, and goes by the answer, or by the silence. */
import { PeerTimeoutError, ProtocolError, type SessionHost, TimeoutError } from 'serpy-core';
import type { Sendable } from '../reliable/sender.js';
import { excerpt, handshakeRequiredError } from '../session/session-errors.js';
import type { SessionManager } from '../session/session-manager.js';
import type { SessionGrant } from '../session/session-parameters.js';
import type { HandshakeSettings } from './handshake-options.js';
import type { HandshakeHost, HandshakeRole, HandshakeState } from './handshake-state.js';
import { decodeWelcome, encodeHello, type Welcome } from './hello-welcome.js';

/** A peer that was found to be plain is not asked again for so long. */
const plainCacheMs = 10 * 60_000;

export class ClientHandshake<Out extends Sendable, Owner> implements HandshakeRole {
  readonly pendingTakeover = false;
  readonly #state: HandshakeState;
  readonly #settings: HandshakeSettings;
  readonly #manager: SessionManager<Out, Owner>;
  readonly #output: SessionHost<Out>;
  readonly #host: HandshakeHost;
  #reconnects: boolean;
  /** What the HELLO of this link said. */
  #announcedResumeMs = 0;
  #plainUntilMs = Number.NEGATIVE_INFINITY;
  #lateWelcomeWarned = false;
  /** Since when the server is there again and has not answered the client that comes back. */
  #unansweredSinceMs: number | undefined;

  constructor(
    stage: HandshakeState,
    settings: HandshakeSettings,
    manager: SessionManager<Out, Owner>,
    output: SessionHost<Out>,
    owner: HandshakeHost,
  ) {
    this.#state = stage;
    this.#settings = settings;
    this.#manager = manager;
    this.#output = output;
    this.#host = owner;
    this.#reconnects = settings.autoRestart;
  }

  /** The server hears of a change at once: from then on it keeps the session for us, or not. */
  reconnects(is: boolean): void {
    if (this.#reconnects === is) return;
    this.#reconnects = is;
    if (this.#state.phase === 'established') this.#manager.session?.writeAck(this.#resumeMs);
  }

  /** How long we may come back, in milliseconds. */
  get #resumeMs(): number {
    return this.#reconnects ? this.#settings.resumeWindowMs : 0;
  }

  linkUp(nowMs: number): void {
    this.#endUnanswered(nowMs);
    const { session } = this.#manager;
    const { session: mode, sessionTimeoutMs, authTimeoutMs } = this.#settings;
    this.#announcedResumeMs = this.#resumeMs;
    if (mode === 'off' || (session === undefined && nowMs < this.#plainUntilMs)) {
      this.#state.enter('plain');
      return;
    }
    this.#state.enter('hello-sent', nowMs + (session ? authTimeoutMs : sessionTimeoutMs));
    const { parameters } = this.#manager;
    const resume = this.#manager.nextResumeRequest();
    this.#output.write(encodeHello({ ...parameters, resumableMs: this.#resumeMs, resume }));
  }

  onGreeting(payload: Buffer): boolean {
    const { phase } = this.#state;
    // When it comes too late, the peer has been told by what we sent meanwhile; unless that is nothing: it would wait for a word for ever.
    const isLate = phase !== 'hello-sent';
    if (isLate && (phase !== 'plain' || this.#host.plainSent > 0)) {
      if (phase === 'plain') this.#warnLateWelcome();
      return true;
    }
    const welcome = decodeWelcome(payload);
    if (isLate && (welcome.result.kind === 'resumed' || welcome.result.kind === 'refused')) return true;
    this.#plainUntilMs = Number.NEGATIVE_INFINITY;
    this.#onWelcome(welcome);
    this.#unansweredSinceMs = undefined;
    this.#state.enter('established');
    const { session } = this.#manager;
    // The server waits for a word before it sends; what changed while it was asked it hears now.
    if (this.#announcedResumeMs === this.#resumeMs) session?.writeAck();
    else session?.writeAck(this.#resumeMs);
    return true;
  }

  /** The server makes sessions, and was too slow for one on this link. */
  #warnLateWelcome(): void {
    this.#plainUntilMs = Number.NEGATIVE_INFINITY; // the next link is worth another question
    if (this.#lateWelcomeWarned) return;
    this.#lateWelcomeWarned = true;
    const { sessionTimeoutMs } = this.#settings;
    const late = `the server has answered the handshake later than ${sessionTimeoutMs} ms (sessionTimeoutMs), when messages had been sent already`;
    const advice = "so a message may be lost with this link; raise sessionTimeoutMs, or use session: 'require'";
    this.#output.warn(new TimeoutError(`${late}: there is no session on this link, ${advice}`));
  }

  deadlineReached(nowMs: number): void {
    if (this.#manager.session) throw unansweredError();
    if (this.#settings.session === 'require') throw handshakeRequiredError('the server does not answer the handshake');
    this.#plainUntilMs = nowMs + plainCacheMs;
    this.#state.enter('plain');
  }

  /**
   * A server that may be busy, or stopped for a while, still has the session; one that hangs up may be a tunnel whose far end is away. It is
   * given up when the server has had as long as it would wait for us; and on another link than it was asked on: there it might yet go on.
   */
  #endUnanswered(nowMs: number): void {
    if (this.#manager.session === undefined) return;
    this.#unansweredSinceMs ??= nowMs;
    if (nowMs - this.#unansweredSinceMs < this.#settings.resumeWindowMs) return;
    this.#unansweredSinceMs = undefined;
    this.#manager.end('the server does not answer, and may not know of sessions any more');
  }

  #onWelcome(welcome: Welcome): void {
    const { result } = welcome;
    switch (result.kind) {
      case 'refused':
        throw new ProtocolError(`the server refused the handshake: ${excerpt(result.reason)}`);
      case 'resumed':
        this.#resume(welcome, result.received, result.consumed);
        break;
      case 'lost':
        this.#manager.acknowledgeLast(result.received);
        this.#manager.end(excerpt(result.reason));
        this.#start(welcome, result);
        break;
      case 'new':
        this.#start(welcome, result);
    }
  }

  #resume(welcome: Welcome, received: number, consumed: number): void {
    const { session } = this.#manager;
    if (session === undefined) throw new ProtocolError('the server resumed a session that was not asked for');
    if (!session.sender.canResume(received, consumed))
      throw new ProtocolError(`the server resumed the session where it never was (${received}, ${consumed})`);
    this.#manager.linkUp(welcome, this.#state.nowMs);
    session.sender.resume(received, consumed);
  }

  #start(welcome: Welcome, session: SessionGrant): void {
    const { plainReceived } = this.#host;
    if (session.plainMessages !== plainReceived) {
      throw new ProtocolError(
        `the server has sent ${session.plainMessages} messages before its answer, and ${plainReceived} have come`,
      );
    }
    this.#manager.adopt(session);
    this.#manager.linkUp(welcome, this.#state.nowMs);
  }
}

function unansweredError(): PeerTimeoutError {
  return new PeerTimeoutError(
    'the server can be reached, and does not answer the client that comes back: is the program there busy, or stopped?',
  );
}
