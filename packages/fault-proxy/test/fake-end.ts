/** An endpoint without a socket. The test plays its peer, and decides when written bytes leave. */
import type { Address, Endpoint, EndpointHandler } from '../src/net/endpoint.js';

export class FakeEnd implements Endpoint {
  readonly remote: Address;
  /** The calls of the link, in order: bytes as text, `<end>`, `<reset>`, `<destroy>`. */
  readonly done: string[] = [];
  reading = false;
  /** While true, written bytes do not leave. */
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

  /** The peer sends bytes. */
  sends(text: string): void {
    this.#handler?.received(Buffer.from(text, 'latin1'));
  }

  /** The peer ends its stream. */
  ends(): void {
    this.#peerEnded = true;
    this.#handler?.ended();
    this.#closeIfDone();
  }

  /** The peer resets the connection. */
  resets(): void {
    this.#close(new Error('read ECONNRESET'));
  }

  /** The written bytes leave. */
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

  /** Reports it in a microtask, like a socket: after the call that closed it has returned. */
  #close(error: Error | undefined): void {
    if (this.#closed) return;
    this.#closed = true;
    queueMicrotask(() => this.#handler?.closed(error));
  }
}
