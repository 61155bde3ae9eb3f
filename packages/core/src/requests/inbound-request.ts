/** A request of the peer, in a session. */
import type { InboundMessage } from '../protocol/message.js';
import { HandlerSignal } from './request-handler.js';

export class InboundRequest {
  readonly id: number;
  readonly received: InboundMessage;
  readonly session: unknown;
  readonly arrivedMs: number;
  readonly signal = new HandlerSignal();
  /** Whether its handler has not started. */
  isWaiting = false;
  nextInBucket: InboundRequest | undefined = undefined;
  previous: InboundRequest | undefined = undefined;
  next: InboundRequest | undefined = undefined;

  constructor(id: number, received: InboundMessage, session: unknown, arrivedMs: number) {
    this.id = id;
    this.received = received;
    this.session = session;
    this.arrivedMs = arrivedMs;
  }
}
