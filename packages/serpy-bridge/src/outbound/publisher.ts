/** From the instrument to the broker: limits the rate, encodes, and counts what is not sent. */
import { type Clock, isSerpyError, SerpyError, ValueError } from 'serpy-core';
import type { Consumer, HubMessage } from 'serpy-hub';
import type { BridgeSettings } from '../options.js';
import type { AboutPublisher } from './about.js';
import type { Outbox } from './outbox.js';
import { isArrayKind, payloadOf, topicKind } from './payload.js';
import { RateLimit } from './rate-limit.js';
import type { Warnings } from './warnings.js';

export interface PublisherParts {
  readonly settings: BridgeSettings;
  readonly clock: Clock;
  readonly about: AboutPublisher;
  readonly outbox: Outbox;
  readonly warnings: Warnings;
  /** A text that no other bridge has, for the ids of messages. */
  readonly run: string;
}

export class Publisher {
  readonly #parts: PublisherParts;
  readonly #limit: RateLimit<HubMessage>;
  received = 0;
  /** Messages that are too large, or that have no form on a broker. */
  refused = 0;
  binned = 0;

  constructor(parts: PublisherParts) {
    this.#parts = parts;
    this.#limit = new RateLimit(parts.clock, parts.settings.intervalMs, (message) => this.#publish(message));
  }

  /** Messages that `maxFps` replaced by newer ones. */
  get skipped(): number {
    return this.#limit.skipped;
  }

  /** Messages that wait for `maxFps`. */
  get waiting(): number {
    return this.#limit.waiting;
  }

  /** Reads to the end of the consumer. Never waits for the broker, so that the instrument does not. */
  async run(consumer: Consumer): Promise<void> {
    for await (const message of consumer) {
      this.received++;
      const kind = topicKind(message);
      if (isArrayKind(kind)) this.#limit.offer(kind, message);
      else this.#publish(message);
    }
    this.#limit.flush();
  }

  #publish(message: HubMessage): void {
    const { settings, about, outbox, warnings, run } = this.#parts;
    try {
      const payload = payloadOf(message, settings.limits);
      if (payload.bin !== undefined) this.binned++;
      const topic = settings.topics.of(payload.kind);
      about.learn(payload, topic);
      const { payload: bytes, contentType } = payload;
      outbox.add({ topic, payload: bytes, contentType, retain: false, id: `${run}-${message.number}` });
    } catch (error) {
      this.refused++;
      warnings.add(isSerpyError(error) ? (error as unknown as SerpyError) : asValueError(error));
    }
  }
}

function asValueError(error: unknown): SerpyError {
  if (error instanceof SerpyError) return error;
  return new ValueError(`a message could not be encoded: ${(error as Error).message}`, { cause: error });
}
