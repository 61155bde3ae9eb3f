/** The sessions of one server by their IDs, and the final positions of the last ended ones. */

/** The number of ended sessions that are remembered. */
const maxRemembered = 1024;

export class SessionRegistry<S> {
  readonly #live = new Map<string, S>();
  /** The offset of the next byte that each session expected when it ended. */
  readonly #ended = new Map<string, number>();

  /** Whether there is a session that a client could resume. */
  get isResumable(): boolean {
    return this.#live.size > 0;
  }

  add(id: Buffer, session: S): void {
    this.#live.set(key(id), session);
  }

  find(id: Buffer): S | undefined {
    return this.#live.get(key(id));
  }

  /** Removes an ended session, which had received every byte before `next`. */
  end(id: Buffer, next: number): void {
    if (!this.#live.delete(key(id))) return;
    this.#ended.set(key(id), next);
    if (this.#ended.size > maxRemembered) this.#ended.delete(this.#ended.keys().next().value as string);
  }

  /** The offset of the next byte that an ended session expected, if it is still remembered. */
  lastExpected(id: Buffer): number | undefined {
    return this.#ended.get(key(id));
  }
}

function key(id: Buffer): string {
  return id.toString('latin1');
}
