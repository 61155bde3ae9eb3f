/** What core can do with a session after a handshake, whether there is a link or not. */
import type { PeerClose, ResumableSession } from 'serpy-core';
import type { ReliableSession } from './reliable-session.js';
import type { Segmentable } from './sender.js';
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

export class ResumableAdapter<Out extends Segmentable, Owner> implements ResumableSession {
  readonly #status: HandshakeStatus;
  readonly #manager: SessionManager<Out, Owner>;

  constructor(status: HandshakeStatus, manager: SessionManager<Out, Owner>) {
    this.#status = status;
    this.#manager = manager;
  }

  get epoch(): unknown {
    return this.#manager.session;
  }

  /** The session itself, to be looked at and left alone: tests hold it against its rules. */
  get reliableSession(): ReliableSession<Out> | undefined {
    return this.#manager.session;
  }

  get hasPendingFrames(): boolean {
    return this.#status.established && (this.#manager.session?.hasPending ?? false);
  }

  writeNext(): void {
    this.#manager.session?.writeNext();
  }

  get allAcknowledged(): boolean {
    return !this.#status.welcomeSent && (this.#manager.session?.sender.allAcknowledged ?? true);
  }

  get progressCount(): number {
    const { session } = this.#manager;
    return session === undefined ? 0 : session.sender.acknowledgedSegments + session.receiver.receivedSegments;
  }

  get flowControlled(): boolean {
    return this.#status.flowControlled;
  }

  consumed(received: { readonly sizeBytes: number; readonly end?: number; readonly part?: unknown }): void {
    const { end = 0, sizeBytes, part } = received;
    // The parts of a stream are taken in an order of their own.
    if (part) this.#manager.session?.receiver.streamConsumed(end, sizeBytes);
    else if (end > 0) this.#manager.session?.receiver.consumedUpTo(end, sizeBytes);
  }

  discarded(received: { readonly sizeBytes: number; readonly end?: number }): void {
    const { end = 0, sizeBytes } = received;
    if (end > 0) this.#manager.session?.receiver.discardedLast(end, sizeBytes);
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
    if (session.receiver.ackDue || session.receiver.ackNow) session.writeState();
    if (!session.sender.hasPending && !session.sender.midMessage) session.writeClose(reason);
  }

  get pendingTakeover(): boolean {
    return this.#status.pendingTakeover;
  }

  abort(): readonly unknown[] {
    return this.#manager.abort();
  }
}
