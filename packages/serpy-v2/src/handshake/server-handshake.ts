/** The server's part of the handshake: it says nothing new before it was asked, answers each client once, and knows who comes back. */
import { type LinkHolder, PeerTimeoutError, ProtocolError, type SessionHost } from 'serpy-core';
import { isPlain } from '../session/frames/constants.js';
import type { Course } from '../session/reliable-session.js';
import type { Cuttable } from '../session/sender.js';
import { required } from '../session/session-errors.js';
import type { Standing } from '../session/session-manager.js';
import type { Hello } from '../session/session-parameters.js';
import type { Sessions } from '../session/session-registry.js';
import type { HandshakeSettings } from './handshake-options.js';
import type { HandshakeOwner, Part, Stage } from './handshake-state.js';
import { decodeHello, encodeWelcome, isVersionKnown, type Outcome } from './hello-welcome.js';

/** So long a server waits for first bytes before it takes a link for a new connection without a session. */
const undecidedMs = 100;

/** Who has a session, as the server's other connections know him. */
export interface Returner {
  comesBack(hello: Hello, seat: LinkHolder): boolean;
}

export class Answering<Out extends Cuttable, Owner extends Returner> implements Part {
  readonly #stage: Stage;
  readonly #settings: HandshakeSettings;
  readonly #standing: Standing<Out, Owner>;
  readonly #output: SessionHost<Out>;
  readonly #owner: HandshakeOwner;
  readonly #sessions: Sessions<Owner>;
  readonly #self: Owner;
  /** With what the client came back, until its link is up. */
  #returning: Hello | undefined;
  /** Whether the client has shown that it has the session. */
  #confirmed = false;

  /** @param self what is known under a session's id */
  constructor(
    stage: Stage,
    settings: HandshakeSettings,
    standing: Standing<Out, Owner>,
    output: SessionHost<Out>,
    owner: HandshakeOwner,
    sessions: Sessions<Owner>,
    self: Owner,
  ) {
    this.#stage = stage;
    this.#settings = settings;
    this.#standing = standing;
    this.#output = output;
    this.#owner = owner;
    this.#sessions = sessions;
    this.#self = self;
  }

  /**
   * The link may turn out to be an old session's, there may be no handshake where one is required, or the client may not have heard the answer:
   * one whose first link breaks then asks anew, and would be there twice.
   */
  get undecided(): boolean {
    if (this.#standing.course) return !this.#confirmed;
    const { phase, deadlineMs } = this.#stage;
    return phase === 'awaited' || (phase === 'fresh' && deadlineMs !== undefined);
  }

  up(nowMs: number): void {
    const hello = this.#returning;
    const { course } = this.#standing;
    if (hello?.resume && course) {
      this.#returning = undefined;
      this.#answer({ kind: 'resumed', next: course.inflow.next, taken: course.inflow.taken });
      course.up(hello, nowMs);
      course.outflow.resume(hello.resume.next, hello.resume.taken);
      this.#confirmed = true;
      this.#stage.reach('on');
      return;
    }
    const { session, authTimeoutMs } = this.#settings;
    if (session === 'require') this.#stage.reach('awaited', nowMs + authTimeoutMs);
    else this.#stage.reach('fresh', nowMs + undecidedMs);
  }

  /** The program asks for what only a session has. */
  want(nowMs: number): void {
    if (this.#stage.phase === 'fresh') this.#stage.reach('wanted', nowMs + this.#settings.sessionTimeoutMs);
  }

  greeted(payload: Buffer): boolean {
    const { phase, nowMs } = this.#stage;
    const mayAsk = phase === 'fresh' || phase === 'wanted' || phase === 'given-up' || phase === 'awaited';
    if (!mayAsk || this.#owner.plainReceived > 0) return false;
    const hello = this.#understood(payload);
    const { resume } = hello;
    if (resume && this.#sessions.find(resume.id)?.comesBack(hello, this.#output.linkHolder)) return true; // the link is that session's now
    const { plainSent } = this.#owner;
    const course = this.#standing.give(this.#self, hello, plainSent);
    const session = { ...course.ticket, plainMessages: plainSent };
    if (resume) {
      const reason = 'the server does not have the session: it was started again, or the client was away for too long';
      this.#answer({ kind: 'lost', reason, next: this.#sessions.lastKnown(resume.id), ...session });
    } else {
      this.#answer({ kind: 'new', ...session });
    }
    // What a client that comes back allows is counted in the session that it had: of the new one its first word tells.
    course.up(resume ? { ...hello, limits: { messages: 0, bytes: 0 } } : hello, nowMs);
    this.#stage.reach('answered', nowMs + this.#settings.authTimeoutMs);
    return true;
  }

  /**
   * The session's own client is there again, on a link that another connection has: whether this one goes on over it. One that has proved to
   * be somebody else is not, whatever it knows; and that is looked at first, so that its attempt does not count.
   */
  comesBack(hello: Hello, seat: LinkHolder): boolean {
    if (seat.identity !== this.#output.linkHolder.identity) return false;
    if (!this.#standing.isResumedBy(hello)) return false;
    this.#returning = hello;
    return this.#output.linkHolder.takeOverLink(seat);
  }

  /** After the answer: whether the client has heard it, as its first word tells. */
  isConfirmed({ reader }: Course<Out>): boolean {
    const type = reader.firstType;
    if (type === undefined) return false;
    if (isPlain(type)) {
      if (this.#settings.session === 'require') throw required('the client gave up waiting for the answer');
      const bytes = reader.takeAll();
      this.#standing.end('the client gave up waiting for the answer');
      this.#stage.reach('plain');
      this.#owner.pushPlain(bytes);
      return false;
    }
    this.#confirmed = true;
    this.#stage.reach('on');
    return true;
  }

  late(): void {
    switch (this.#stage.phase) {
      case 'awaited':
        throw required('the client did not begin a handshake in time');
      case 'answered':
        throw new PeerTimeoutError('the client has not said a word since it was given a session');
      case 'wanted':
        this.#stage.reach('given-up');
    }
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

  #answer(outcome: Outcome): void {
    this.#output.write(encodeWelcome({ ...this.#standing.terms, outcome }));
  }
}
