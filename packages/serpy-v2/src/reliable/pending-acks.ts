/** Messages whose sender waits: until the peer has them, or until the program there has consumed them. */
import { Fifo } from 'serpy-core';

/** A message, as far as it is waited for. */
export interface Awaited {
  /** What its sender waits for. */
  readonly level: 'received' | 'consumed' | undefined;
  /** Where it ends in the stream, once it is in it. */
  endOffset: number;
}

export class PendingAcks<Out extends Awaited> {
  readonly #acknowledged: (message: Out) => void;
  readonly #received = new Fifo<Out>();
  readonly #consumed = new Fifo<Out>();

  constructor(acknowledged: (message: Out) => void) {
    this.#acknowledged = acknowledged;
  }

  get length(): number {
    return this.#received.length + this.#consumed.length;
  }

  add(message: Out): void {
    if (message.level === 'received') this.#received.push(message);
    else this.#consumed.push(message);
  }

  /** Its sender waits no longer. */
  remove(message: Out): void {
    if (message.level === 'received') this.#received.remove(message);
    else this.#consumed.remove(message);
  }

  /** The peer states offsets. */
  reached(receivedOffset: number, consumedOffset: number): void {
    this.#settle(this.#received, receivedOffset);
    this.#settle(this.#consumed, consumedOffset);
  }

  /** Takes all out, in two lists, each in order: those that have not arrived, as far as is known, and those that have and were not consumed. */
  abandon(receivedOffset: number): { readonly unarrived: Out[]; readonly unconsumed: Out[] } {
    const all = [...this.#received.items(), ...this.#consumed.items()];
    this.#received.clear();
    this.#consumed.clear();
    return {
      unarrived: all.filter(({ endOffset }) => endOffset > receivedOffset),
      unconsumed: all.filter(({ endOffset }) => endOffset <= receivedOffset),
    };
  }

  #settle(list: Fifo<Out>, offset: number): void {
    for (let first = list.first; first !== undefined && first.endOffset <= offset; first = list.first) {
      list.shift();
      this.#acknowledged(first);
    }
  }
}
