/** What a bridge needs of a broker: one connection at a time, whose publications are acknowledged. */
import type { SerpyError } from 'serpy-core';

/** A message for the broker. */
export interface Publication {
  readonly topic: string;
  readonly payload: Buffer;
  readonly contentType: string;
  /** Whether the broker keeps it for later subscribers. */
  readonly retain: boolean;
  /** The same for each attempt, so that a broker can recognize a repetition. */
  readonly id: string;
}

/** A message from the broker. */
export interface Arrival {
  readonly topic: string;
  readonly payload: Uint8Array;
  /** Whether the broker had kept it: it is older than the subscription. */
  readonly retained: boolean;
  /** Undefined if the sender does not want an answer. */
  readonly reply: ((payload: Buffer, contentType: string, failure: string | undefined) => Promise<void>) | undefined;
}

/** The broker refused a publication, and another attempt would not help. */
export class Refusal extends Error {
  override readonly name = 'Refusal';
  readonly reason: SerpyError;

  constructor(reason: SerpyError) {
    super(reason.message, { cause: reason });
    this.reason = reason;
  }
}

/** One connection to a broker. */
export interface BrokerLink {
  /** Such as `'MQTT 5'`. */
  readonly protocol: string;
  /** The publications that may be unacknowledged at a time. */
  readonly window: number;
  /** Resolves when the connection has ended, with the reason. Never rejects. */
  readonly ended: Promise<string>;
  /** How often the retained description has to be published again; undefined if once is enough. */
  readonly refreshMs: number | undefined;
  /** Resolves when the broker acknowledged it. Rejects with `Refusal`, or with another error if the connection ended before. */
  publish(publication: Publication): Promise<void>;
  /** Closes the connection without the will. */
  close(): Promise<void>;
}

export interface LinkOptions {
  readonly window: number;
  /** Published by the broker if the connection ends without `close`. */
  readonly will: Publication;
  readonly subscriptions: readonly string[];
  onArrival(arrival: Arrival): void;
  /** Ends the attempt to connect. */
  readonly signal: AbortSignal;
}

export interface Broker {
  /** Without secrets. */
  readonly url: string;
  /** Rejects with `SerpyError` if there is no connection. */
  connect(options: LinkOptions): Promise<BrokerLink>;
}
