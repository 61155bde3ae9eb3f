/** Messages that wait for the broker: bounded, in order, and a few of them unacknowledged at a time. */
import { Fifo, MessagesDroppedError, type SerpyError } from 'serpy-core';
import { type BrokerLink, type Publication, Refusal } from '../brokers/broker.js';

export interface OutboxOptions {
  readonly maxMessages: number;
  readonly maxBytes: number;
}

/** A message that was unacknowledged when this many connections ended may be their cause. It is sent alone from then on. */
const suspectAfter = 2;
const maxAttempts = 4;

interface Entry {
  readonly publication: Publication;
  attempts: number;
  isDone: boolean;
}

export interface OutboxHost {
  /** Messages were dropped at the bounds, or refused by the broker. */
  onDropped(error: SerpyError, count: number): void;
}

export class Outbox {
  readonly #options: OutboxOptions;
  readonly #host: OutboxHost;
  /** What was not handed to the link, or not to this one. */
  readonly #waiting = new Fifo<Entry>();
  /** What the link has, in order. */
  #inFlight: Entry[] = [];
  #link: BrokerLink | undefined;
  #bytes = 0;
  #idle: (() => void)[] = [];
  published = 0;
  publishedBytes = 0;
  dropped = 0;
  refused = 0;

  constructor(options: OutboxOptions, host: OutboxHost) {
    this.#options = options;
    this.#host = host;
  }

  /** Messages that no broker has acknowledged. */
  get length(): number {
    return this.#waiting.length + this.#inFlight.length;
  }

  get inFlight(): number {
    return this.#inFlight.length;
  }

  get bytes(): number {
    return this.#bytes;
  }

  /** Accepts a message. At the bounds, the oldest that waits is dropped. */
  add(publication: Publication): void {
    const { maxMessages, maxBytes } = this.#options;
    const size = publication.payload.length;
    let count = 0;
    while (this.#waiting.length > 0 && (this.length >= maxMessages || this.#bytes + size > maxBytes)) {
      this.#bytes -= (this.#waiting.shift() as Entry).publication.payload.length;
      count++;
    }
    if (count > 0) this.#drop(count, 'the buffer for the broker is full');
    this.#waiting.push({ publication, attempts: 0, isDone: false });
    this.#bytes += size;
    this.#pump();
  }

  attach(link: BrokerLink): void {
    this.#link = link;
    this.#pump();
  }

  /** The link has ended: what it did not acknowledge is sent again, before the rest. */
  detach(): void {
    this.#link = undefined;
    const again = this.#inFlight.filter(({ isDone }) => !isDone);
    this.#inFlight = [];
    const rest = again.filter((entry) => {
      entry.attempts++;
      if (entry.attempts < maxAttempts) return true;
      this.#bytes -= entry.publication.payload.length;
      this.#refuse(
        new MessagesDroppedError(
          `a message for ${entry.publication.topic} of ${entry.publication.payload.length} bytes was not sent: the connection to the broker ended ${maxAttempts} times while it was sent. Check the limit of the broker, and lower maxBytes`,
          1,
        ),
      );
      return false;
    });
    const later: Entry[] = [];
    for (let entry = this.#waiting.shift(); entry; entry = this.#waiting.shift()) later.push(entry);
    for (const entry of [...rest, ...later]) this.#waiting.push(entry);
    this.#settle();
  }

  /** Resolves when nothing waits. */
  idle(): Promise<void> {
    return new Promise((resolve) => {
      if (this.length === 0) resolve();
      else this.#idle.push(resolve);
    });
  }

  /** Drops everything, and counts it. */
  clear(): void {
    const count = this.length;
    this.#waiting.clear();
    this.#inFlight = [];
    this.#bytes = 0;
    if (count > 0) this.#drop(count, 'the bridge was closed before the broker acknowledged them');
    this.#settle();
  }

  #pump(): void {
    const link = this.#link;
    while (link && this.#waiting.length > 0) {
      const isSuspect = (this.#inFlight[0] ?? this.#waiting.first)?.attempts as number;
      if (this.#inFlight.length >= (isSuspect >= suspectAfter ? 1 : link.window)) return;
      const entry = this.#waiting.shift() as Entry;
      this.#inFlight.push(entry);
      void this.#publish(entry, link);
    }
  }

  async #publish(entry: Entry, link: BrokerLink): Promise<void> {
    const { publication } = entry;
    let refusal: Refusal | undefined;
    try {
      await link.publish(publication);
    } catch (error) {
      if (!(error instanceof Refusal)) return void link.close(); // `detach` takes the message back
      refusal = error;
    }
    if (link !== this.#link) return; // it waits again, or was sent over the next link
    entry.isDone = true;
    this.#inFlight = this.#inFlight.filter((each) => each !== entry);
    this.#bytes -= publication.payload.length;
    if (refusal) this.#refuse(refusal.reason);
    else {
      this.published++;
      this.publishedBytes += publication.payload.length;
    }
    this.#pump();
    this.#settle();
  }

  #refuse(error: SerpyError): void {
    this.refused++;
    this.#host.onDropped(error, 1);
  }

  #drop(count: number, why: string): void {
    this.dropped += count;
    const messages = count === 1 ? '1 message was' : `${count} messages were`;
    this.#host.onDropped(new MessagesDroppedError(`${messages} dropped: ${why}`, count), count);
  }

  #settle(): void {
    if (this.length > 0) return;
    for (const resolve of this.#idle.splice(0)) resolve();
  }
}
