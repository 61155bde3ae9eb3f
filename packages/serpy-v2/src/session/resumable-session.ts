/** What core can do with a session after a handshake, whether there is a link or not. */
import type { Farewell, LastingSession } from 'serpy-core';
import type { ReliableSession } from '../reliable/reliable-session.js';
import type { Sendable } from '../reliable/sender.js';
import type { Ticket } from './resume-credentials.js';
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

/** A message of a session has the offset of its end. */
interface Taken {
  readonly sizeBytes: number;
  end?: number;
  readonly part?: unknown;
}

function isNumbered(received: Taken): received is Taken & { end: number } {
  return received.end !== undefined && received.end > 0;
}

export class Lasting<Out extends Sendable, Owner> implements LastingSession {
  readonly #status: LinkStatus;
  readonly #standing: Standing<Out, Owner>;

  constructor(status: LinkStatus, standing: Standing<Out, Owner>) {
    this.#status = status;
    this.#standing = standing;
  }

  get session(): unknown {
    const { leftover, course } = this.#standing;
    return leftover === undefined ? course : leftover.session;
  }

  /** What the session's client comes back with; of the last session, where there is none. */
  get ticket(): Ticket | undefined {
    return this.#standing.ticket;
  }

  /** The session itself, to be looked at and left alone: tests hold it against its rules. */
  get course(): ReliableSession<Out> | undefined {
    return this.#standing.course;
  }

  get unfinished(): boolean {
    return this.#status.on && (this.#standing.course?.sender.unfinished ?? false);
  }

  proceed(): void {
    this.#standing.course?.sender.proceed();
  }

  get settled(): boolean {
    return !this.#status.answered && (this.#standing.course?.sender.settled ?? true);
  }

  get advanced(): number {
    const { course } = this.#standing;
    return course === undefined ? 0 : course.sender.acked + course.receiver.received;
  }

  get flowControlled(): boolean {
    return this.#status.flowControlled;
  }

  taken(received: Taken): boolean {
    const { course } = this.#standing;
    if (course === undefined || !isNumbered(received)) return true;
    // The parts of a stream are taken in an order of their own.
    return course.consumed(received, received.part !== undefined);
  }

  dropped(received: Taken): void {
    if (isNumbered(received)) this.#standing.course?.receiver.droppedNewest(received);
  }

  get readable(): boolean {
    const { course, leftover } = this.#standing;
    return leftover !== undefined || (course?.receiver.readable ?? false);
  }

  get resumableMs(): number {
    const { course, resumableMs } = this.#standing;
    return course === undefined || course.farewell ? 0 : resumableMs;
  }

  get farewell(): Farewell | undefined {
    return this.#standing.course?.farewell;
  }

  /** What has come is acknowledged: the peer would not know otherwise. The goodbye only when all that was begun is on the wire: before that it would be a lie. */
  goodbye(reason: string): void {
    const { course } = this.#standing;
    if (!this.#status.on || course === undefined) return;
    course.flush();
    if (course.receiver.due) course.writeAck();
    if (course.sender.isAllSent) course.writeClose(reason);
  }

  get undecided(): boolean {
    return this.#status.undecided;
  }

  abandon(): readonly unknown[] {
    return this.#standing.abandon();
  }
}
