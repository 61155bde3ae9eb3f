/** A request that waits for its answer. */
import type { Clock } from '../environment.js';
import type { WaitOptions } from '../options/wait-options.js';
import type { InboundMessage, OutboundMessage } from '../protocol/message.js';
import { Deferred } from '../queue/deferred.js';

export class OpenRequest<R = unknown> extends Deferred<R> {
  readonly id: number;
  readonly timeoutMs: number;
  /** The value, encoded. */
  readonly message: OutboundMessage;
  /** What was given to the send queue: the message itself, or its part of a session. */
  outgoing: OutboundMessage;
  /** `waiting`: until it may be sent. `queued`: in the send queue. `sent`: written to a link. */
  state: 'waiting' | 'queued' | 'sent' = 'waiting';
  /** The session in which it was sent; undefined without one. */
  session: unknown = undefined;
  nextInBucket: OpenRequest | undefined = undefined;
  /** Whether it is in the line of requests that were not given to the send queue, and those before and after it. */
  isInLine = false;
  previous: OpenRequest | undefined = undefined;
  next: OpenRequest | undefined = undefined;
  readonly #convert: (received: InboundMessage) => R;

  constructor(
    clock: Clock,
    id: number,
    message: OutboundMessage,
    wait: WaitOptions & { readonly timeoutMs: number },
    convert: (received: InboundMessage) => R,
    expired: (error: Error, request: OpenRequest<R>) => void,
  ) {
    super(clock, 'request', wait, (error) => expired(error, this));
    this.id = id;
    this.timeoutMs = wait.timeoutMs;
    this.message = message;
    this.outgoing = message;
    this.#convert = convert;
  }

  answer(received: InboundMessage): void {
    try {
      this.resolve(this.#convert(received));
    } catch (error) {
      this.reject(error as Error);
    }
  }
}
