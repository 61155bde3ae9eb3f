/** The description of an instrument on the broker: kept for later subscribers, and marked as offline by the will. */
import type { Clock, SerpyError } from 'serpy-core';
import { type BrokerLink, type Publication, Refusal } from '../brokers/broker.js';
import type { TopicKind } from '../topics.js';
import type { Payload } from './payload.js';

/** One kind of message, as it is sent. */
export interface AboutTopic {
  readonly topic: string;
  readonly contentType: string;
  readonly dtype?: string;
  readonly shape?: readonly number[];
  readonly bin?: number;
  readonly unit?: string;
}

/** What `$about` contains, as JSON. */
export interface About {
  readonly name: string;
  /** Whether the bridge is connected to the broker, and the instrument to the bridge. */
  readonly online: boolean;
  /** Why it is not online. */
  readonly reason?: string;
  /** The address of the instrument, without keys and options. */
  readonly url?: string;
  readonly unit?: string;
  /** By kind: those that were sent up to now. */
  readonly topics: Readonly<Partial<Record<TopicKind, AboutTopic>>>;
  /** Where it receives commands and requests, if it does. */
  readonly commands?: string;
  readonly requests?: string;
}

/** A shape that changes with each message is not published each time. */
const minIntervalMs = 500;

export class AboutPublisher {
  readonly #topic: string;
  readonly #clock: Clock;
  readonly #onRefused: (error: SerpyError) => void;
  #about: About;
  #link: BrokerLink | undefined;
  #sent: string | undefined;
  #lastMs = Number.NEGATIVE_INFINITY;
  #timer: unknown;
  #refresh: unknown;
  #number = 0;

  constructor(topic: string, about: About, clock: Clock, onRefused: (error: SerpyError) => void) {
    this.#topic = topic;
    this.#about = about;
    this.#clock = clock;
    this.#onRefused = onRefused;
  }

  get current(): About {
    return this.#about;
  }

  /** What the broker publishes when the bridge is gone. */
  will(): Publication {
    const { reason, ...about } = this.#about;
    return this.#publication({ ...about, online: false, reason: 'the bridge lost its connection to the broker' });
  }

  change(changes: Partial<About>): void {
    const { reason, ...about } = this.#about;
    this.#about = { ...about, ...changes };
    this.#publish(true);
  }

  /** Adds a kind, or what changed in it. */
  learn({ kind, contentType, dtype, shape, bin }: Payload, topic: string): void {
    const { topics, unit } = this.#about;
    const known = topics[kind];
    const isSame =
      known !== undefined && known.dtype === dtype && known.bin === bin && String(known.shape) === String(shape);
    if (isSame) return;
    const isMeasured = kind !== 'text' && kind !== 'bytes' && kind !== 'object';
    const entry: AboutTopic = {
      topic,
      contentType,
      ...(dtype !== undefined && { dtype }),
      ...(shape !== undefined && { shape }),
      ...(bin !== undefined && { bin }),
      ...(unit !== undefined && isMeasured && { unit }),
    };
    this.#about = { ...this.#about, topics: { ...topics, [kind]: entry } };
    this.#publish(known === undefined);
  }

  attach(link: BrokerLink): void {
    this.#link = link;
    this.#sent = undefined;
    this.#publish(true);
    this.#scheduleRefresh();
  }

  detach(): void {
    this.#link = undefined;
    this.#clock.clearTimeout(this.#timer);
    this.#clock.clearTimeout(this.#refresh);
    this.#timer = undefined;
  }

  /** Publishes the last description. */
  async end(about: Partial<About>): Promise<void> {
    const link = this.#link;
    this.detach();
    this.#about = { ...this.#about, ...about };
    await link?.publish(this.#publication(this.#about)).catch(() => {});
  }

  /** @param isUrgent not after the interval: whether it is online, and a new kind before its first message */
  #publish(isUrgent: boolean): void {
    const link = this.#link;
    const text = JSON.stringify(this.#about);
    if (!link || text === this.#sent || (this.#timer !== undefined && !isUrgent)) return;
    const waitMs = this.#lastMs + minIntervalMs - this.#clock.now();
    if (waitMs > 0 && !isUrgent) {
      this.#timer = this.#clock.setTimeout(() => {
        this.#timer = undefined;
        this.#publish(false);
      }, waitMs);
      return;
    }
    this.#lastMs = this.#clock.now();
    this.#sent = text;
    link.publish(this.#publication(this.#about)).catch((error) => {
      if (error instanceof Refusal) this.#onRefused(error.reason);
      else void link.close(); // the next connection publishes it
    });
  }

  #scheduleRefresh(): void {
    const link = this.#link;
    if (link?.refreshMs === undefined) return;
    this.#refresh = this.#clock.setTimeout(() => {
      this.#sent = undefined;
      this.#publish(true);
      this.#scheduleRefresh();
    }, link.refreshMs);
  }

  #publication(about: About): Publication {
    return {
      topic: this.#topic,
      payload: Buffer.from(JSON.stringify(about)),
      contentType: 'application/json',
      retain: true,
      id: `about-${about.name}-${this.#clock.now()}-${this.#number++}`,
    };
  }
}
