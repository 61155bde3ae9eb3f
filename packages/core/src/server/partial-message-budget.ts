/** What the peers of one server have begun to send and not finished: how much memory it takes in all, and who gives way when that is too much. */

export class UnfinishedMessages<H extends object> {
  readonly #limitBytes: number;
  readonly #sourceOf: (holder: H) => string;
  readonly #held = new Map<H, number>();
  readonly #refused = new WeakSet<H>();
  #bytes = 0;

  /** @param sourceOf where a holder comes from: those that come from one place count together */
  constructor(limitBytes: number, sourceOf: (holder: H) => string) {
    this.#limitBytes = limitBytes;
    this.#sourceOf = sourceOf;
  }

  /** How much it takes now. */
  get bytes(): number {
    return this.#bytes;
  }

  /** A holder has so much now. Who was told to give way counts no more. */
  note(holder: H, bytes: number): void {
    if (this.#refused.has(holder)) return;
    this.#bytes += bytes - (this.#held.get(holder) ?? 0);
    if (bytes > 0) this.#held.set(holder, bytes);
    else this.#held.delete(holder);
  }

  /**
   * Who gives way; undefined while it is not too much. Not who asks last, as that may be anybody: of the source that has most, the one with
   * most. So who fills the memory loses it, and a neighbour with little does not notice.
   */
  takeExcess(): H | undefined {
    if (this.#bytes <= this.#limitBytes) return undefined;
    const sums = new Map<string, number>();
    for (const [holder, bytes] of this.#held) {
      const source = this.#sourceOf(holder);
      sums.set(source, (sums.get(source) ?? 0) + bytes);
    }
    const worst = largest(sums);
    const holders = [...this.#held].filter(([holder]) => this.#sourceOf(holder) === worst);
    const holder = largest(holders) as H;
    this.note(holder, 0);
    this.#refused.add(holder);
    return holder;
  }
}

/** Whose number is the largest. */
function largest<K>(entries: Iterable<readonly [K, number]>): K | undefined {
  let found: K | undefined;
  let most = Number.NEGATIVE_INFINITY;
  for (const [key, number] of entries) {
    if (number <= most) continue;
    found = key;
    most = number;
  }
  return found;
}
