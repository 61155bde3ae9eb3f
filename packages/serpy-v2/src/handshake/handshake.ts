/**
 * Who says what first on a link, and what comes of it: plain v2, a new session, or the one from before. An original peer never gets a
 * byte that it cannot take: only a client asks, in a frame that the original drops, and nothing else new is sent before the answer.
 */
import { type LastingSession, ProtocolError, type Role, type Seat, type SessionOutput, SilentError } from 'serpy-core';
import type { Course } from './course.js';
import { linkFault } from './faults.js';
import {
  decodeHello,
  decodeWelcome,
  encodeHello,
  encodeWelcome,
  type Hello,
  isVersionKnown,
  type NewSession,
  type Outcome,
  type Welcome,
} from './greeting.js';
import { Lasting } from './lasting.js';
import type { Cuttable } from './outflow.js';
import type { HandshakeOwner, HandshakeSettings, Phase } from './phase.js';
import type { WholeMessage } from './received.js';
import type { Sessions } from './sessions.js';
import { Standing } from './standing.js';
import { isPlain } from './wire.js';

/** A peer that was found to be plain is not asked again for so long. */
const plainForMs = 10 * 60_000;

/** So long a server waits for first bytes before it takes a link for a new connection, while there are sessions to come back to. */
const undecidedMs = 100;

export class Handshake<Out extends Cuttable> {
  readonly #role: Role;
  readonly #settings: HandshakeSettings;
  readonly #output: SessionOutput<Out>;
  readonly #owner: HandshakeOwner;
  readonly #sessions: Sessions<Handshake<Out>>;
  readonly #standing: Standing<Out, Handshake<Out>>;
  /** What core can do with it besides. */
  readonly lasting: LastingSession;
  #phase: Phase = 'down';
  #deadlineMs: number | undefined;
  #plainUntilMs = Number.NEGATIVE_INFINITY;
  /** With what the client came back, until its link is up. */
  #returning: Hello | undefined;
  /** Whether the client has shown that it has the session. */
  #confirmed = false;
  /** Since when the server is there again and has not answered the client that comes back. */
  #unansweredSinceMs: number | undefined;
  /** At a server, whether the program has asked for what only a session has before the client has begun one, and waits for that. */
  #wish: 'none' | 'waits' | 'in vain' = 'none';
  #nowMs = 0;

