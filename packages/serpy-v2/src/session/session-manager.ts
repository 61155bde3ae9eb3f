/** A session as it stands between links: who gave it, how it is gone on with, and what is told when it ends. */
import { ConnectionLostError, DeliveryUnknownError, type SessionHost } from 'serpy-core';
import { firstLimit } from '../reliable/receiver.js';
import { ReliableSession, type ReliableSettings } from '../reliable/reliable-session.js';
import type { Sendable, UnknownMessage } from '../reliable/sender.js';
import { sessionFrames } from '../reliable/session-frames.js';
import type { DecodedMessage } from '../values/values.js';
import {
  createCredentials,
  credentialsOf,
  type ResumeCredentials,
  resumeProof,
  verifyResumeProof,
} from './resume-credentials.js';
import {
  type Hello,
  idBytes,
  type ResumeRequest,
  type SessionGrant,
  type SessionParameters,
} from './session-parameters.js';
import type { SessionRegistry } from './session-registry.js';

export interface SessionManagerSettings extends ReliableSettings {
  readonly resumeWindowMs: number;
}

export class SessionManager<Out extends Sendable, Owner> {
  /** The session; undefined while there is none. */
  session: ReliableSession<Out> | undefined;
  /** What its client comes back with. */
  credentials: ResumeCredentials | undefined;
  /** What a session that is over has left: messages that had arrived and were not delivered, the next of them last. */
  leftover: { readonly session: unknown; readonly messages: DecodedMessage[] } | undefined;
  readonly #settings: SessionManagerSettings;
  readonly #output: SessionHost<Out>;
  readonly #sessions: SessionRegistry<Owner>;
  readonly #toValue: (message: UnknownMessage) => unknown;
  #resumableMs = 0;
  /** Whether it was given to a client, and not taken from a server. */
  #isIssuer = false;
  #mayResume = true;
  #base = 0;
  #instance: Buffer | undefined;
  /** How often this client has tried to come back; of a server's session, the last attempt that it has seen. */
  #attempt = 0;

  /** @param toValue a message as the application knows it; undefined for what is none */
  constructor(
    settings: SessionManagerSettings,
    output: SessionHost<Out>,
    sessions: SessionRegistry<Owner>,
    toValue: (message: UnknownMessage) => unknown,
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
    const limit = this.session?.receiver.takeAck().limit ?? firstLimit(window);
    const encrypted = this.#output.linkHolder.encrypted === true;
    return { instance: this.#instance, maxMessageBytes, pingIntervalMs: Math.ceil(pingIntervalMs), limit, encrypted };
  }

  /** At the server: a new session. */
  issue(owner: Owner, hello: Hello): ResumeCredentials {
    const credentials = createCredentials((count) => this.#output.randomBytes(count));
    this.#start(credentials);
    this.#isIssuer = true;
    this.#resumableMs = Math.min(this.#settings.resumeWindowMs, hello.resumableMs);
    this.#sessions.add(credentials.id, owner);
    return credentials;
  }

  /** At the client: the session that the server gave. */
  adopt(grant: SessionGrant): void {
    this.#start(credentialsOf(grant));
    this.#resumableMs = this.#settings.resumeWindowMs;
    this.#attempt = 0;
  }

  /** At the client: asks to go on. */
  nextResumeRequest(): ResumeRequest | undefined {
    const { session, credentials } = this;
    if (session === undefined || credentials === undefined) return undefined;
    const attempt = ++this.#attempt;
    const { received, consumed } = session.receiver;
    return { id: credentials.id, attempt, proof: resumeProof(credentials, attempt), received, consumed };
  }

  /** At the server: whether it is this session's client who asks. Each attempt counts once. */
  matchesResume({ resume, resumableMs }: Hello): boolean {
    const { session, credentials } = this;
    if (!session || !credentials || !resume || resume.attempt <= this.#attempt || session.peerClose) return false;
    if (!verifyResumeProof(credentials, resume.attempt, resume.proof)) return false;
    this.#attempt = resume.attempt;
    if (!session.sender.canResume(resume.received, resume.consumed)) return false;
    this.#mayResume = true;
    this.#resumableMs = Math.min(this.#settings.resumeWindowMs, resumableMs);
    return true;
  }

  /** The peer has told how far it got before the session was lost. */
  acknowledgeLast(received: number | undefined): void {
    const sender = this.session?.sender;
    if (received !== undefined && sender?.canResume(received, 0)) sender.resume(received, 0);
  }

  /** The session is over, and the connection may go on with another: what is not known to have arrived is told. */
  end(why: string): void {
    const messages = this.abort();
    if (messages.length > 0) this.#output.warn(new DeliveryUnknownError(why, messages));
  }

  /** The session is over. @returns the messages that the peer may not have, as the application knows them */
  abort(): readonly unknown[] {
    const { session, credentials } = this;
    if (session === undefined || credentials === undefined) return [];
    this.session = undefined;
    this.#base = session.receiver.nextBase;
    const left = [...(this.leftover?.messages.reverse() ?? []), ...session.receiver.drain()];
    if (left.length > 0) this.leftover = { session, messages: left.reverse() };
    this.#sessions.end(credentials.id, session.receiver.received);
    const { unknown, unarrived, unconsumed } = session.sender.abort();
    const text = 'the session ended before the message was acknowledged: it may or may not have arrived';
    for (const message of unarrived) this.#output.rejected(message, new ConnectionLostError(text));
    const late = 'the session ended before it was known whether the message, which arrived, was taken';
    for (const message of unconsumed) this.#output.rejected(message, new ConnectionLostError(late));
    return unknown.map((message) => this.#toValue(message)).filter((message) => message !== undefined);
  }

  /** Both ends know where they are. */
  linkUp(peer: SessionParameters, nowMs: number): void {
    const isChecked = !(peer.encrypted && this.#output.linkHolder.encrypted === true);
    this.session?.linkUp(peer, isChecked, nowMs);
  }

  #start(credentials: ResumeCredentials): void {
    this.#mayResume = true;
    this.credentials = credentials;
    const frames = sessionFrames(this.#settings.maxMessageBytes);
    this.session = new ReliableSession(this.#settings, this.#output, frames, this.#base);
  }
}
