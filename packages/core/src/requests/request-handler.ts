/** The handler that a program gives to `onRequest`, and what it gets. */
import type { InboundMessage } from '../protocol/message.js';

/** Calls the program's handler with a message, and returns its result. */
export type CallHandler = (received: InboundMessage, signal: HandlerSignal) => unknown;

/** Signals to a handler that its answer is no longer awaited. The controller is made when the handler first asks for the signal. */
export class HandlerSignal {
  #controller: AbortController | undefined;
  #reason: Error | undefined;

  get(): AbortSignal {
    this.#controller ??= new AbortController();
    if (this.#reason) this.#controller.abort(this.#reason);
    return this.#controller.signal;
  }

  get aborted(): boolean {
    return this.#reason !== undefined;
  }

  abort(reason: Error): void {
    if (this.#reason !== undefined) return;
    this.#reason = reason;
    const controller = this.#controller;
    // Listeners are code of the program, which must not run while the session is at work.
    if (controller) queueMicrotask(() => controller.abort(reason));
  }
}
