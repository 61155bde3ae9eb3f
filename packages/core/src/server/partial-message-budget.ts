/** What the peers of one server have begun to send and not finished: how much memory it takes in all, and who gives way when that is too much. */

export class PartialMessageBudget<Holder extends object> {
  readonly #limitBytes: number;
  readonly #groupOf: (holder: Holder) => string;
  readonly #bytesByHolder = new Map<Holder, number>();
  readonly #evicted = new WeakSet<Holder>();
  #bytes = 0;

  /** @param sourceOf where a holder comes from: those that come from one place count together */
  constructor(limitBytes: number, sourceOf: (holder: Holder) => string) {
    this.#limitBytes = limitBytes;
    this.#groupOf = sourceOf;
  }

  /** How much it takes now. */
  get bytes(): number {
    return this.#bytes;
  }

  /** A holder has so much now. Who was told to give way counts no more. */
  set(holder: Holder, bytes: number): void {
    if (this.#evicted.has(holder)) return;
    this.#bytes += bytes - (this.#bytesByHolder.get(holder) ?? 0);
    if (bytes > 0) this.#bytesByHolder.set(holder, bytes);
    else this.#bytesByHolder.delete(holder);
  }

  /**
   * Who gives way; undefined while it is not too much. Not who asks last, as that may be anybody: of the source that has most, the one with
   * most. So who fills the memory loses it, and a neighbour with little does not notice.
   */
  evictLargest(): Holder | undefined {
    if (this.#bytes <= this.#limitBytes) return undefined;
    const sums = new Map<string, number>();
    for (const [holder, bytes] of this.#bytesByHolder) {
      const source = this.#groupOf(holder);
      sums.set(source, (sums.get(source) ?? 0) + bytes);
    }
    const worst = largest(sums);
    const holders = [...this.#bytesByHolder].filter(([holder]) => this.#groupOf(holder) === worst);
    const holder = largest(holders) as Holder;
    this.set(holder, 0);
    this.#evicted.add(holder);
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
