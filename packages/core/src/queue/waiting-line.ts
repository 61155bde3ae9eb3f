/** A linked list of waiting entries. Each operation on one entry takes constant time, as the entries hold the links. */

/** An entry, with those before and after it. */
export interface QueueEntry<T> {
  previous: T | undefined;
  next: T | undefined;
}

export class WaitingLine<T extends QueueEntry<T>> {
  #first: T | undefined;
  #last: T | undefined;

  get first(): T | undefined {
    return this.#first;
  }

  join(entry: T): void {
    entry.previous = this.#last;
    if (this.#last) this.#last.next = entry;
    else this.#first = entry;
    this.#last = entry;
  }

  /** Goes before all others. */
  joinFirst(entry: T): void {
    entry.next = this.#first;
    if (this.#first) this.#first.previous = entry;
    else this.#last = entry;
    this.#first = entry;
  }

  leave(entry: T): void {
    const { previous, next } = entry;
    if (previous) previous.next = next;
    else this.#first = next;
    if (next) next.previous = previous;
    else this.#last = previous;
    entry.previous = undefined;
    entry.next = undefined;
  }

  *[Symbol.iterator](): IterableIterator<T> {
    for (let entry = this.#first; entry !== undefined; entry = entry.next) yield entry;
  }

  /** Removes and returns all entries, in order. */
  takeAll(): T[] {
    const all: T[] = [];
    for (let entry = this.#first; entry !== undefined; entry = this.#first) {
      this.leave(entry);
      all.push(entry);
    }
    return all;
  }
}
