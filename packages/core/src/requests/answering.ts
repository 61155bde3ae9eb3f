/**
 * The requests of the peer in a session. A request counts in flow control as an unread message until its answer was written, or the session of
 * the request is over.
 */
import { AbortError } from '../errors.js';
import type { InboundMessage, RequestPart } from '../protocol/message.js';
import { WaitingLine } from '../queue/waiting-line.js';
import { InboundRequest } from './inbound-request.js';
import {
  type Failure,
  failureOf,
  noHandler,
  noValue,
  repeatedRequestError,
  tooManyRequests,
  unreadAnswersError,
} from './request-errors.js';
import type { CallHandler } from './request-handler.js';
import { RequestTable } from './request-table.js';
import { handlerWaitMs, maxOpenRequests, maxRunningHandlers, type RequestsHost } from './requests-host.js';

/** A peer that has so many requests open does not read their answers. It is not throttled where the receive queue drops messages. */
const maxUnreadAnswers = 4 * maxOpenRequests;

export class Answering {
  readonly #host: RequestsHost;
  #handler: CallHandler | undefined;
  /** All requests that count as unread, by their numbers. */
  readonly #open = new RequestTable<InboundRequest>();
  /** Those whose handlers have not started, in order. */
  readonly #waiting = new WaitingLine<InboundRequest>();
  #waitingCount = 0;
  #waitingBytes = 0;
  #running = 0;
  /** Those whose handlers are called in the next microtask. */
  readonly #starting: InboundRequest[] = [];
  #holdTimer: unknown;

  constructor(host: RequestsHost) {
    this.#host = host;
  }

  set handler(handler: CallHandler | undefined) {
    this.#handler = handler;
    this.#startWaiting();
    this.#holdWaiting();
  }

  /** A part of a request of the peer has arrived. Throws if the peer violates the protocol. */
  received(received: InboundMessage, part: RequestPart): void {
    if (part.kind === 'cancel') {
      this.#host.consumed(received);
      this.#cancel(part.id);
      return;
    }
    if (this.#open.get(part.id)) throw repeatedRequestError(part.id);
    if (this.#open.size >= maxUnreadAnswers) throw unreadAnswersError(this.#open.size);
    const { clock, epoch } = this.#host;
    const request = new InboundRequest(part.id, received, epoch, clock.now());
    this.#open.add(request);
    const isTooMuch =
      this.#waitingCount >= maxOpenRequests || this.#waitingBytes > this.#host.settings.receiveQueue.maxBytes;
    if (isTooMuch) {
      this.#fail(request, tooManyRequests);
      return;
    }
    request.isWaiting = true;
    this.#waiting.join(request);
    this.#waitingCount++;
    this.#waitingBytes += received.sizeBytes;
    this.#startWaiting();
    this.#holdWaiting();
  }

  /** The send queue is about to send an answer. */
  sending({ id }: RequestPart): void {
    const request = this.#open.get(id);
    if (request) this.#over(request);
  }

  /** The session is another one: the answers to requests of the earlier one are no longer awaited. */
  sessionChanged(session: unknown): void {
    for (const request of this.#open.all()) {
      if (request.session === session) continue;
      this.#abandon(request, 'the session of the request was lost');
      this.#over(request); // a new peer counts its requests from 0 again
    }
  }

  close(): void {
    for (const request of this.#open.all()) this.#abandon(request, 'the connection is closed');
    this.#host.clock.clearTimeout(this.#holdTimer);
    this.#holdTimer = undefined;
  }

  #startWaiting(): void {
    if (this.#handler === undefined) return;
    for (let request = this.#waiting.first; request !== undefined; request = this.#waiting.first) {
      if (this.#running >= maxRunningHandlers) return;
      this.#leaveLine(request);
      this.#running++;
      // Code of the program must not run while the session is at work. One microtask is enough for all that arrived together.
      if (this.#starting.push(request) === 1) queueMicrotask(() => this.#runStarting());
    }
  }

  #runStarting(): void {
    for (const request of this.#starting.splice(0)) void this.#run(request);
  }

  async #run(request: InboundRequest): Promise<void> {
    try {
      const handler = this.#handler;
      if (request.signal.aborted) return;
      if (handler === undefined) {
        this.#fail(request, noHandler);
        return;
      }
      const value = await handler(request.received, request.signal);
      if (value === undefined) this.#fail(request, noValue);
      else this.#answer(request, value);
    } catch (error) {
      this.#fail(request, failureOf(error));
    } finally {
      this.#running--;
      if (request.signal.aborted) this.#over(request);
      this.#startWaiting();
    }
  }

  #answer(request: InboundRequest, value: unknown): void {
    if (!this.#isAwaited(request)) return;
    const message = this.#host.encode(value);
    this.#host.post(this.#host.encodeRequestPart({ kind: 'response', id: request.id }, message));
  }

  #fail(request: InboundRequest, failure: Failure): void {
    if (!this.#isAwaited(request)) return;
    const part: RequestPart = { kind: 'failure', id: request.id, ...failure };
    this.#host.post(this.#host.encodeRequestPart(part, undefined));
  }

  /** Whether the peer still waits for the answer. */
  #isAwaited(request: InboundRequest): boolean {
    return !request.signal.aborted && request.session === this.#host.epoch;
  }

  #cancel(id: number): void {
    const request = this.#open.get(id);
    if (request) this.#abandon(request, 'the peer no longer waits for the answer');
  }

  #abandon(request: InboundRequest, why: string): void {
    const { isWaiting } = request;
    request.signal.abort(new AbortError(`the request was abandoned: ${why}`));
    if (!isWaiting) return;
    this.#leaveLine(request);
    this.#over(request);
  }

  #leaveLine(request: InboundRequest): void {
    request.isWaiting = false;
    this.#waiting.leave(request);
    this.#waitingCount--;
    this.#waitingBytes -= request.received.sizeBytes;
  }

  #over(request: InboundRequest): void {
    if (this.#open.remove(request)) this.#host.consumed(request.received);
  }

  /** Without a handler, requests wait for one, and then fail. */
  #holdWaiting(): void {
    const { first } = this.#waiting;
    if (first === undefined || this.#handler !== undefined || this.#holdTimer !== undefined) return;
    const { clock } = this.#host;
    const delayMs = Math.max(0, first.arrivedMs + handlerWaitMs - clock.now());
    this.#holdTimer = clock.setTimeout(() => {
      this.#holdTimer = undefined;
      this.#refuseHeld();
      this.#holdWaiting();
    }, delayMs);
  }

  #refuseHeld(): void {
    if (this.#handler !== undefined) return;
    const untilMs = this.#host.clock.now() - handlerWaitMs;
    for (let request = this.#waiting.first; request !== undefined; request = this.#waiting.first) {
      if (request.arrivedMs > untilMs) return;
      this.#leaveLine(request);
      this.#fail(request, noHandler);
    }
  }
}
