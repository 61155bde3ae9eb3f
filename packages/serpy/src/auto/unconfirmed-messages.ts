/** The messages sent in a protocol that the server has not confirmed. They are sent again if it speaks the other one. */
import { MessagesDroppedError } from 'serpy-core';
import { type AutoOutgoing, withOwnBytes } from './auto-outgoing.js';

/** The limits of the retained messages. If more were sent, none is sent again, and a warning reports their number. */
const maxMessages = 1000;
const maxBytes = 1024 * 1024;

export class UnconfirmedMessages {
  readonly #protocol: 'v1' | 'v2';
  #retained: AutoOutgoing[] = [];
  #retainedBytes = 0;
  #count = 0;
  /** Messages that expire: they are not sent again. */
  #expiring = 0;

  constructor(protocol: 'v1' | 'v2') {
    this.#protocol = protocol;
  }

  get protocol(): 'v1' | 'v2' {
    return this.#protocol;
  }

  /** A message is written. */
  onSent(outgoing: AutoOutgoing): void {
    if (outgoing.expires) {
      this.#expiring++;
      return;
    }
    this.#count++;
    this.#retainedBytes += outgoing.sizeBytes;
    if (this.#count <= maxMessages && this.#retainedBytes <= maxBytes) this.#retained.push(withOwnBytes(outgoing));
    else this.#retained = [];
  }

  /** The messages to send again, in order: all or none. */
  get resendable(): readonly AutoOutgoing[] {
    return this.#retained;
  }

  /** The warning for messages that cannot be sent again. */
  get droppedError(): MessagesDroppedError | undefined {
    if (this.#count === this.#retained.length) return this.#expiringError;
    const text = `${this.#count} messages were lost, because they were sent in ${this.#protocol} and the server speaks another protocol`;
    const advice = `They exceeded what is retained (${maxMessages} messages, ${maxBytes} bytes). Set protocol: 'v1' or 'v2' to avoid the detection`;
    return new MessagesDroppedError(`${text}. ${advice}`, this.#count + this.#expiring);
  }

  get #expiringError(): MessagesDroppedError | undefined {
    const count = this.#expiring;
    if (count === 0) return undefined;
    const text = `${count} messages with expiresMs were sent in ${this.#protocol}, and the server speaks another protocol. They are not sent again`;
    return new MessagesDroppedError(text, count);
  }
}
