/** The broadcast messages in a send queue: unlike all others, they may be dropped for newer ones. */
import type { OutboundMessage } from '../protocol/message.js';
import { BoundedQueue } from './bounded-queue.js';

/** What happens to a broadcast message for a peer whose send queue is full. */
export type SlowPeers = 'drop-oldest' | 'drop-newest' | 'disconnect';

/** The broadcast messages of a queue, in its order. */
export class Broadcasts<Out extends OutboundMessage> extends BoundedQueue<Out> {
  constructor() {
    super({ maxMessages: Number.POSITIVE_INFINITY, maxBytes: Number.POSITIVE_INFINITY });
  }

  /** The send queue has removed its first message. */
  taken(outgoing: Out): void {
    if (this.first === outgoing) this.shift();
  }
}
