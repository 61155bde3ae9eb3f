/** The memory for partially received messages of one server, and the choice of the connection that is closed above the limit. */

export class PartialMessageBudget<Holder extends object> {
  readonly #limitBytes: number;
  readonly #groupOf: (holder: Holder) => string;
  readonly #bytesByHolder = new Map<Holder, number>();
  readonly #evicted = new WeakSet<Holder>();
  #bytes = 0;

  /** @param groupOf the address group of a holder: the holders of a group count together */
  constructor(limitBytes: number, groupOf: (holder: Holder) => string) {
    this.#limitBytes = limitBytes;
    this.#groupOf = groupOf;
  }

  /** The current total. */
  get bytes(): number {
    return this.#bytes;
  }

  /** Sets the bytes of a holder. Ignored for an evicted one. */
  set(holder: Holder, bytes: number): void {
    if (this.#evicted.has(holder)) return;
    this.#bytes += bytes - (this.#bytesByHolder.get(holder) ?? 0);
    if (bytes > 0) this.#bytesByHolder.set(holder, bytes);
    else this.#bytesByHolder.delete(holder);
  }

  /**
   * Removes and returns the holder to evict; undefined below the limit. Evicts the largest holder of the largest group, not the latest: so the
   * client that fills the memory loses it, and clients with little are not affected.
   */
  evictLargest(): Holder | undefined {
    if (this.#bytes <= this.#limitBytes) return undefined;
    const sums = new Map<string, number>();
    for (const [holder, bytes] of this.#bytesByHolder) {
      const group = this.#groupOf(holder);
      sums.set(group, (sums.get(group) ?? 0) + bytes);
    }
    const largestGroup = largest(sums);
    const holders = [...this.#bytesByHolder].filter(([holder]) => this.#groupOf(holder) === largestGroup);
    const holder = largest(holders) as Holder;
    this.set(holder, 0);
    this.#evicted.add(holder);
    return holder;
  }
}

/** The key with the largest number. */
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
