/** Those who wait in a line that any of them may leave, each in constant time. They are its list themselves. */

/** Who waits, and who before and after. */
export interface InLine<T> {
  previous: T | undefined;
  next: T | undefined;
}

export class WaitingLine<T extends InLine<T>> {
  #first: T | undefined;
  #last: T | undefined;

  get first(): T | undefined {
    return this.#first;
  }

  join(who: T): void {
    who.previous = this.#last;
    if (this.#last) this.#last.next = who;
    else this.#first = who;
    this.#last = who;
  }

  leave(who: T): void {
    const { previous, next } = who;
    if (previous) previous.next = next;
    else this.#first = next;
    if (next) next.previous = previous;
    else this.#last = previous;
    who.previous = undefined;
    who.next = undefined;
  }

  /** All of them, in order; the line is empty then. */
  takeAll(): T[] {
    const all: T[] = [];
    for (let who = this.#first; who !== undefined; who = this.#first) {
      this.leave(who);
      all.push(who);
    }
    return all;
  }
}
