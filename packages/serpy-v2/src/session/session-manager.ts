/** A session as it stands between links: who gave it, how it is gone on with, and what is told when it ends. */
import { ConnectionLostError, DeliveryUnknownError, type SessionHost } from 'serpy-core';
import type { BatchedMessage } from './frames/batch.js';
import { ReliableSession, type ReliableSessionSettings } from './reliable-session.js';
import {
  createCredentials,
  credentialsOf,
  type ResumeCredentials,
  resumeProof,
  verifyResumeProof,
} from './resume-credentials.js';
import type { Segmentable } from './sender.js';
import {
  type Hello,
  idBytes,
  type ResumeRequest,
  type SessionGrant,
  type SessionParameters,
} from './session-parameters.js';
import type { SessionRegistry } from './session-registry.js';

export interface SessionManagerSettings extends ReliableSessionSettings {
  readonly resumeWindowMs: number;
}

export class SessionManager<Out extends Segmentable, Owner> {
  /** The session; undefined while there is none. */
  session: ReliableSession<Out> | undefined;
  readonly #settings: SessionManagerSettings;
  readonly #output: SessionHost<Out>;
  readonly #sessions: SessionRegistry<Owner>;
  readonly #toValue: (message: BatchedMessage) => unknown;
  #resumableMs = 0;
  /** Whether it was given to a client, and not taken from a server. */
  #isIssuer = false;
  #mayResume = true;
  #numberOffset = 0;
  #instance: Buffer | undefined;
  /** How often this client has tried to come back; of a server's session, the last attempt that it has seen. */
  #attempt = 0;

  /** @param toValue a message as the application knows it; undefined for what is none */
  constructor(
    settings: SessionManagerSettings,
    output: SessionHost<Out>,
    sessions: SessionRegistry<Owner>,
    toValue: (message: BatchedMessage) => unknown,
  ) {
    this.#settings = settings;
    this.#output = output;
    this.#sessions = sessions;
    this.#toValue = toValue;
  }

  /** How long the peer may be away, in milliseconds. A client may have said otherwise since its HELLO. */
  get resumableMs(): number {
    if (!this.#mayResume) return 0;
    const stated = this.#isIssuer ? this.session?.peerResumeMs : undefined;
    return stated === undefined ? this.#resumableMs : Math.min(this.#settings.resumeWindowMs, stated);
  }

  /** The session ends with its link. */
  forbidResume(): void {
    this.#mayResume = false;
  }

  /** What this end says of itself. */
  get parameters(): SessionParameters {
    this.#instance ??= this.#output.randomBytes(idBytes);
    const { maxMessageBytes, pingIntervalMs, window } = this.#settings;
    const limits = this.session?.receiver.limits ?? { messages: window.maxMessages, bytes: window.maxBytes };
    return { instance: this.#instance, maxMessageBytes, pingIntervalMs: Math.ceil(pingIntervalMs), limits };
  }

  /** At the server: a new session, after so many plain messages. */
  issue(owner: Owner, hello: Hello, plainMessages: number): ReliableSession<Out> {
    const session = this.#start(createCredentials((count) => this.#output.randomBytes(count)));
    session.sender.begin(plainMessages);
    this.#isIssuer = true;
    this.#resumableMs = Math.min(this.#settings.resumeWindowMs, hello.resumableMs);
    this.#sessions.add(session.credentials.id, owner);
    return session;
  }

  /** At the client: the session that the server gave. */
  adopt(grant: SessionGrant): ReliableSession<Out> {
    const session = this.#start(credentialsOf(grant));
    session.receiver.begin(grant.plainMessages);
    this.#resumableMs = this.#settings.resumeWindowMs;
    this.#attempt = 0;
    return session;
  }

  /** At the client: asks to go on. */
  nextResumeRequest(): ResumeRequest | undefined {
    if (this.session === undefined) return undefined;
    const { credentials, receiver } = this.session;
    const attempt = ++this.#attempt;
    return {
      id: credentials.id,
      attempt,
      proof: resumeProof(credentials, attempt),
      next: receiver.next,
      consumed: receiver.consumed,
    };
  }

  /** At the server: whether it is this session's client who asks. Each attempt counts once. */
  matchesResume({ resume, resumableMs }: Hello): boolean {
    const { session } = this;
    if (!session || !resume || resume.attempt <= this.#attempt || session.peerClose) return false;
    if (!verifyResumeProof(session.credentials, resume.attempt, resume.proof)) return false;
    this.#attempt = resume.attempt;
    if (!session.sender.isValidAck(resume.next, resume.consumed)) return false;
    this.#mayResume = true;
    this.#resumableMs = Math.min(this.#settings.resumeWindowMs, resumableMs);
    return true;
  }

  /** The peer has told how far it got before the session was lost. */
  acknowledgeLast(next: number | undefined): void {
    const sender = this.session?.sender;
    if (sender && next !== undefined && next <= sender.next) sender.acknowledged(next, 0);
  }

  /** The session is over, and the connection may go on with another: what is not known to have arrived is told. */
  end(why: string): void {
    const messages = this.abort();
    if (messages.length > 0) this.#output.warn(new DeliveryUnknownError(why, messages));
  }

  /** The session is over. @returns the messages that the peer may not have, as the application knows them */
  abort(): readonly unknown[] {
    const { session } = this;
    if (session === undefined) return [];
    this.session = undefined;
    this.#numberOffset = session.receiver.numberOffset;
    this.#sessions.end(session.credentials.id, session.receiver.next);
    const { unknown, awaited, untaken } = session.sender.abort();
    const text = 'the session ended before the message was acknowledged: it may or may not have arrived';
    for (const message of awaited) this.#output.rejected(message, new ConnectionLostError(text));
    const late = 'the session ended before it was known whether the message, which arrived, was taken';
    for (const message of untaken) this.#output.rejected(message, new ConnectionLostError(late));
    return unknown.map((message) => this.#toValue(message)).filter((message) => message !== undefined);
  }

  #start(credentials: ResumeCredentials): ReliableSession<Out> {
    this.#mayResume = true;
    this.session = new ReliableSession(credentials, this.#settings, this.#output, this.#numberOffset);
    return this.session;
  }
}
