/** The session of a connection across links: its start, its resumption, and the messages it reports when it ends. */
import { ConnectionLostError, DeliveryUnknownError, type SessionHost } from 'serpy-core';
import { firstLimit } from '../reliable/receiver.js';
import { ReliableSession, type ReliableSettings } from '../reliable/reliable-session.js';
import type { Sendable, UnknownMessage } from '../reliable/sender.js';
import { StreamFrames } from '../reliable/session-frames.js';
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
  readonly name?: string | undefined;
}

export class SessionManager<Out extends Sendable, Owner> {
  /** The session; undefined while there is none. */
  session: ReliableSession<Out> | undefined;
  /** The ID and secret with which its client resumes it. */
  credentials: ResumeCredentials | undefined;
  /** Messages that an ended session received and did not deliver, the next one last. */
  leftover: { readonly session: unknown; readonly messages: DecodedMessage[] } | undefined;
  /** The name in the last HELLO or WELCOME of the peer. */
  peerName: string | undefined;
  readonly #settings: SessionManagerSettings;
  readonly #output: SessionHost<Out>;
  readonly #sessions: SessionRegistry<Owner>;
  readonly #toValue: (message: UnknownMessage) => unknown;
  #resumableMs = 0;
  /** Whether this end issued the session: true at the server. */
  #isIssuer = false;
  #mayResume = true;
  #base = 0;
  #instance: Buffer | undefined;
  /** At a client, the number of its attempts to resume; at a server, the last attempt that it has accepted. */
  #attempt = 0;

  /** @param toValue converts a message to the application's form; undefined for a part of a stream */
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

  /** Milliseconds for which the peer may be disconnected. A client may change the value after its HELLO. */
  get resumableMs(): number {
    if (!this.#mayResume) return 0;
    const stated = this.#isIssuer ? this.session?.peerResumeMs : undefined;
    return stated === undefined ? this.#resumableMs : Math.min(this.#settings.resumeWindowMs, stated);
  }

  /** Makes the session end with its link. */
  forbidResume(): void {
    this.#mayResume = false;
  }

  /** The parameters that this end states in HELLO or WELCOME. */
  get parameters(): SessionParameters {
    this.#instance ??= this.#output.randomBytes(idBytes);
    const { maxMessageBytes, pingIntervalMs, window, name } = this.#settings;
    const limit = this.session?.receiver.takeAck().limit ?? firstLimit(window);
    const encrypted = this.#output.linkHolder.encrypted === true;
    return {
      instance: this.#instance,
      maxMessageBytes,
      pingIntervalMs: Math.ceil(pingIntervalMs),
      limit,
      encrypted,
      readsAbout: true,
      name,
    };
  }

  /** At the server: starts a new session. Without a HELLO it is an offer, and ends with its link until the client has accepted it. */
  issue(owner: Owner, hello?: Hello): ResumeCredentials {
    const credentials = createCredentials((count) => this.#output.randomBytes(count));
    this.#start(credentials);
    this.#isIssuer = true;
    this.#resumableMs = Math.min(this.#settings.resumeWindowMs, hello?.resumableMs ?? 0);
    this.#sessions.add(credentials.id, owner);
    return credentials;
  }

  /** At the server: the client has accepted the offer. */
  accepted(hello: Hello): void {
    this.#resumableMs = Math.min(this.#settings.resumeWindowMs, hello.resumableMs);
  }

  /** At the client: starts the session that the server granted. */
  adopt(grant: SessionGrant): ReliableSession<Out> {
    this.#resumableMs = this.#settings.resumeWindowMs;
    this.#attempt = 0;
    return this.#start(credentialsOf(grant));
  }

  /** At the client: the request to resume the session. */
  nextResumeRequest(): ResumeRequest | undefined {
    const { session, credentials } = this;
    if (session === undefined || credentials === undefined) return undefined;
    const attempt = ++this.#attempt;
    const { received, consumed } = session.receiver;
    return { id: credentials.id, attempt, proof: resumeProof(credentials, attempt), received, consumed };
  }

  /** At the server: whether a request to resume comes from this session's client. Each attempt is valid once. */
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

  /** Acknowledges what the peer received before it lost the session. */
  acknowledgeLast(received: number | undefined): void {
    const sender = this.session?.sender;
    if (received !== undefined && sender?.canResume(received, 0)) sender.resume(received, 0);
  }

  /** Ends the session, after which the connection may start another. Warns of the messages that may not have arrived. */
  end(why: string): void {
    const messages = this.abort();
    if (messages.length > 0) this.#output.warn(new DeliveryUnknownError(why, messages));
  }

  /** Ends the session. @returns the messages that may not have arrived, in the application's form */
  abort(): readonly unknown[] {
    const { session, credentials } = this;
    if (session === undefined || credentials === undefined) return [];
    this.session = undefined;
    this.#base = session.receiver.nextBase;
    const left = [...(this.leftover?.messages.reverse() ?? []), ...session.receiver.drain()];
    if (left.length > 0) this.leftover = { session, messages: left.reverse() };
    this.#sessions.end(credentials.id, session.receiver.received);
    const { unknown, unarrived, unconsumed } = session.sender.abort();
    const text = 'the session ended before the message was acknowledged, so the message may or may not have arrived';
    for (const message of unarrived) this.#output.rejected(message, new ConnectionLostError(text));
    const late = 'the session ended: the message arrived, but it is unknown whether the program consumed it';
    for (const message of unconsumed) this.#output.rejected(message, new ConnectionLostError(late));
    return unknown.map((message) => this.#toValue(message)).filter((message) => message !== undefined);
  }

  /** Continues the session on a link, after both ends have exchanged their positions. */
  linkUp(peer: SessionParameters, nowMs: number): void {
    this.peerName = peer.name;
    const isChecked = !(peer.encrypted && this.#output.linkHolder.encrypted === true);
    this.session?.linkUp(peer, isChecked, nowMs);
  }

  #start(credentials: ResumeCredentials): ReliableSession<Out> {
    this.#mayResume = true;
    this.credentials = credentials;
    const frames = new StreamFrames(this.#settings.maxMessageBytes);
    this.session = new ReliableSession(this.#settings, this.#output, frames, this.#base);
    return this.session;
  }
}