  constructor(
    role: Role,
    settings: HandshakeSettings,
    output: SessionOutput<Out>,
    owner: HandshakeOwner,
    sessions: Sessions<Handshake<Out>>,
  ) {
    this.#role = role;
    this.#settings = settings;
    this.#output = output;
    this.#owner = owner;
    this.#sessions = sessions;
    this.#standing = new Standing(settings, output, sessions, (message) => owner.valueOf(message));
    this.lasting = new Lasting(this, this.#standing);
  }

  /** Whether messages are numbered now. */
  get on(): boolean {
    return this.#phase === 'on';
  }

  /** Whether what comes is read as plain v2. */
  get readsPlain(): boolean {
    return this.#phase !== 'on' && this.#phase !== 'answered';
  }

  get canSend(): boolean {
    switch (this.#phase) {
      case 'on':
        return (this.#standing.course as Course<Out>).outflow.mayBegin;
      case 'plain':
        return true;
      case 'fresh':
        return this.#wish !== 'waits';
      default:
        return false;
    }
  }

  get deadlineMs(): number | undefined {
    return this.#phase === 'on' ? this.#standing.course?.deadlineMs : this.#deadlineMs;
  }

  /** The largest message that the peer takes, as far as is known. */
  get peerMaxMessageBytes(): number {
    return this.#standing.course?.peerMaxMessageBytes ?? Number.POSITIVE_INFINITY;
  }

  /** Whether acknowledgements can be asked for: not before it is known that they cannot. */
  get mayAcknowledge(): boolean {
    return this.#phase !== 'plain' && !(this.#phase === 'fresh' && this.#wish === 'in vain');
  }

  /**
   * Whether it is not known yet that there is a new client: the link may turn out to be an old session's, there may be no handshake where one is
   * required, or the client may not have heard the answer. One whose first link breaks then asks anew, and would be there twice.
   */
  get undecided(): boolean {
    if (this.#role === 'client') return false;
    if (this.#standing.course) return !this.#confirmed;
    return (
      this.#phase === 'awaited' || (this.#phase === 'fresh' && this.#deadlineMs !== undefined && this.#wish === 'none')
    );
  }

  get flowControlled(): boolean {
    if (this.#phase === 'asked') return this.#standing.course !== undefined && this.#owner.plainReceived === 0;
    return this.on;
  }

  /** Whether a frame of the session has begun and is not whole. */
  get inFrame(): boolean {
    return this.#standing.course?.reader.inFrame ?? false;
  }

  /** Memory that is held for what has come in part; a message in pieces is kept while there is no link. */
  get unfinishedBytes(): number {
    return this.#standing.course?.unfinishedBytes ?? 0;
  }

  up(nowMs: number): void {
    this.#nowMs = nowMs;
    if (this.#standing.course?.farewell) this.#standing.end('the peer closed the session');
    if (this.#role === 'server') this.#upAtServer(nowMs);
    else this.#upAtClient(nowMs);
  }

  lost(): void {
    this.#phase = 'down';
    this.#deadlineMs = undefined;
    this.#wish = 'none';
    this.#standing.course?.lost();
    if (this.#standing.resumableMs === 0) this.#standing.end('it cannot be resumed');
  }

  send(message: Out): void {
    this.#standing.course?.outflow.send(message);
  }

  /** At a server: the program asks for what only a session has. Nothing is sent before the client had time to begin one. */
  want(nowMs: number): void {
    if (this.#phase !== 'fresh' || this.#wish !== 'none') return;
    this.#wish = 'waits';
    this.#deadlineMs = nowMs + this.#settings.helloTimeoutMs;
  }

  receive(chunk: Buffer, nowMs: number): void {
    this.#nowMs = nowMs;
    this.#standing.course?.push(chunk, nowMs);
  }

  keep(): void {
    this.#standing.course?.keep();
  }

  /** The next message. Throws as a session does. */
  read(): WholeMessage | undefined {
    const course = this.#standing.course as Course<Out>;
    if (this.#phase === 'answered' && !this.#isConfirmed(course)) return undefined;
    try {
      return course.read();
    } catch (error) {
      throw this.judged(error);
    }
  }

  /** An error in what came. If the bytes were unharmed, the peer itself is wrong and would be again: the session is over with the link. */
  judged(error: unknown): unknown {
    const fault = linkFault(error);
    if (fault === undefined) this.#standing.resumableMs = 0;
    return fault ?? error;
  }

  /** Whether small messages wait to be put on the wire by `flush`. */
  get gathered(): boolean {
    return this.on && (this.#standing.course?.outflow.gathered ?? false);
  }

  flush(): void {
    this.#standing.course?.outflow.flush();
  }

  /** A message has come plainly. Throws where a session is required. */
  heardPlain(): void {
    if (this.#phase === 'fresh') this.#becomePlain();
    if (this.#phase === 'awaited') throw this.#refusal('the client sent a message without a handshake');
  }

  /**
   * A greeting has come, in the place of a message.
   * @param payload the frame's
   * @param rest what came behind it
   * @returns whether it was for us
   */
  greeted(kind: 'hello' | 'welcome', payload: Buffer, rest: () => Buffer): boolean {
    if (kind === 'hello') {
      const isFirst = this.#owner.plainReceived === 0 && (this.#phase === 'fresh' || this.#phase === 'awaited');
      if (this.#role !== 'server' || !isFirst) return false;
      this.#asked(payload);
    } else {
      if (this.#role !== 'client') return false;
      // When it comes too late, the peer has been told by what we sent meanwhile; unless that is nothing: it would wait for a word for ever.
      const isLate = this.#phase !== 'asked';
      if (isLate && (this.#phase !== 'plain' || this.#owner.plainSent > 0)) return true;
      const welcome = decodeWelcome(payload);
      if (isLate && (welcome.outcome.kind === 'resumed' || welcome.outcome.kind === 'refused')) return true;
      this.#plainUntilMs = Number.NEGATIVE_INFINITY;
      this.#welcomed(welcome);
    }
    if (!this.readsPlain && this.#phase !== 'down') this.#standing.course?.push(rest(), this.#nowMs);
    return true;
  }

  tick(nowMs: number): void {
    this.#nowMs = nowMs;
    if (this.#phase === 'on') {
      this.#standing.course?.tick(nowMs);
      return;
    }
    if (this.#deadlineMs === undefined || nowMs < this.#deadlineMs) return;
    this.#deadlineMs = undefined;
    if (this.#phase === 'awaited') throw this.#refusal('the client did not begin a handshake in time');
    if (this.#phase === 'answered')
      throw new SilentError('the client has not said a word since it was given a session');
    if (this.#wish === 'waits') this.#wish = 'in vain'; // it may still begin one
    if (this.#phase !== 'asked') return;
    if (this.#standing.course) throw this.#unanswered(nowMs);
    if (this.#settings.handshake === 'require') throw this.#refusal('the server does not answer the handshake');
    this.#plainUntilMs = nowMs + plainForMs;
    this.#becomePlain();
  }

  /**
   * At the client: a server that may be busy, or stopped for a while, still has the session. It is given up when the server has had as long
   * as it would wait for us; and then on another link: on this one the server might yet go on with it.
   */
  #unanswered(nowMs: number): SilentError {
    this.#unansweredSinceMs ??= nowMs;
    if (nowMs - this.#unansweredSinceMs >= this.#settings.resumeWindowMs)
      this.#standing.end('the server does not answer, and may not know of sessions any more');
    return new SilentError(
      'the server can be reached, and does not answer the client that comes back: is the program there busy, or stopped?',
    );
  }

  #upAtClient(nowMs: number): void {
    const { course } = this.#standing;
    if (this.#settings.handshake === 'off' || (course === undefined && nowMs < this.#plainUntilMs)) {
      this.#becomePlain();
      return;
    }
    this.#phase = 'asked';
    const { helloTimeoutMs, handshakeTimeoutMs, autoRestart, resumeWindowMs } = this.#settings;
    this.#deadlineMs = nowMs + (course ? handshakeTimeoutMs : helloTimeoutMs);
    const { terms, resumption } = this.#standing;
    this.#output.write(encodeHello({ ...terms, resumableMs: autoRestart ? resumeWindowMs : 0, resume: resumption }));
  }

  #upAtServer(nowMs: number): void {
    const hello = this.#returning;
    const { course } = this.#standing;
    if (hello?.resume && course) {
      this.#returning = undefined;
      this.#answer({ kind: 'resumed', next: course.inflow.next, taken: course.inflow.taken });
      course.up(hello, nowMs);
      course.outflow.resume(hello.resume.next, hello.resume.taken);
      this.#confirmed = true;
      this.#phase = 'on';
      return;
    }
    const required = this.#settings.handshake === 'require';
    this.#phase = required ? 'awaited' : 'fresh';
    if (required) this.#deadlineMs = nowMs + this.#settings.handshakeTimeoutMs;
    else this.#deadlineMs = this.#sessions.any ? nowMs + undecidedMs : undefined;
  }

  /** At the server: a client asks. */
  #asked(payload: Buffer): void {
    const hello = this.#understood(payload);
    const { resume } = hello;
    if (resume && this.#sessions.find(resume.id)?.comesBack(hello, this.#output.seat)) return; // the link is that session's now
    const { plainSent } = this.#owner;
    const course = this.#standing.give(this, hello, plainSent);
    const session = { ...course.ticket, plainMessages: plainSent };
    if (resume) {
      const reason = 'the server does not have the session: it was started again, or the client was away for too long';
      this.#answer({ kind: 'lost', reason, next: this.#sessions.lastKnown(resume.id), ...session });
    } else {
      this.#answer({ kind: 'new', ...session });
    }
    // What a client that comes back allows is counted in the session that it had: of the new one its first word tells.
    course.up(resume ? { ...hello, limits: { messages: 0, bytes: 0 } } : hello, this.#nowMs);
    this.#phase = 'answered';
    this.#deadlineMs = this.#nowMs + this.#settings.handshakeTimeoutMs;
  }

  /** A HELLO; one that cannot be understood is answered with the reason, and throws. */
  #understood(payload: Buffer): Hello {
    try {
      if (isVersionKnown(payload)) return decodeHello(payload);
      throw new ProtocolError('no common version of the handshake: use the same version of serpy at both ends');
    } catch (error) {
      const reason = (error as Error).message;
      this.#answer({ kind: 'refused', reason });
      throw new ProtocolError(`a client was refused: ${reason}`);
    }
  }

  /**
   * The session's own client is there again, on a link that another connection has: whether this one goes on over it. One that has proved to
   * be somebody else is not, whatever it knows; and that is looked at first, so that its attempt does not count.
   */
  comesBack(hello: Hello, seat: Seat): boolean {
    if (seat.identity !== this.#output.seat.identity) return false;
    if (!this.#standing.isResumedBy(hello)) return false;
    this.#returning = hello;
    return this.#output.seat.takeLinkOf(seat);
  }

  /** At the client: the server has answered. */
  #welcomed(welcome: Welcome): void {
    const { outcome } = welcome;
    switch (outcome.kind) {
      case 'refused':
        throw new ProtocolError(`the server refused the handshake: ${outcome.reason}`);
      case 'resumed':
        this.#goOn(welcome, outcome.next, outcome.taken);
        break;
      case 'lost':
        this.#standing.acknowledgeLast(outcome.next);
        this.#standing.end(outcome.reason);
        this.#begin(welcome, outcome);
        break;
      case 'new':
        this.#begin(welcome, outcome);
    }
    this.#phase = 'on';
    this.#deadlineMs = undefined;
    this.#unansweredSinceMs = undefined;
    this.#standing.course?.writeState(); // the server waits for a word before it sends
  }

  #goOn(welcome: Welcome, next: number, taken: number): void {
    const { course } = this.#standing;
    if (course === undefined) throw new ProtocolError('the server resumed a session that was not asked for');
    course.up(welcome, this.#nowMs);
    course.outflow.resume(next, taken);
  }

  #begin(welcome: Welcome, session: NewSession): void {
    const { plainReceived } = this.#owner;
    if (session.plainMessages !== plainReceived) {
      throw new ProtocolError(
        `the server has sent ${session.plainMessages} messages before its answer, and ${plainReceived} have come`,
      );
    }
    this.#standing.take(session).up(welcome, this.#nowMs);
  }

  /** At the server, after its answer: whether the client has heard it, as its first word tells. */
  #isConfirmed({ reader }: Course<Out>): boolean {
    const type = reader.firstType;
    if (type === undefined) return false;
    if (isPlain(type)) {
      if (this.#settings.handshake === 'require') throw this.#refusal('the client gave up waiting for the answer');
      const bytes = reader.takeAll();
      this.#standing.end('the client gave up waiting for the answer');
      this.#becomePlain();
      this.#owner.pushPlain(bytes);
      return false;
    }
    this.#confirmed = true;
    this.#phase = 'on';
    this.#deadlineMs = undefined;
    return true;
  }

  #becomePlain(): void {
    this.#phase = 'plain';
    this.#deadlineMs = undefined;
  }

  #answer(outcome: Outcome): void {
    this.#output.write(encodeWelcome({ ...this.#standing.terms, outcome }));
  }

  #refusal(what: string): ProtocolError {
    return new ProtocolError(
      `${what}, which handshake: 'require' asks for: the peer is a plain v2 program, or has handshake: 'off'. Use handshake: 'prefer' to talk to it without a session`,
    );
  }
}
