/**
 * Requests without a session: one at a time, and the answer is the next message that arrives after the request was written to the link. After a
 * request without an answer, the next message could be its late answer: the link is out of step.
 */
import { type InboundMessage, isOfSession, type OutboundMessage } from '../protocol/message.js';
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
  /** Messages of the link up to that request. */
  #sentOnLink = 0;
  /** `drains`: the next message is discarded. `out-of-step`: no request can be sent on this link. */
  #state: 'in-step' | 'drains' | 'out-of-step' = 'in-step';
  #drainTimer: unknown;
  /** Whether reading was paused, so that older messages may wait in the system. */
  #hasBacklog = false;
  #isWatching = false;
  /** Whether discarded messages were reported on this link. */
  #reported = false;

  constructor(host: RequestsHost, listener: PlainAskingListener) {
    this.#host = host;
    this.#listener = listener;
  }

  get isOutOfStep(): boolean {
    return this.#state === 'out-of-step';
  }

  /** Whether a request may be sent. While reading is paused, and until the backlog is read, messages arrive that are older than it. */
  get mayAsk(): boolean {
    if (this.#current !== undefined || this.#state !== 'in-step') return false;
    if (this.#host.linkIsPaused) this.#hasBacklog = true;
    else if (this.#hasBacklog) this.#watchBacklog();
    return !this.#hasBacklog;
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
    this.#sentOnLink = this.#host.sentOnLink + 1;
  }

  takes(received: InboundMessage): boolean {
    const request = this.#current;
    if (isOfSession(received)) return false;
    if (this.#state === 'drains') {
      this.#host.discarded(this.#reported ? undefined : drainedError());
      this.#reported = true;
      this.#drained();
    } else {
      if (request?.state !== 'sent') return false;
      this.#listener.settled(request);
      this.#current = undefined;
      this.#host.peerHasRead(this.#sentOnLink);
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
    this.#current = undefined;
    if (outOfStep === 'trust') this.#listener.mayContinue();
    if (this.#state !== 'out-of-step') return;
    if (this.#host.reconnects) this.#host.endLink(outOfStepEnd());
    else this.#listener.refuse();
  }

  /** The request was not sent. */
  withdrawn(request: OpenRequest): void {
    if (request !== this.#current) return;
    this.#current = undefined;
    this.#listener.mayContinue();
  }

  rejected(request: OpenRequest): void {
    if (request === this.#current) this.#current = undefined;
  }

  /** @returns the request, if this message is one that is still open */
  putBack(outgoing: OutboundMessage): OpenRequest | undefined {
    const request = this.#current;
    // The protocol may have copied the message.
    if (request?.state !== 'sent' || outgoing.sizeBytes !== request.outgoing.sizeBytes) return undefined;
    this.#current = undefined;
    request.state = 'waiting';
    return request;
  }

  linkUp(): void {
    this.#drained();
    this.#hasBacklog = false;
    this.#reported = false;
  }

  linkLost(): void {
    this.#drained();
    const request = this.#current;
    if (request?.state !== 'sent') return;
    this.#listener.settled(request);
    this.#current = undefined;
    request.rejectHandled(lostRequestError());
  }

  close(): void {
    this.#drained();
  }

  /** The backlog is over when nothing arrives for a turn of the event loop. */
  #watchBacklog(): void {
    if (this.#isWatching) return;
    this.#isWatching = true;
    const { clock, receivedBytes } = this.#host;
    clock.setImmediate(() => {
      this.#isWatching = false;
      if (this.#host.receivedBytes === receivedBytes && !this.#host.linkIsPaused) this.#hasBacklog = false;
      this.#listener.mayContinue();
    });
  }

  #drained(): void {
    this.#state = 'in-step';
    this.#host.clock.clearTimeout(this.#drainTimer);
    this.#drainTimer = undefined;
  }
}
