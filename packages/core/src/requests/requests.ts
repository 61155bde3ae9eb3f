/** The requests of a connection in both directions, with a session and without one. */
import type { WaitOptions } from '../options/wait-options.js';
import type { InboundMessage, OutboundMessage, RequestPart } from '../protocol/message.js';
import { Answering } from './answering.js';
import { Asking } from './asking.js';
import { PlainAnswering } from './plain-answering.js';
import type { CallHandler } from './request-handler.js';
import type { RequestsHost } from './requests-host.js';

export class Requests {
  readonly #host: RequestsHost;
  readonly #asking: Asking;
  readonly #answering: Answering;
  readonly #plainAnswering: PlainAnswering;
  #session: unknown;
  /** The handlers of the connection and of its server. */
  #own: CallHandler | undefined;
  #shared: CallHandler | undefined;

  constructor(host: RequestsHost) {
    this.#host = host;
    this.#asking = new Asking(host);
    this.#answering = new Answering(host);
    this.#plainAnswering = new PlainAnswering(host);
    this.#session = host.epoch;
  }

  /** Sends a request. @param convert makes the result from the answer */
  ask<R>(value: unknown, wait: WaitOptions, convert: (received: InboundMessage) => R): Promise<R> {
    return this.#asking.ask(value, wait, convert);
  }

  /** Sets or removes the handler of the connection, which precedes that of the server. */
  setHandler(handler: CallHandler | undefined, of: 'connection' | 'server'): void {
    if (of === 'connection') this.#own = handler;
    else this.#shared = handler;
    const current = this.#own ?? this.#shared;
    this.#answering.handler = current;
    this.#plainAnswering.handler = current;
  }

  /** Whether a message that arrived is a request or an answer, and does not belong to the receive queue. */
  takes(received: InboundMessage): boolean {
    return this.#asking.takes(received) || this.#plainAnswering.takes(received);
  }

  /** A part of a request has arrived. Throws if the peer violates the protocol. */
  received(received: InboundMessage, part: RequestPart): void {
    this.#sessionChanged(this.#host.epoch);
    if (part.kind === 'request' || part.kind === 'cancel') this.#answering.received(received, part);
    else this.#asking.received(received, part);
  }

  /** A message of `post` is about to be sent. */
  sending(outgoing: OutboundMessage): void {
    const part = outgoing.part as RequestPart | undefined;
    if (part === undefined) this.#plainAnswering.sending(outgoing);
    else if (part.kind === 'response' || part.kind === 'failure') this.#answering.sending(part);
    if (part === undefined || part.kind === 'request') this.#asking.sending(outgoing);
  }

  /** The protocol could not send a message of `post`. */
  rejected(outgoing: OutboundMessage, error: Error): void {
    this.#plainAnswering.rejected(outgoing);
    this.#asking.rejected(outgoing, error);
  }

  /** The peer cannot have understood a message of `post`: it is sent again if its request is still open. */
  putBack(outgoing: OutboundMessage): void {
    this.#asking.putBack(outgoing);
  }

  /** Called after each step of the session. */
  stepDone(session: unknown): void {
    this.#sessionChanged(session);
    this.#asking.pump();
  }

  linkUp(): void {
    this.#asking.linkUp();
  }

  linkLost(session: unknown): void {
    this.#sessionChanged(session);
    this.#asking.linkLost();
    this.#plainAnswering.linkLost();
  }

  /** `close` was called. */
  closing(error: Error): void {
    this.#asking.closing(error);
  }

  close(error: Error, cause: Error | undefined, byProgram: boolean): void {
    this.#asking.close(error, cause);
    this.#answering.close();
    this.#plainAnswering.close(byProgram);
  }

  #sessionChanged(session: unknown): void {
    if (session === this.#session) return;
    this.#session = session;
    this.#asking.sessionChanged(session);
    this.#answering.sessionChanged(session);
  }
}
