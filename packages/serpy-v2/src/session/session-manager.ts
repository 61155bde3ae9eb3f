/** A session as it stands between links: who gave it, how it is gone on with, and what is told when it ends. */
import { ConnectionLostError, DeliveryUnknownError, type SessionHost } from 'serpy-core';
import type { BatchedMessage } from './frames/batch.js';
import { Course, type CourseSettings } from './reliable-session.js';
import { isProven, newTicket, proofOf, type Ticket, ticketOf } from './resume-credentials.js';
import type { Cuttable } from './sender.js';
import { type Hello, idBytes, type NewSession, type Resumption, type Terms } from './session-parameters.js';
import type { Sessions } from './session-registry.js';

export interface StandingSettings extends CourseSettings {
  readonly resumeWindowMs: number;
}

export class Standing<Out extends Cuttable, Owner> {
  /** The session; undefined while there is none. */
  course: Course<Out> | undefined;
  readonly #settings: StandingSettings;
  readonly #output: SessionHost<Out>;
  readonly #sessions: Sessions<Owner>;
  readonly #shown: (message: BatchedMessage) => unknown;
  #resumableMs = 0;
  /** Whether it was given to a client, and not taken from a server. */
  #given = false;
  #mayReturn = true;
  #earlier = 0;
  #instance: Buffer | undefined;
  /** How often this client has tried to come back; of a server's session, the last attempt that it has seen. */
  #attempt = 0;

  /** @param shown a message as the application knows it; undefined for what is none */
  constructor(
    settings: StandingSettings,
    output: SessionHost<Out>,
    sessions: Sessions<Owner>,
    shown: (message: BatchedMessage) => unknown,
  ) {
    this.#settings = settings;
    this.#output = output;
    this.#sessions = sessions;
    this.#shown = shown;
  }

  /** How long the peer may be away, in milliseconds. A client may have said otherwise since its HELLO. */
  get resumableMs(): number {
    if (!this.#mayReturn) return 0;
    const stated = this.#given ? this.course?.peerReturnMs : undefined;
    return stated === undefined ? this.#resumableMs : Math.min(this.#settings.resumeWindowMs, stated);
  }

  /** The session ends with its link. */
  forbidReturn(): void {
    this.#mayReturn = false;
  }

  /** What this end says of itself. */
  get terms(): Terms {
    this.#instance ??= this.#output.randomBytes(idBytes);
    const { maxMessageBytes, pingIntervalMs, window } = this.#settings;
    const limits = this.course?.inflow.limits ?? { messages: window.maxMessages, bytes: window.maxBytes };
    return { instance: this.#instance, maxMessageBytes, pingIntervalMs: Math.ceil(pingIntervalMs), limits };
  }

  /** At the server: a new session, after so many plain messages. */
  give(owner: Owner, hello: Hello, plainMessages: number): Course<Out> {
    const course = this.#begin(newTicket((count) => this.#output.randomBytes(count)));
    course.outflow.begin(plainMessages);
    this.#given = true;
    this.#resumableMs = Math.min(this.#settings.resumeWindowMs, hello.resumableMs);
    this.#sessions.add(course.ticket.id, owner);
    return course;
  }

  /** At the client: the session that the server gave. */
  take(session: NewSession): Course<Out> {
    const course = this.#begin(ticketOf(session));
    course.inflow.begin(session.plainMessages);
    this.#resumableMs = this.#settings.resumeWindowMs;
    this.#attempt = 0;
    return course;
  }

  /** At the client: asks to go on. */
  get resumption(): Resumption | undefined {
    if (this.course === undefined) return undefined;
    const { ticket, inflow } = this.course;
    const attempt = ++this.#attempt;
    return { id: ticket.id, attempt, proof: proofOf(ticket, attempt), next: inflow.next, taken: inflow.taken };
  }

  /** At the server: whether it is this session's client who asks. Each attempt counts once. */
  isResumedBy({ resume, resumableMs }: Hello): boolean {
    const { course } = this;
    if (!course || !resume || resume.attempt <= this.#attempt || course.farewell) return false;
    if (!isProven(course.ticket, resume.attempt, resume.proof)) return false;
    this.#attempt = resume.attempt;
    if (!course.outflow.canResume(resume.next, resume.taken)) return false;
    this.#mayReturn = true;
    this.#resumableMs = Math.min(this.#settings.resumeWindowMs, resumableMs);
    return true;
  }

  /** The peer has told how far it got before the session was lost. */
  acknowledgeLast(next: number | undefined): void {
    const outflow = this.course?.outflow;
    if (outflow && next !== undefined && next <= outflow.next) outflow.acknowledged(next, 0);
  }

  /** The session is over, and the connection may go on with another: what is not known to have arrived is told. */
  end(why: string): void {
    const messages = this.abandon();
    if (messages.length > 0) this.#output.warn(new DeliveryUnknownError(why, messages));
  }

  /** The session is over. @returns the messages that the peer may not have, as the application knows them */
  abandon(): readonly unknown[] {
    const { course } = this;
    if (course === undefined) return [];
    this.course = undefined;
    this.#earlier = course.inflow.earlier;
    this.#sessions.end(course.ticket.id, course.inflow.next);
    const { unknown, awaited, untaken } = course.outflow.abandon();
    const text = 'the session ended before the message was acknowledged: it may or may not have arrived';
    for (const message of awaited) this.#output.rejected(message, new ConnectionLostError(text));
    const late = 'the session ended before it was known whether the message, which arrived, was taken';
    for (const message of untaken) this.#output.rejected(message, new ConnectionLostError(late));
    return unknown.map((message) => this.#shown(message)).filter((message) => message !== undefined);
  }

  #begin(ticket: Ticket): Course<Out> {
    this.#mayReturn = true;
    this.course = new Course(ticket, this.#settings, this.#output, this.#earlier);
    return this.course;
  }
}
