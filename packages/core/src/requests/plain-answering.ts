/**
 * The requests of a peer without a session: each message is one. They run one at a time in order, so that the answers have the order of the
 * requests, and each answer belongs to the link of its request.
 */
import { Fifo } from '../buffers/fifo.js';
import { AbortError } from '../errors.js';
import { type InboundMessage, isOfSession, type OutboundMessage } from '../protocol/message.js';
import { unreportedError } from './request-errors.js';
import { type CallHandler, HandlerSignal } from './request-handler.js';
import type { RequestsHost } from './requests-host.js';

/** While more messages or bytes wait for the handler, the peer is not read. */
const maxWaitingMessages = 64;
const maxWaitingBytes = 1024 * 1024;

interface PlainRequest {
  readonly received: InboundMessage;
  /** Aborted when the link of the request has ended. */
  readonly signal: HandlerSignal;
}

export class PlainAnswering {
  readonly #host: RequestsHost;
  #handler: CallHandler | undefined;
  readonly #queue = new Fifo<PlainRequest>();
  #queueBytes = 0;
  #isRunning = false;
  /** The signal of all requests of the current link. */
  #signal = new HandlerSignal();
  /** The answer that waits in the send queue. */
  #unsent: OutboundMessage | undefined;

  constructor(host: RequestsHost) {
    this.#host = host;
  }

  set handler(handler: CallHandler | undefined) {
    this.#handler = handler;
    if (handler !== undefined) this.#takeUnread();
  }

  /** Whether a message is given to the handler instead of the receive queue. */
  takes(received: InboundMessage): boolean {
    if (this.#handler === undefined || isOfSession(received)) return false;
    this.#add(received);
    return true;
  }

  sending(outgoing: OutboundMessage): void {
    if (outgoing !== this.#unsent) return;
    this.#unsent = undefined;
    this.#runNext();
  }

  rejected(outgoing: OutboundMessage): void {
    this.sending(outgoing);
  }

  /** Answers to requests of this link are not sent on another. Requests that wait are still executed, as they may be commands. */
  linkLost(): void {
    this.#signal.abort(new AbortError('the link of the request has ended, so the answer cannot be sent'));
    this.#signal = new HandlerSignal();
    const unsent = this.#unsent;
    if (unsent === undefined) return;
    this.#host.takeBack(unsent);
    this.sending(unsent);
  }

  /** @param byProgram whether this program closed the connection: then nothing more is executed */
  close(byProgram: boolean): void {
    this.linkLost();
    if (!byProgram) return;
    this.#queue.clear();
    this.#queueBytes = 0;
  }

  /** Messages that arrived before the handler was there are requests, too. */
  #takeUnread(): void {
    const { inbox } = this.#host;
    while (inbox.first !== undefined && !isOfSession(inbox.first)) this.#add(inbox.takeNow() as InboundMessage);
    this.#host.resumeReading();
  }

  #add(received: InboundMessage): void {
    this.#queue.push({ received, signal: this.#signal });
    this.#queueBytes += received.sizeBytes;
    this.#throttle();
    this.#runNext();
  }

  #runNext(): void {
    if (this.#isRunning || this.#unsent !== undefined) return;
    const request = this.#queue.shift();
    if (request === undefined) return;
    this.#isRunning = true;
    this.#queueBytes -= request.received.sizeBytes;
    // Code of the program must not run while the session is at work.
    queueMicrotask(() => this.#run(request));
  }

  async #run({ received, signal }: PlainRequest): Promise<void> {
    try {
      const value = await this.#handler?.(received, signal);
      if (value !== undefined && !signal.aborted) this.#answer(value);
    } catch (error) {
      this.#host.warn(unreportedError(error));
    } finally {
      this.#isRunning = false;
      this.#throttle();
      this.#runNext();
    }
  }

  #answer(value: unknown): void {
    const outgoing = Object.assign(this.#host.encode(value), { undroppable: true });
    this.#unsent = outgoing;
    this.#host.post(outgoing);
  }

  #throttle(): void {
    const isBusy = this.#queue.length >= maxWaitingMessages || this.#queueBytes >= maxWaitingBytes;
    const { inbox } = this.#host;
    if (inbox.handlerIsBusy === isBusy) return;
    inbox.handlerIsBusy = isBusy;
    if (!isBusy) this.#host.resumeReading();
  }
}
