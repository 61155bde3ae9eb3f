/** An end without a socket: a test says what its peer does, and how fast what is written leaves. */
import type { Address, Endpoint, EndpointHandler } from '../src/net/endpoint.js';

export class FakeEnd implements Endpoint {
  readonly remote: Address;
  /** What was done to it, in order: bytes as text, `<end>`, `<reset>`, `<destroy>`. */
  readonly done: string[] = [];
  reading = false;
  /** While true, what is written does not leave. */
  clogged = false;
  bufferedBytes = 0;
  #handler: EndpointHandler | undefined;
  #closed = false;
  #peerEnded = false;
  #ended = false;

  constructor(name: string) {
    this.remote = { host: name, port: 1 };
  }

  attach(handler: EndpointHandler): void {
    this.#handler = handler;
  }

  pause(): void {
    this.reading = false;
  }

  resume(): void {
    this.reading = true;
  }

  write(bytes: Buffer): void {
    if (this.#closed || this.#ended) return;
    this.done.push(bytes.toString('latin1'));
    if (this.clogged) this.bufferedBytes += bytes.length;
  }

  end(): void {
    if (this.#closed || this.#ended) return;
    this.#ended = true;
    this.done.push('<end>');
    this.#closeIfDone();
  }

  reset(): void {
    this.#do('<reset>');
  }

  destroy(): void {
    this.#do('<destroy>');
  }

  /** What the peer does. */
  says(text: string): void {
    this.#handler?.received(Buffer.from(text, 'latin1'));
  }

  ends(): void {
    this.#peerEnded = true;
    this.#handler?.ended();
    this.#closeIfDone();
  }

  breaks(): void {
    this.#close(new Error('read ECONNRESET'));
  }

  /** What was written leaves. */
  unclog(): void {
    this.clogged = false;
    this.bufferedBytes = 0;
    this.#handler?.flushed();
  }

  #do(what: string): void {
    if (this.#closed) return;
    this.done.push(what);
    this.#close(undefined);
  }

  #closeIfDone(): void {
    if (this.#peerEnded && this.#ended) this.#close(undefined);
  }

  /** As a socket does, it tells so when the one who closed it is done. */
  #close(error: Error | undefined): void {
    if (this.#closed) return;
    this.#closed = true;
    queueMicrotask(() => this.#handler?.closed(error));
  }
}
