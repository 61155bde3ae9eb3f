/**
 * The requests that this end sends. They wait until it is known whether answers refer to their requests. In a session they do, and many requests
 * are open at the same time; otherwise `PlainAsking` sends one after the other.
 */
import { TimeoutError } from '../errors.js';
import { checkWaitOptions, type WaitOptions } from '../options/wait-options.js';
import type { InboundMessage, OutboundMessage, RequestPart } from '../protocol/message.js';
import { abortError } from '../queue/deferred.js';
import { WaitingLine } from '../queue/waiting-line.js';
import { OpenRequest } from './open-request.js';
import { PlainAsking } from './plain-asking.js';
import { failedError, lostRequestError, outOfStepError, timeoutError, tooManyOpenError } from './request-errors.js';
import { RequestTable } from './request-table.js';
import { defaultRequestTimeoutMs, maxOpenRequests, type RequestsHost } from './requests-host.js';

export class Asking {
  readonly #host: RequestsHost;
  readonly #open = new RequestTable<OpenRequest>();
  /** Those that were not given to the send queue, in order. */
  readonly #waiting = new WaitingLine<OpenRequest>();
  readonly #plain: PlainAsking;
  #nextId = 0;
  #isPumping = false;

  constructor(host: RequestsHost) {
    this.#host = host;
    this.#plain = new PlainAsking(host, {
      settled: (request) => this.#settled(request),
      mayContinue: () => this.pump(),
      refuse: () => this.#refuseWaiting(),
    });
  }

  /** Sends a request. @param convert makes the result from the answer */
  ask<R>(value: unknown, wait: WaitOptions, convert: (received: InboundMessage) => R): Promise<R> {
    try {
      checkWaitOptions(wait);
      const { signal, timeoutMs = defaultRequestTimeoutMs } = wait;
      if (signal?.aborted) throw abortError('request', signal);
      if (this.#open.size >= maxOpenRequests) throw tooManyOpenError();
      if (this.#plain.isOutOfStep && this.#host.correlation() === false) throw outOfStepError();
      const message = this.#host.encode(value);
      const request = new OpenRequest<R>(
        this.#host.clock,
        this.#nextId++,
        message,
        { signal, timeoutMs },
        convert,
        (error, each) => this.#expired(each as OpenRequest, error),
      );
      this.#open.add(request as OpenRequest);
      request.isInLine = true;
      this.#waiting.join(request as OpenRequest);
      this.pump();
      if (request.state !== 'sent') this.#host.snapshot(message); // it may still be sent without a session
      return request.promise;
    } catch (error) {
      return Promise.reject(error);
    }
  }

  /** Sends the requests that wait, as far as possible. */
  pump(): void {
    if (this.#waiting.first === undefined || this.#isPumping) return;
    this.#isPumping = true;
    try {
      for (;;) {
        const request = this.#waiting.first;
        if (request === undefined || !this.#host.linkIsUp) return;
        const correlates = this.#host.correlation();
        if (correlates === undefined) this.#host.pump(); // the session may have begun to wait
        if (correlates === undefined || (!correlates && !this.#plain.mayAsk)) return;
        this.#leaveLine(request);
        if (correlates) this.#askInSession(request);
        else this.#plain.ask(request);
      }
    } finally {
      this.#isPumping = false;
    }
  }

  /** Whether a message is the answer to a request without a session, or is discarded as a late one. */
  takes(received: InboundMessage): boolean {
    return this.#plain.takes(received);
  }

  /** A part of a request of this end has arrived. */
  received(received: InboundMessage, part: RequestPart): void {
    const request = this.#open.get(part.id);
    this.#host.consumed(received);
    if (request?.state !== 'sent') return; // the program has stopped waiting for it
    this.#settled(request);
    if (part.kind === 'failure') request.reject(failedError(part.message, part.code));
    else request.answer(received);
  }

  /** The send queue is about to send a message of `post`. */
  sending(outgoing: OutboundMessage): void {
    const { part } = outgoing;
    if (part === undefined) {
      this.#plain.sending(outgoing);
      return;
    }
    const request = this.#open.get(part.id);
    if (request === undefined) return;
    if (this.#host.correlation() === true) {
      request.state = 'sent';
      request.session = this.#host.epoch;
      return;
    }
    // The session was lost before the request was sent: it is sent without one. The protocol drops the part.
    request.state = 'waiting';
    request.outgoing = request.message;
    this.#goFirst(request);
  }

  /** The protocol could not send this message. */
  rejected(outgoing: OutboundMessage, error: Error): void {
    for (const request of this.#open.all()) {
      if (request.outgoing !== outgoing || request.state === 'waiting') continue;
      this.#settled(request);
      this.#plain.rejected(request);
      request.reject(error);
      return;
    }
  }

  /** The peer cannot have understood this message of the last link. */
  putBack(outgoing: OutboundMessage): void {
    const request = this.#plain.putBack(outgoing);
    if (request) this.#goFirst(request);
  }

  /** The session is another one. */
  sessionChanged(session: unknown): void {
    for (const request of this.#open.all()) {
      if (request.state !== 'sent' || request.session === undefined || request.session === session) continue;
      this.#settled(request);
      request.rejectHandled(lostRequestError());
    }
  }

  linkUp(): void {
    this.#plain.linkUp();
  }

  linkLost(): void {
    this.#plain.linkLost();
  }

  /** No request is sent any more: ends those that were not sent. */
  closing(error: Error): void {
    for (const request of this.#open.all()) {
      if (request.state === 'sent') continue;
      this.#withdraw(request);
      this.#settled(request);
      request.rejectHandled(error);
    }
  }

  close(error: Error, cause: Error | undefined): void {
    this.closing(error);
    for (const request of this.#open.all()) {
      this.#settled(request);
      request.rejectHandled(lostRequestError(cause));
    }
    this.#plain.close();
  }

  #askInSession(request: OpenRequest): void {
    const part: RequestPart = { kind: 'request', id: request.id };
    request.outgoing = this.#host.encodeRequestPart(part, request.message);
    request.state = 'queued';
    this.#host.post(request.outgoing);
  }

  /** The timeout has passed, or the signal was aborted. */
  #expired(request: OpenRequest, error: Error): void {
    const { state, session } = request;
    this.#settled(request);
    const isLate = error instanceof TimeoutError;
    request.reject(isLate ? timeoutError(request.timeoutMs, state === 'sent', this.#host.inbox.length) : error);
    if (state !== 'sent') this.#withdraw(request);
    else if (session === undefined) this.#plain.unanswered(request);
    else if (session === this.#host.epoch && this.#host.correlation() !== false) this.#cancel(request.id);
  }

  #cancel(id: number): void {
    this.#host.post(this.#host.encodeRequestPart({ kind: 'cancel', id }, undefined));
  }

  #withdraw(request: OpenRequest): void {
    if (request.state === 'queued') this.#host.takeBack(request.outgoing);
    this.#plain.withdrawn(request);
  }

  #settled(request: OpenRequest): void {
    this.#open.remove(request);
    this.#leaveLine(request);
  }

  #goFirst(request: OpenRequest): void {
    request.isInLine = true;
    this.#waiting.joinFirst(request);
  }

  #leaveLine(request: OpenRequest): void {
    if (!request.isInLine) return;
    request.isInLine = false;
    this.#waiting.leave(request);
  }

  /** The link is out of step and cannot be replaced. */
  #refuseWaiting(): void {
    for (const request of [...this.#waiting]) {
      this.#settled(request);
      request.reject(outOfStepError());
    }
  }
}
