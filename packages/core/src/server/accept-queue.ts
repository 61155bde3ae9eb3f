/** The accepted connections that wait for `getConnection`. */
import type { Clock } from '../environment.js';
import { AsyncQueue } from '../queue/async-queue.js';

/** A connection that waits for `getConnection`. */
export interface AcceptedConnection<C> {
  readonly connection: C;
  readonly sizeBytes: 0;
}

/** What the queue needs of a connection. */
interface Acceptable {
  readonly state: string;
  isDataAvailable(): boolean;
}

export class AcceptQueue<C extends Acceptable> extends AsyncQueue<AcceptedConnection<C>> {
  readonly #maxClosed: number;

  /** @param maxClosed the number of closed connections to keep: the program may never ask for them */
  constructor(maxClosed: number, clock: Clock) {
    super({ maxMessages: Number.POSITIVE_INFINITY, maxBytes: 1 }, clock);
    this.#maxClosed = maxClosed;
  }

  /** A closed connection with unread messages stays in the queue, and may replace an older one. Without messages it is useless to the program. */
  connectionClosed(connection: C): void {
    if (!connection.isDataAvailable()) {
      this.#removeFirst((accepted) => accepted.connection === connection);
      return;
    }
    const isClosed = (accepted: AcceptedConnection<C>) => accepted.connection.state === 'closed';
    if (this.items().filter(isClosed).length > this.#maxClosed) this.#removeFirst(isClosed);
  }

  #removeFirst(which: (accepted: AcceptedConnection<C>) => boolean): void {
    const accepted = this.items().find(which);
    if (accepted) this.remove(accepted);
  }
}
