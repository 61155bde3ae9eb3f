/** Messages whose sender waits until the peer has received them, or until the program of the peer has consumed them. */
import { Fifo } from 'serpy-core';

/** What an acknowledgement needs of a message. */
export interface Awaited {
  /** The acknowledgement that its sender waits for; undefined for none. */
  readonly level: 'received' | 'consumed' | undefined;
  /** Its end in the stream; set when it is written to the stream. */
  endOffset: number;
}

/** Receives each acknowledged message. */
interface Acknowledging<Out> {
  acknowledged(message: Out): void;
}

export class PendingAcks<Out extends Awaited> {
  readonly #host: Acknowledging<Out>;
  readonly #received = new Fifo<Out>();
  readonly #consumed = new Fifo<Out>();

  constructor(host: Acknowledging<Out>) {
    this.#host = host;
  }

  get length(): number {
    return this.#received.length + this.#consumed.length;
  }

  add(message: Out): void {
    if (message.level === 'received') this.#received.push(message);
    else this.#consumed.push(message);
  }

  /** The sender of the message has stopped waiting. */
  remove(message: Out): void {
    if (message.level === 'received') this.#received.remove(message);
    else this.#consumed.remove(message);
  }

  /** The peer has acknowledged the stream up to these offsets. */
  reached(receivedOffset: number, consumedOffset: number): void {
    this.#settle(this.#received, receivedOffset);
    this.#settle(this.#consumed, consumedOffset);
  }

  /** Removes all messages. @returns two lists in order: messages without an acknowledgement, and messages that were received but not consumed */
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
      this.#host.acknowledged(first);
    }
  }
}
