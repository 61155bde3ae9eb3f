/** Open requests by their numbers. The entries hold the links of a hash table: with a `Map` and its garbage, requests took half more CPU time. */

/**
 * Numbers count up, so that requests spread evenly. A peer can choose numbers of one bucket for all of its requests, of which it may have 4,096:
 * finding one then takes some 10 µs, and a peer that needs more time is read in small parts.
 */
const buckets = 64;

/** An entry, with the next one whose number has the same remainder. */
export interface TableEntry<T> {
  readonly id: number;
  nextInBucket: T | undefined;
}

export class RequestTable<T extends TableEntry<T>> {
  readonly #buckets: (T | undefined)[] = new Array(buckets).fill(undefined);
  #size = 0;

  get size(): number {
    return this.#size;
  }

  get(id: number): T | undefined {
    let entry = this.#buckets[id % buckets];
    while (entry !== undefined && entry.id !== id) entry = entry.nextInBucket;
    return entry;
  }

  /** Adds an entry, whose number no other has. */
  add(entry: T): void {
    const bucket = entry.id % buckets;
    entry.nextInBucket = this.#buckets[bucket];
    this.#buckets[bucket] = entry;
    this.#size++;
  }

  /** Removes an entry if it is in the table. @returns whether it was */
  remove(entry: T): boolean {
    const bucket = entry.id % buckets;
    let previous: T | undefined;
    let each = this.#buckets[bucket];
    while (each !== undefined && each !== entry) {
      previous = each;
      each = each.nextInBucket;
    }
    if (each === undefined) return false;
    if (previous === undefined) this.#buckets[bucket] = entry.nextInBucket;
    else previous.nextInBucket = entry.nextInBucket;
    entry.nextInBucket = undefined;
    this.#size--;
    return true;
  }

  /** All entries, in the order of their numbers. */
  all(): T[] {
    const all: T[] = [];
    for (const first of this.#buckets) {
      for (let entry = first; entry !== undefined; entry = entry.nextInBucket) all.push(entry);
    }
    return all.sort((a, b) => a.id - b.id);
  }
}
