/** What a handler of requests gets besides the value. A class, so that a request defines no getter of its own. */
import type { HandlerSignal } from '../requests/request-handler.js';
import type { RequestInfo } from './request-types.js';

export class HandlerInfo<Message, C> implements RequestInfo<Message, C> {
  readonly message: Message;
  readonly connection: C;
  readonly #signal: HandlerSignal;

  constructor(message: Message, signal: HandlerSignal, connection: C) {
    this.message = message;
    this.connection = connection;
    this.#signal = signal;
  }

  get signal(): AbortSignal {
    return this.#signal.get();
  }
}
