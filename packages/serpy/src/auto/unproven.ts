/** Messages that were sent in a protocol that the peer has not been heard to speak: they are sent again where it speaks the other one. */
import { MessagesDroppedError } from 'serpy-core';
import { type AutoOutgoing, copied } from './auto-outgoing.js';

/** So many are kept, and so many bytes of them. Where more were sent none is sent again: what is told of them is their number. */
const mostMessages = 1000;
const mostBytes = 1024 * 1024;

export class Unproven {
  readonly #protocol: 'v1' | 'v2';
  #kept: AutoOutgoing[] = [];
  #keptBytes = 0;
  #count = 0;

  constructor(protocol: 'v1' | 'v2') {
    this.#protocol = protocol;
  }

  get protocol(): 'v1' | 'v2' {
    return this.#protocol;
  }

  /** A message is put on the wire. */
  sent(outgoing: AutoOutgoing): void {
    this.#count++;
    this.#keptBytes += outgoing.sizeBytes;
    if (this.#count <= mostMessages && this.#keptBytes <= mostBytes) this.#kept.push(copied(outgoing));
    else this.#kept = [];
  }

  /** Those that can be sent again, in order: all or none. */
  get again(): readonly AutoOutgoing[] {
    return this.#kept;
  }

  /** What is told of those that cannot. */
  get lost(): MessagesDroppedError | undefined {
    if (this.#count === this.#kept.length) return undefined;
    const text = `${this.#count} messages were sent in ${this.#protocol} before the peer turned out to speak something else, and are lost`;
    const advice = `they were too many to be kept (${mostMessages} messages, ${mostBytes} bytes); with protocol: 'v1' or 'v2' nothing is guessed`;
    return new MessagesDroppedError(`${text}: ${advice}`, this.#count);
  }
}
