/** Messages that somebody waits for: until the peer has them, or until the application there has taken them. */

/** A message, as far as it is waited for. */
export interface Awaitable {
  readonly level: 'received' | 'processed' | undefined;
}

/** With the number after its last piece. */
interface Awaited<Out> {
  readonly message: Out;
  readonly end: number;
}

export class Awaiting<Out extends Awaitable> {
  readonly #acknowledged: (message: Out) => void;
  readonly #unarrived: Awaited<Out>[] = [];
  /** Messages that have arrived, and wait to be taken. */
  readonly #untaken: Awaited<Out>[] = [];

  constructor(acknowledged: (message: Out) => void) {
    this.#acknowledged = acknowledged;
  }

  get settled(): boolean {
    return this.#untaken.length === 0;
  }

  add(message: Out, end: number): void {
    this.#unarrived.push({ message, end });
  }

  /** It will not arrive. */
  remove(message: Out): void {
    const index = this.#unarrived.findIndex((each) => each.message === message);
    if (index >= 0) this.#unarrived.splice(index, 1);
  }

  /** All before `next` have arrived, and all before `taken` were taken. */
  arrived(next: number, taken: number): void {
    while (this.#unarrived[0] !== undefined && this.#unarrived[0].end <= next) {
      const awaited = this.#unarrived.shift() as Awaited<Out>;
      if (awaited.message.level === 'processed') this.#untaken.push(awaited);
      else this.#acknowledged(awaited.message);
    }
    while (this.#untaken[0] !== undefined && this.#untaken[0].end <= taken) {
      this.#acknowledged((this.#untaken.shift() as Awaited<Out>).message);
    }
  }

  /** Takes all out: those that have not arrived, as far as is known, and those that were not taken. */
  abandon(): { readonly unarrived: Out[]; readonly untaken: Out[] } {
    const messages = (list: Awaited<Out>[]) => list.splice(0).map(({ message }) => message);
    return { unarrived: messages(this.#unarrived), untaken: messages(this.#untaken) };
  }
}
