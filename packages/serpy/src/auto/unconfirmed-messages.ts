/** Messages that were sent in a protocol that the peer has not been heard to speak: they are sent again where it speaks the other one. */
import { MessagesDroppedError } from 'serpy-core';
import { type AutoOutgoing, withOwnBytes } from './auto-outgoing.js';

/** So many are kept, and so many bytes of them. Where more were sent none is sent again: what is told of them is their number. */
const maxMessages = 1000;
const maxBytes = 1024 * 1024;

export class UnconfirmedMessages {
  readonly #protocol: 'v1' | 'v2';
  #retained: AutoOutgoing[] = [];
  #retainedBytes = 0;
  #count = 0;

  constructor(protocol: 'v1' | 'v2') {
    this.#protocol = protocol;
  }

  get protocol(): 'v1' | 'v2' {
    return this.#protocol;
  }

  /** A message is put on the wire. */
  onSent(outgoing: AutoOutgoing): void {
    this.#count++;
    this.#retainedBytes += outgoing.sizeBytes;
    if (this.#count <= maxMessages && this.#retainedBytes <= maxBytes) this.#retained.push(withOwnBytes(outgoing));
    else this.#retained = [];
  }

  /** Those that can be sent again, in order: all or none. */
  get resendable(): readonly AutoOutgoing[] {
    return this.#retained;
  }

  /** What is told of those that cannot. */
  get droppedError(): MessagesDroppedError | undefined {
    if (this.#count === this.#retained.length) return undefined;
    const text = `${this.#count} messages were sent in ${this.#protocol} before the peer turned out to speak something else, and are lost`;
    const advice = `they were too many to be kept (${maxMessages} messages, ${maxBytes} bytes); with protocol: 'v1' or 'v2' nothing is guessed`;
    return new MessagesDroppedError(`${text}: ${advice}`, this.#count);
  }
}
