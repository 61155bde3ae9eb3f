/** The sessions of one server, by their ids, and what is still known of those that are over. */

/** So many are remembered that are over. */
const mostRemembered = 1024;

export class Sessions<S> {
  readonly #live = new Map<string, S>();
  /** The number of the next piece that each expected when it ended. */
  readonly #over = new Map<string, number>();

  /** Whether there is any that a client could come back to. */
  get any(): boolean {
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
    this.#over.set(key(id), next);
    if (this.#over.size > mostRemembered) this.#over.delete(this.#over.keys().next().value as string);
  }

  /** How far a session was that is over. */
  lastKnown(id: Buffer): number | undefined {
    return this.#over.get(key(id));
  }
}

function key(id: Buffer): string {
  return id.toString('latin1');
}
