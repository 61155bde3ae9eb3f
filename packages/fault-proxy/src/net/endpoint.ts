/** The two ends of a link: a small interface over a socket, which tests can implement without one. */

/** A host and a port. */
export interface Address {
  readonly host: string;
  readonly port: number;
}

/** The events of an endpoint. */
export interface EndpointHandler {
  received(bytes: Buffer): void;
  /** The peer ended its stream. */
  ended(): void;
  /** Some written bytes have left this process. */
  flushed(): void;
  /** The connection closed, with an error if there was one. No event follows. */
  closed(error: Error | undefined): void;
}

/** One TCP connection. It does not read before `resume`. */
export interface Endpoint {
  /** The peer's address. */
  readonly remote: Address;
  /** The approximate memory of the written bytes that have not left this process; 0 if there are none. */
  readonly bufferedBytes: number;
  attach(handler: EndpointHandler): void;
  pause(): void;
  resume(): void;
  write(bytes: Buffer): void;
  /** Ends the stream after the written bytes. */
  end(): void;
  /** Resets the connection. Written bytes that have not left yet are lost. */
  reset(): void;
  /** Closes the connection at once. */
  destroy(): void;
}

/** Connects to an address. The endpoint can be used after `connected`; a failed attempt reports `closed`. */
export type Connect = (address: Address, connected: () => void) => Endpoint;
