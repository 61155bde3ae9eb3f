/** Messages that somebody waits for: until the peer has them, or until the application there has taken them. */

import { Fifo } from 'serpy-core';

/** A message, as far as it is waited for. */
export interface AckRequest {
  readonly level: 'received' | 'consumed' | undefined;
}

/** With the number after its last piece. */
interface PendingAck<Out> {
  readonly message: Out;
  readonly end: number;
}

export class PendingAcks<Out extends AckRequest> {
  readonly #acknowledged: (message: Out) => void;
  readonly #unarrived = new Fifo<PendingAck<Out>>();
  /** Messages that have arrived, and wait to be taken. */
  readonly #untaken = new Fifo<PendingAck<Out>>();

  constructor(acknowledged: (message: Out) => void) {
    this.#acknowledged = acknowledged;
  }

  get settled(): boolean {
    return this.#untaken.length === 0;
  }

  add(message: Out, end: number): void {
    this.#unarrived.push({ message, end });
  }

  /** It will not arrive, or nobody waits for it any more: a peer that never says that it was taken must not make it pile up. */
  remove(message: Out): void {
    for (const list of [this.#unarrived, this.#untaken]) {
      const awaited = list.items().find((each) => each.message === message);
      if (awaited) list.remove(awaited);
    }
  }

  /** All before `next` have arrived, and all before `taken` were taken. */
  arrived(next: number, taken: number): void {
    for (let first = this.#unarrived.first; first !== undefined && first.end <= next; first = this.#unarrived.first) {
      this.#unarrived.shift();
      if (first.message.level === 'consumed') this.#untaken.push(first);
      else this.#acknowledged(first.message);
    }
    for (let first = this.#untaken.first; first !== undefined && first.end <= taken; first = this.#untaken.first) {
      this.#untaken.shift();
      this.#acknowledged(first.message);
    }
  }

  /** Takes all out: those that have not arrived, as far as is known, and those that were not taken. */
  abandon(): { readonly unarrived: Out[]; readonly untaken: Out[] } {
    return { unarrived: messagesOf(this.#unarrived), untaken: messagesOf(this.#untaken) };
  }
}

function messagesOf<Out>(list: Fifo<PendingAck<Out>>): Out[] {
  const messages = list.items().map(({ message }) => message);
  list.clear();
  return messages;
}
