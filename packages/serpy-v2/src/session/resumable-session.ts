/** The session of a handshake as core uses it, with a link or without one. */
import type { PeerClose, ResumableSession } from 'serpy-core';
import type { Delivered } from '../reliable/receiver.js';
import type { ReliableSession } from '../reliable/reliable-session.js';
import type { Sendable } from '../reliable/sender.js';
import type { ResumeCredentials } from './resume-credentials.js';
import type { SessionManager } from './session-manager.js';

/** The state of the handshake on the current link. */
export interface HandshakeStatus {
  /** Whether messages are numbered: the session exists and is on this link. */
  readonly established: boolean;
  /** Whether the server has sent WELCOME and the client has not confirmed it: until then the server sends nothing more. */
  readonly welcomeSent: boolean;
  readonly pendingTakeover: boolean;
  /** Whether the current link has no session. */
  readonly isPlain: boolean;
  /** Whether the peer has this session, or has been asked to resume it and has not shown that it cannot. */
  readonly flowControlled: boolean;
}

/** A received message. A message of a session has the offset of its end. */
interface Received {
  readonly sizeBytes: number;
  end?: number;
  readonly part?: unknown;
}

function isNumbered(received: Received): received is Received & { end: number } {
  return received.end !== undefined && received.end > 0;
}

export class ResumableAdapter<Out extends Sendable, Owner> implements ResumableSession {
  readonly #status: HandshakeStatus;
  readonly #manager: SessionManager<Out, Owner>;

  constructor(status: HandshakeStatus, manager: SessionManager<Out, Owner>) {
    this.#status = status;
    this.#manager = manager;
  }

  get epoch(): unknown {
    const { leftover, session: reliableSession } = this.#manager;
    return leftover === undefined ? reliableSession : leftover.session;
  }

  /** The ID and secret with which the client resumes the session; those of the last session if there is none now. */
  get credentials(): ResumeCredentials | undefined {
    return this.#manager.credentials;
  }

  /** The session itself, read-only: tests check its invariants. */
  get session(): ReliableSession<Out> | undefined {
    return this.#manager.session;
  }

  get hasPendingFrames(): boolean {
    return this.#status.established && (this.#manager.session?.sender.hasPending ?? false);
  }

  writeNext(): void {
    this.#manager.session?.sender.writeNext();
  }

  get allAcknowledged(): boolean {
    return !this.#status.welcomeSent && (this.#manager.session?.sender.allAcknowledged ?? true);
  }

  get progressCount(): number {
    const { session } = this.#manager;
    return session === undefined ? 0 : session.sender.acked + session.receiver.received;
  }

  get flowControlled(): boolean {
    return this.#status.flowControlled;
  }

  consumed(received: Received, earlierWait = false): boolean {
    const { session } = this.#manager;
    if (session === undefined || !isNumbered(received)) return true;
    // The parts of a stream are consumed in an order of their own.
    return session.consumed(received, earlierWait || received.part !== undefined);
  }

  discarded(received: Received, kept: Received | undefined): void {
    if (isNumbered(received)) this.#manager.session?.receiver.discardedNewest(received, kept as Delivered | undefined);
  }

  get readable(): boolean {
    const { session, leftover } = this.#manager;
    return leftover !== undefined || (session?.receiver.readable ?? false);
  }

  get resumableMs(): number {
    const { session, resumableMs } = this.#manager;
    return session === undefined || session.peerClose ? 0 : resumableMs;
  }

  get peerName(): string | undefined {
    return this.#status.isPlain ? undefined : this.#manager.peerName;
  }

  get peerClose(): PeerClose | undefined {
    return this.#manager.session?.peerClose;
  }

  /** Acknowledges what was received, because no later ACK can. Writes the close frame only if every message that was started is written completely. */
  writeClose(reason: string): void {
    const { session } = this.#manager;
    if (!this.#status.established || session === undefined) return;
    session.flush();
    if (session.receiver.ackDue) session.writeAck();
    if (session.sender.isAllSent) session.writeClose(reason);
  }

  get pendingTakeover(): boolean {
    return this.#status.pendingTakeover;
  }

  abort(): readonly unknown[] {
    return this.#manager.abort();
  }
}
