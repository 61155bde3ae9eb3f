/** What core can do with a session after a handshake, whether there is a link or not. */
import type { PeerClose, ResumableSession } from 'serpy-core';
import type { ReliableSession } from '../reliable/reliable-session.js';
import type { Sendable } from '../reliable/sender.js';
import type { ResumeCredentials } from './resume-credentials.js';
import type { SessionManager } from './session-manager.js';

/** How far the handshake is on the link that there is. */
export interface HandshakeStatus {
  /** Whether messages are numbered now. */
  readonly established: boolean;
  /** Whether the client has been answered, and has not said a word since: until then it may hear nothing more. */
  readonly welcomeSent: boolean;
  readonly pendingTakeover: boolean;
  /** Whether the peer has a session with us, or is asked to go on with one and has not shown that it does not. */
  readonly flowControlled: boolean;
}

/** A message of a session has the offset of its end. */
interface Taken {
  readonly sizeBytes: number;
  end?: number;
  readonly part?: unknown;
}

function isNumbered(received: Taken): received is Taken & { end: number } {
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

  /** What the session's client comes back with; of the last session, where there is none. */
  get credentials(): ResumeCredentials | undefined {
    return this.#manager.credentials;
  }

  /** The session itself, to be looked at and left alone: tests hold it against its rules. */
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

  consumed(received: Taken): boolean {
    const { session } = this.#manager;
    if (session === undefined || !isNumbered(received)) return true;
    // The parts of a stream are taken in an order of their own.
    return session.consumed(received, received.part !== undefined);
  }

  discarded(received: Taken): void {
    if (isNumbered(received)) this.#manager.session?.receiver.discardedNewest(received);
  }

  get readable(): boolean {
    const { session, leftover } = this.#manager;
    return leftover !== undefined || (session?.receiver.readable ?? false);
  }

  get resumableMs(): number {
    const { session, resumableMs } = this.#manager;
    return session === undefined || session.peerClose ? 0 : resumableMs;
  }

  get peerClose(): PeerClose | undefined {
    return this.#manager.session?.peerClose;
  }

  /** What has come is acknowledged: the peer would not know otherwise. The goodbye only when all that was begun is on the wire: before that it would be a lie. */
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
