/** The client's part of the handshake: it asks, in a frame that an original server drops, and goes by the answer, or by the silence. */
import { PeerTimeoutError, ProtocolError, type SessionHost, TimeoutError } from 'serpy-core';
import type { Cuttable } from '../session/sender.js';
import { excerpt, required } from '../session/session-errors.js';
import type { Standing } from '../session/session-manager.js';
import type { NewSession } from '../session/session-parameters.js';
import type { HandshakeSettings } from './handshake-options.js';
import type { HandshakeOwner, Part, Stage } from './handshake-state.js';
import { decodeWelcome, encodeHello, type Welcome } from './hello-welcome.js';

/** A peer that was found to be plain is not asked again for so long. */
const plainForMs = 10 * 60_000;

export class Asking<Out extends Cuttable, Owner> implements Part {
  readonly undecided = false;
  readonly #stage: Stage;
  readonly #settings: HandshakeSettings;
  readonly #standing: Standing<Out, Owner>;
  readonly #output: SessionHost<Out>;
  readonly #owner: HandshakeOwner;
  #reconnects: boolean;
  /** What the HELLO of this link said. */
  #toldReturnMs = 0;
  #plainUntilMs = Number.NEGATIVE_INFINITY;
  #hasToldMissed = false;
  /** Since when the server is there again and has not answered the client that comes back. */
  #unansweredSinceMs: number | undefined;

  constructor(
    stage: Stage,
    settings: HandshakeSettings,
    standing: Standing<Out, Owner>,
    output: SessionHost<Out>,
    owner: HandshakeOwner,
  ) {
    this.#stage = stage;
    this.#settings = settings;
    this.#standing = standing;
    this.#output = output;
    this.#owner = owner;
    this.#reconnects = settings.autoRestart;
  }

  /** The server hears of a change at once: from then on it keeps the session for us, or not. */
  reconnects(is: boolean): void {
    if (this.#reconnects === is) return;
    this.#reconnects = is;
    if (this.#stage.phase === 'on') this.#standing.course?.writeState(this.#returnMs);
  }

  /** How long we may come back, in milliseconds. */
  get #returnMs(): number {
    return this.#reconnects ? this.#settings.resumeWindowMs : 0;
  }

  up(nowMs: number): void {
    this.#endUnanswered(nowMs);
    const { course } = this.#standing;
    const { session, sessionTimeoutMs, authTimeoutMs } = this.#settings;
    this.#toldReturnMs = this.#returnMs;
    if (session === 'off' || (course === undefined && nowMs < this.#plainUntilMs)) {
      this.#stage.reach('plain');
      return;
    }
    this.#stage.reach('asked', nowMs + (course ? authTimeoutMs : sessionTimeoutMs));
    const { terms, resumption } = this.#standing;
    this.#output.write(encodeHello({ ...terms, resumableMs: this.#returnMs, resume: resumption }));
  }

  greeted(payload: Buffer): boolean {
    const { phase } = this.#stage;
    // When it comes too late, the peer has been told by what we sent meanwhile; unless that is nothing: it would wait for a word for ever.
    const isLate = phase !== 'asked';
    if (isLate && (phase !== 'plain' || this.#owner.plainSent > 0)) {
      if (phase === 'plain') this.#missed();
      return true;
    }
    const welcome = decodeWelcome(payload);
    if (isLate && (welcome.outcome.kind === 'resumed' || welcome.outcome.kind === 'refused')) return true;
    this.#plainUntilMs = Number.NEGATIVE_INFINITY;
    this.#welcomed(welcome);
    this.#unansweredSinceMs = undefined;
    this.#stage.reach('on');
    const { course } = this.#standing;
    // The server waits for a word before it sends; what changed while it was asked it hears now.
    if (this.#toldReturnMs === this.#returnMs) course?.writeState();
    else course?.writeState(this.#returnMs);
    return true;
  }

  /** The server makes sessions, and was too slow for one on this link. */
  #missed(): void {
    this.#plainUntilMs = Number.NEGATIVE_INFINITY; // the next link is worth another question
    if (this.#hasToldMissed) return;
    this.#hasToldMissed = true;
    const { sessionTimeoutMs } = this.#settings;
    const late = `the server has answered the handshake later than ${sessionTimeoutMs} ms (sessionTimeoutMs), when messages had been sent already`;
    const advice = "so a message may be lost with this link; raise sessionTimeoutMs, or use session: 'require'";
    this.#output.warn(new TimeoutError(`${late}: there is no session on this link, ${advice}`));
  }

  late(nowMs: number): void {
    if (this.#standing.course) throw unanswered();
    if (this.#settings.session === 'require') throw required('the server does not answer the handshake');
    this.#plainUntilMs = nowMs + plainForMs;
    this.#stage.reach('plain');
  }

  /**
   * A server that may be busy, or stopped for a while, still has the session; one that hangs up may be a tunnel whose far end is away. It is
   * given up when the server has had as long as it would wait for us; and on another link than it was asked on: there it might yet go on.
   */
  #endUnanswered(nowMs: number): void {
    if (this.#standing.course === undefined) return;
    this.#unansweredSinceMs ??= nowMs;
    if (nowMs - this.#unansweredSinceMs < this.#settings.resumeWindowMs) return;
    this.#unansweredSinceMs = undefined;
    this.#standing.end('the server does not answer, and may not know of sessions any more');
  }

  #welcomed(welcome: Welcome): void {
    const { outcome } = welcome;
    switch (outcome.kind) {
      case 'refused':
        throw new ProtocolError(`the server refused the handshake: ${excerpt(outcome.reason)}`);
      case 'resumed':
        this.#goOn(welcome, outcome.next, outcome.taken);
        break;
      case 'lost':
        this.#standing.acknowledgeLast(outcome.next);
        this.#standing.end(excerpt(outcome.reason));
        this.#begin(welcome, outcome);
        break;
      case 'new':
        this.#begin(welcome, outcome);
    }
  }

  #goOn(welcome: Welcome, next: number, taken: number): void {
    const { course } = this.#standing;
    if (course === undefined) throw new ProtocolError('the server resumed a session that was not asked for');
    if (!course.outflow.canResume(next, taken))
      throw new ProtocolError(`the server resumed the session where it never was (${next}, ${taken})`);
    course.up(welcome, this.#stage.nowMs);
    course.outflow.resume(next, taken);
  }

  #begin(welcome: Welcome, session: NewSession): void {
    const { plainReceived } = this.#owner;
    if (session.plainMessages !== plainReceived) {
      throw new ProtocolError(
        `the server has sent ${session.plainMessages} messages before its answer, and ${plainReceived} have come`,
      );
    }
    this.#standing.take(session).up(welcome, this.#stage.nowMs);
  }
}

function unanswered(): PeerTimeoutError {
  return new PeerTimeoutError(
    'the server can be reached, and does not answer the client that comes back: is the program there busy, or stopped?',
  );
}
