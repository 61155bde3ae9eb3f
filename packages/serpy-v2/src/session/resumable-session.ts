/** What core can do with a session after a handshake, whether there is a link or not. */
import type { PeerClose, ResumableSession } from 'serpy-core';
import type { Course } from './reliable-session.js';
import type { Cuttable } from './sender.js';
import type { Standing } from './session-manager.js';

/** How far the handshake is on the link that there is. */
export interface LinkStatus {
  /** Whether messages are numbered now. */
  readonly on: boolean;
  /** Whether the client has been answered, and has not said a word since: until then it may hear nothing more. */
  readonly answered: boolean;
  readonly undecided: boolean;
  /** Whether the peer has a session with us, or is asked to go on with one and has not shown that it does not. */
  readonly flowControlled: boolean;
}

export class Lasting<Out extends Cuttable, Owner> implements ResumableSession {
  readonly #status: LinkStatus;
  readonly #standing: Standing<Out, Owner>;

  constructor(status: LinkStatus, standing: Standing<Out, Owner>) {
    this.#status = status;
    this.#standing = standing;
  }

  get epoch(): unknown {
    return this.#standing.course;
  }

  /** The session itself, to be looked at and left alone: tests hold it against its rules. */
  get course(): Course<Out> | undefined {
    return this.#standing.course;
  }

  get hasPendingFrames(): boolean {
    return this.#status.on && (this.#standing.course?.unfinished ?? false);
  }

  writeNext(): void {
    this.#standing.course?.proceed();
  }

  get allAcknowledged(): boolean {
    return !this.#status.answered && (this.#standing.course?.outflow.settled ?? true);
  }

  get progressCount(): number {
    const { course } = this.#standing;
    return course === undefined ? 0 : course.outflow.arrived + course.inflow.arrived;
  }

  get flowControlled(): boolean {
    return this.#status.flowControlled;
  }

  consumed(received: { readonly sizeBytes: number; readonly end?: number; readonly part?: unknown }): void {
    const { end = 0, sizeBytes, part } = received;
    // The parts of a stream are taken in an order of their own.
    if (part) this.#standing.course?.inflow.partTaken(end, sizeBytes);
    else if (end > 0) this.#standing.course?.inflow.takenUpTo(end, sizeBytes);
  }

  discarded(received: { readonly sizeBytes: number; readonly end?: number }): void {
    const { end = 0, sizeBytes } = received;
    if (end > 0) this.#standing.course?.inflow.droppedLast(end, sizeBytes);
  }

  get resumableMs(): number {
    const { course, resumableMs } = this.#standing;
    return course === undefined || course.farewell ? 0 : resumableMs;
  }

  get peerClose(): PeerClose | undefined {
    return this.#standing.course?.farewell;
  }

  /** What has come is acknowledged: the peer would not know otherwise. The goodbye only when all that was begun is on the wire: before that it would be a lie. */
  writeClose(reason: string): void {
    const { course } = this.#standing;
    if (!this.#status.on || course === undefined) return;
    if (course.inflow.due || course.inflow.urgent) course.writeState();
    if (!course.outflow.unfinished && !course.outflow.inMessage) course.writeClose(reason);
  }

  get pendingTakeover(): boolean {
    return this.#status.undecided;
  }

  abort(): readonly unknown[] {
    return this.#standing.abandon();
  }
}
