/** The sessions of one server, by their ids, and what is still known of those that are over. */

/** So many are remembered that are over. */
const maxRemembered = 1024;

export class SessionRegistry<S> {
  readonly #live = new Map<string, S>();
  /** The number of the next piece that each expected when it ended. */
  readonly #ended = new Map<string, number>();

  /** Whether there is any that a client could come back to. */
  get isResumable(): boolean {
    return this.#live.size > 0;
  }

  add(id: Buffer, session: S): void {
    this.#live.set(key(id), session);
  }

  find(id: Buffer): S | undefined {
    return this.#live.get(key(id));
  }

  /** A session is over; it had got all pieces before `next`. */
  end(id: Buffer, next: number): void {
    if (!this.#live.delete(key(id))) return;
    this.#ended.set(key(id), next);
    if (this.#ended.size > maxRemembered) this.#ended.delete(this.#ended.keys().next().value as string);
  }

  /** How far a session was that is over. */
  lastExpected(id: Buffer): number | undefined {
    return this.#ended.get(key(id));
  }
}

function key(id: Buffer): string {
  return id.toString('latin1');
}
