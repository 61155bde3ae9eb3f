/**
 * Requests without a session: one at a time, and the answer is the next message that arrives after the request was written to the link. After a
 * request without an answer, the next message could be its late answer: the link is out of step.
 */
import type { InboundMessage, OutboundMessage } from '../protocol/message.js';
import type { OpenRequest } from './open-request.js';
import { drainedError, lostRequestError, outOfStepEnd } from './request-errors.js';
import { maxDrainMs, type RequestsHost } from './requests-host.js';

export interface PlainAskingListener {
  /** The request is no longer open. */
  settled(request: OpenRequest): void;
  /** The next request may be sent. */
  mayContinue(): void;
  /** No request can be sent on this link any more: ends those that wait. */
  refuse(): void;
}

export class PlainAsking {
  readonly #host: RequestsHost;
  readonly #listener: PlainAskingListener;
  /** The request in the send queue or on the link. */
  #current: OpenRequest | undefined;
  /** `drains`: the next message is discarded. `out-of-step`: no request can be sent on this link. */
  #state: 'in-step' | 'drains' | 'out-of-step' = 'in-step';
  #drainTimer: unknown;
  /** Whether discarded messages were reported on this link. */
  #reported = false;

  constructor(host: RequestsHost, listener: PlainAskingListener) {
    this.#host = host;
    this.#listener = listener;
  }

  get isOutOfStep(): boolean {
    return this.#state === 'out-of-step';
  }

  /** Whether a request may be sent. While reading is paused, messages wait that arrived before it. */
  get mayAsk(): boolean {
    return this.#current === undefined && this.#state === 'in-step' && !this.#host.linkIsPaused;
  }

  ask(request: OpenRequest): void {
    this.#current = request;
    request.state = 'queued';
    request.outgoing = Object.assign(request.message, { undroppable: true });
    this.#host.post(request.outgoing);
  }

  sending(outgoing: OutboundMessage): void {
    const request = this.#current;
    if (request?.outgoing !== outgoing) return;
    request.state = 'sent';
    this.#expect(true);
  }

  takes(received: InboundMessage): boolean {
    const request = this.#current;
    if (this.#state === 'drains') {
      this.#host.discarded(this.#reported ? undefined : drainedError());
      this.#reported = true;
      this.#drained();
    } else {
      if (request?.state !== 'sent') return false;
      this.#listener.settled(request);
      this.#ended(request);
      request.answer(received);
    }
    this.#host.consumed(received);
    return true; // the next request is sent after the step
  }

  /** The request was sent, and the program has stopped waiting for its answer. */
  unanswered(request: OpenRequest): void {
    if (request !== this.#current) return;
    const { outOfStep } = this.#host.settings;
    if (outOfStep === 'drain') {
      this.#state = 'drains';
      this.#drainTimer = this.#host.clock.setTimeout(
        () => {
          this.#drained();
          this.#listener.mayContinue();
        },
        Math.min(request.timeoutMs, maxDrainMs),
      );
    } else if (outOfStep === 'reconnect') {
      this.#state = 'out-of-step';
    }
    this.#ended(request);
    if (outOfStep === 'trust') this.#listener.mayContinue();
    if (this.#state !== 'out-of-step') return;
    if (this.#host.reconnects) this.#host.endLink(outOfStepEnd());
    else this.#listener.refuse();
  }

  /** The request was not sent. */
  withdrawn(request: OpenRequest): void {
    if (request !== this.#current) return;
    this.#ended(request);
    this.#listener.mayContinue();
  }

  rejected(request: OpenRequest): void {
    if (request === this.#current) this.#ended(request);
  }

  /** @returns the request, if this message is one that is still open */
  putBack(outgoing: OutboundMessage): OpenRequest | undefined {
    const request = this.#current;
    // The protocol may have copied the message.
    if (request?.state !== 'sent' || outgoing.sizeBytes !== request.outgoing.sizeBytes) return undefined;
    this.#ended(request);
    request.state = 'waiting';
    return request;
  }

  linkUp(): void {
    this.#drained();
    this.#reported = false;
  }

  linkLost(): void {
    this.#drained();
    const request = this.#current;
    if (request?.state !== 'sent') return;
    this.#listener.settled(request);
    this.#ended(request);
    request.rejectHandled(lostRequestError());
  }

  close(): void {
    this.#drained();
  }

  #drained(): void {
    this.#state = 'in-step';
    this.#host.clock.clearTimeout(this.#drainTimer);
    this.#drainTimer = undefined;
  }

  #ended(request: OpenRequest): void {
    this.#current = undefined;
    if (request.state === 'sent') this.#expect(false);
  }

  #expect(awaitsAnswer: boolean): void {
    this.#host.inbox.awaitsAnswer = awaitsAnswer;
    if (awaitsAnswer) this.#host.resumeReading();
  }
}
