/** What a link needs of its two ends: small verbs over a socket, or over something that a test makes. */

/** A host and a port. */
export interface Address {
  readonly host: string;
  readonly port: number;
}

/** Who is told what an end does. */
export interface EndpointHandler {
  received(bytes: Buffer): void;
  /** The peer ends its stream. */
  ended(): void;
  /** Something that was written has left this process. */
  flushed(): void;
  /** It is gone: with the error that broke it, if one did. Nothing comes after it. */
  closed(error: Error | undefined): void;
}

/** One connection. It reads nothing before `resume`. */
export interface Endpoint {
  /** The peer's address. */
  readonly remote: Address;
  /** The memory that what was written and has not left this process takes, about; 0 if nothing is left. */
  readonly bufferedBytes: number;
  attach(handler: EndpointHandler): void;
  pause(): void;
  resume(): void;
  write(bytes: Buffer): void;
  /** Ends the stream behind what was written. */
  end(): void;
  /** Resets the connection. What was written and has not left yet is lost. */
  reset(): void;
  /** Gives it up. */
  destroy(): void;
}

/** Dials an address. The end that it gives is not up before `connected`; a dial that fails tells `closed`. */
export type Dial = (address: Address, connected: () => void) => Endpoint;
