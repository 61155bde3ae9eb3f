/** A session as it stands between links: who gave it, how it is gone on with, and what is told when it ends. */
import { ConnectionLostError, MessagesUnknownError, type SessionOutput } from 'serpy-core';
import { firstLimit } from '../reliable/receiver.js';
import { ReliableSession, type ReliableSettings } from '../reliable/reliable-session.js';
import type { Sendable, UnknownMessage } from '../reliable/sender.js';
import { sessionFrames } from '../reliable/session-frames.js';
import type { DecodedMessage } from '../values/values.js';
import { isProven, newTicket, proofOf, type Ticket, ticketOf } from './resume-credentials.js';
import { type Hello, idBytes, type NewSession, type Resumption, type Terms } from './session-parameters.js';
import type { Sessions } from './session-registry.js';

export interface StandingSettings extends ReliableSettings {
  readonly resumeWindowMs: number;
}

export class Standing<Out extends Sendable, Owner> {
  /** The session; undefined while there is none. */
  course: ReliableSession<Out> | undefined;
  /** What its client comes back with. */
  ticket: Ticket | undefined;
  /** What a session that is over has left: messages that had arrived and were not delivered, the next of them last. */
  leftover: { readonly session: unknown; readonly messages: DecodedMessage[] } | undefined;
  readonly #settings: StandingSettings;
  readonly #output: SessionOutput<Out>;
  readonly #sessions: Sessions<Owner>;
  readonly #shown: (message: UnknownMessage) => unknown;
  #resumableMs = 0;
  /** Whether it was given to a client, and not taken from a server. */
  #given = false;
  #mayReturn = true;
  #base = 0;
  #instance: Buffer | undefined;
  /** How often this client has tried to come back; of a server's session, the last attempt that it has seen. */
  #attempt = 0;

  /** @param shown a message as the application knows it; undefined for what is none */
  constructor(
    settings: StandingSettings,
    output: SessionOutput<Out>,
    sessions: Sessions<Owner>,
    shown: (message: UnknownMessage) => unknown,
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
    const limit = this.course?.receiver.takeAck().limit ?? firstLimit(window);
    const encrypted = this.#output.seat.encrypted === true;
    return { instance: this.#instance, maxMessageBytes, pingIntervalMs: Math.ceil(pingIntervalMs), limit, encrypted };
  }

  /** At the server: a new session. */
  give(owner: Owner, hello: Hello): Ticket {
    const ticket = newTicket((count) => this.#output.randomBytes(count));
    this.#begin(ticket);
    this.#given = true;
    this.#resumableMs = Math.min(this.#settings.resumeWindowMs, hello.resumableMs);
    this.#sessions.add(ticket.id, owner);
    return ticket;
  }

  /** At the client: the session that the server gave. */
  take(session: NewSession): void {
    this.#begin(ticketOf(session));
    this.#resumableMs = this.#settings.resumeWindowMs;
    this.#attempt = 0;
  }

  /** At the client: asks to go on. */
  get resumption(): Resumption | undefined {
    const { course, ticket } = this;
    if (course === undefined || ticket === undefined) return undefined;
    const attempt = ++this.#attempt;
    const { received, consumed } = course.receiver;
    return { id: ticket.id, attempt, proof: proofOf(ticket, attempt), received, consumed };
  }

  /** At the server: whether it is this session's client who asks. Each attempt counts once. */
  isResumedBy({ resume, resumableMs }: Hello): boolean {
    const { course, ticket } = this;
    if (!course || !ticket || !resume || resume.attempt <= this.#attempt || course.farewell) return false;
    if (!isProven(ticket, resume.attempt, resume.proof)) return false;
    this.#attempt = resume.attempt;
    if (!course.sender.canResume(resume.received, resume.consumed)) return false;
    this.#mayReturn = true;
    this.#resumableMs = Math.min(this.#settings.resumeWindowMs, resumableMs);
    return true;
  }

  /** The peer has told how far it got before the session was lost. */
  acknowledgeLast(received: number | undefined): void {
    const sender = this.course?.sender;
    if (received !== undefined && sender?.canResume(received, 0)) sender.resume(received, 0);
  }

  /** The session is over, and the connection may go on with another: what is not known to have arrived is told. */
  end(why: string): void {
    const messages = this.abandon();
    if (messages.length > 0) this.#output.warn(new MessagesUnknownError(why, messages));
  }

  /** The session is over. @returns the messages that the peer may not have, as the application knows them */
  abandon(): readonly unknown[] {
    const { course, ticket } = this;
    if (course === undefined || ticket === undefined) return [];
    this.course = undefined;
    this.#base = course.receiver.nextBase;
    const left = [...(this.leftover?.messages.reverse() ?? []), ...course.receiver.drain()];
    if (left.length > 0) this.leftover = { session: course, messages: left.reverse() };
    this.#sessions.end(ticket.id, course.receiver.received);
    const { unknown, unarrived, unconsumed } = course.sender.abandon();
    const text = 'the session ended before the message was acknowledged: it may or may not have arrived';
    for (const message of unarrived) this.#output.rejected(message, new ConnectionLostError(text));
    const late = 'the session ended before it was known whether the message, which arrived, was taken';
    for (const message of unconsumed) this.#output.rejected(message, new ConnectionLostError(late));
    return unknown.map((message) => this.#shown(message)).filter((message) => message !== undefined);
  }

  /** Both ends know where they are. */
  linkUp(peer: Terms, nowMs: number): void {
    const isChecked = !(peer.encrypted && this.#output.seat.encrypted === true);
    this.course?.up(peer, isChecked, nowMs);
  }

  #begin(ticket: Ticket): void {
    this.#mayReturn = true;
    this.ticket = ticket;
    const frames = sessionFrames(this.#settings.maxMessageBytes);
    this.course = new ReliableSession(this.#settings, this.#output, frames, this.#base);
  }
}
