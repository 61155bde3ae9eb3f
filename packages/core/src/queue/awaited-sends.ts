/** The sends that wait for an acknowledgement, in order. Each message refers to its send: a map from one to the other took 150 ns a message. */
import type { OutboundMessage } from '../protocol/message.js';
import type { AwaitedSend } from './awaited-send.js';
import { WaitingLine } from './waiting-line.js';

export class AwaitedSends<Out extends OutboundMessage> {
  readonly #line = new WaitingLine<AwaitedSend<Out>>();

  add(awaited: AwaitedSend<Out>): void {
    awaited.outgoing.awaited = awaited;
    this.#line.join(awaited);
  }

  /** The send of a message; undefined if it no longer waits. */
  get(outgoing: Out): AwaitedSend<Out> | undefined {
    return outgoing.awaited as AwaitedSend<Out> | undefined;
  }

  /** The send of this message has ended. */
  remove(awaited: AwaitedSend<Out>): void {
    awaited.outgoing.awaited = undefined;
    this.#line.leave(awaited);
  }

  all(): AwaitedSend<Out>[] {
    return [...this.#line];
  }
}
