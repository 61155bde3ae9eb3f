/**
 * Who says what first on a link, and what comes of it: plain v2, a new session, or the one from before. An original peer never gets a
 * byte that it cannot take: only a client asks, in a frame that the original drops, and nothing else new is sent before the answer.
 */
import type { LinkHolder, ResumableSession, Role, SessionHost } from 'serpy-core';
import type { WholeMessage } from '../session/frames/segment.js';
import type { Course } from '../session/reliable-session.js';
import { Lasting } from '../session/resumable-session.js';
import type { Cuttable } from '../session/sender.js';
import { linkFault, required } from '../session/session-errors.js';
import { Standing } from '../session/session-manager.js';
import type { Hello } from '../session/session-parameters.js';
import type { Sessions } from '../session/session-registry.js';
import { Asking } from './client-handshake.js';
import type { HandshakeSettings } from './handshake-options.js';
import { type HandshakeOwner, type Part, Stage } from './handshake-state.js';
import { Answering } from './server-handshake.js';

export class Handshake<Out extends Cuttable> {
  readonly #owner: HandshakeOwner;
  readonly #standing: Standing<Out, Handshake<Out>>;
  readonly #stage = new Stage();
  readonly #part: Part;
  /** The same, of a server. */
  readonly #answering: Answering<Out, Handshake<Out>> | undefined;
  /** Whether the last link ended before it was known whose it was. */
  #endedUndecided = false;
  /** What core can do with it besides. */
  readonly lasting: ResumableSession;

  constructor(
    role: Role,
    settings: HandshakeSettings,
    output: SessionHost<Out>,
    owner: HandshakeOwner,
    sessions: Sessions<Handshake<Out>>,
  ) {
    this.#owner = owner;
    const standing = new Standing(settings, output, sessions, (message) => owner.valueOf(message));
    this.#standing = standing;
    if (role === 'server')
      this.#answering = new Answering(this.#stage, settings, standing, output, owner, sessions, this);
    this.#part = this.#answering ?? new Asking(this.#stage, settings, standing, output, owner);
    this.lasting = new Lasting(this, standing);
  }

  /** Whether messages are numbered now. */
  get on(): boolean {
    return this.#stage.phase === 'on';
  }

  get answered(): boolean {
    return this.#stage.phase === 'answered';
  }

  /** Whether what comes is read as plain v2. */
  get readsPlain(): boolean {
    return !this.on && !this.answered;
  }

  get canSend(): boolean {
    switch (this.#stage.phase) {
      case 'on':
        return (this.#standing.course as Course<Out>).outflow.mayBegin;
      case 'plain':
      case 'fresh':
      case 'given-up':
        return true;
      default:
        return false;
    }
  }

  get deadlineMs(): number | undefined {
    return this.on ? this.#standing.course?.deadlineMs : this.#stage.deadlineMs;
  }

  /** The largest message that the peer takes, as far as is known. */
  get peerMaxMessageBytes(): number {
    return this.#standing.course?.peerMaxMessageBytes ?? Number.POSITIVE_INFINITY;
  }

  /** Whether acknowledgements can be asked for: not before it is known that they cannot. */
  get mayAcknowledge(): boolean {
    return this.#stage.phase !== 'plain' && this.#stage.phase !== 'given-up';
  }

  /** Whether it is not known yet that there is a new client. */
  get undecided(): boolean {
    return this.#part.undecided || (this.#stage.phase === 'down' && this.#endedUndecided);
  }

  get flowControlled(): boolean {
    if (this.#stage.phase === 'asked') return this.#standing.course !== undefined && this.#owner.plainReceived === 0;
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

  /** Whether this end comes back by itself, from now on: a client tells its server. */
  reconnects(is: boolean): void {
    this.#part.reconnects?.(is);
  }

  up(nowMs: number): void {
    this.#stage.nowMs = nowMs;
    if (this.#standing.course?.farewell) this.#standing.end('the peer closed the session');
    this.#part.up(nowMs);
  }

  lost(): void {
    this.#endedUndecided = this.#part.undecided;
    this.#stage.reach('down');
    this.#standing.course?.lost();
    if (this.#standing.resumableMs === 0) this.#standing.end('it cannot be resumed');
  }

  send(message: Out): void {
    this.#standing.course?.outflow.send(message);
  }

  /** Nobody waits any longer for what becomes of a message. */
  forget(message: Out): void {
    this.#standing.course?.outflow.forget(message);
  }

  /** The program asks for what only a session has: a server sends nothing before its client had time to begin one. */
  want(nowMs: number): void {
    this.#answering?.want(nowMs);
  }

  receive(chunk: Buffer, nowMs: number): void {
    this.#stage.nowMs = nowMs;
    this.#standing.course?.push(chunk, nowMs);
  }

  keep(): void {
    this.#standing.course?.keep();
  }

  /** The next message. Throws as a session does. */
  read(): WholeMessage | undefined {
    const course = this.#standing.course as Course<Out>;
    if (this.answered && !this.#answering?.isConfirmed(course)) return undefined;
    try {
      return course.read();
    } catch (error) {
      throw this.judged(error);
    }
  }

  /** An error in what came. If the bytes were unharmed, the peer itself is wrong and would be again: the session is over with the link. */
  judged(error: unknown): unknown {
    const fault = linkFault(error);
    if (fault === undefined) this.#standing.forbidReturn();
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
    switch (this.#stage.phase) {
      case 'awaited':
        throw required('the client sent a message without a handshake');
      case 'fresh':
      case 'wanted':
      case 'given-up':
        this.#stage.reach('plain');
    }
  }

  /** What has come is neither plain nor a greeting, and the link ends for it: where anybody is let in, that was a new client. */
  heardNonsense(): void {
    if (this.#stage.phase === 'fresh') this.#stage.reach('plain');
  }

  /**
   * A greeting has come, in the place of a message.
   * @param payload the frame's
   * @param rest what came behind it
   * @returns whether it was for us
   */
  greeted(kind: 'hello' | 'welcome', payload: Buffer, rest: () => Buffer): boolean {
    const isForUs = (kind === 'hello') === (this.#answering !== undefined);
    if (!isForUs || !this.#part.greeted(payload)) return false;
    if (!this.readsPlain && this.#stage.phase !== 'down') this.#standing.course?.push(rest(), this.#stage.nowMs);
    return true;
  }

  tick(nowMs: number): void {
    this.#stage.nowMs = nowMs;
    if (this.on) {
      this.#standing.course?.tick(nowMs);
      return;
    }
    const { deadlineMs } = this.#stage;
    if (deadlineMs === undefined || nowMs < deadlineMs) return;
    this.#stage.deadlineMs = undefined;
    this.#part.late(nowMs);
  }

  /** At a server: the session's client is there again. */
  comesBack(hello: Hello, seat: LinkHolder): boolean {
    return this.#answering?.comesBack(hello, seat) ?? false;
  }
}
