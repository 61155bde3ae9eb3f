/** Connects to the broker again whenever the connection ends. */
import type { Clock } from 'serpy-core';
import type { Broker, BrokerLink, LinkOptions } from './broker.js';

export type BrokerState = 'connecting' | 'connected' | 'reconnecting' | 'closed';

export interface KeeperHost {
  readonly clock: Clock;
  readonly random: () => number;
  /** For each attempt: the will is that of the moment. */
  linkOptions(): Omit<LinkOptions, 'signal'>;
  onUp(link: BrokerLink): void;
  onDown(): void;
  onChange(): void;
}

/** Between two attempts to connect. A random part keeps many bridges from connecting at the same moment. */
const retryMs = { first: 250, most: 5000 };

/** A connection that lasted this long was a good one. */
const stableMs = 5000;

export class BrokerKeeper {
  readonly #broker: Broker;
  readonly #host: KeeperHost;
  readonly #ending = new AbortController();
  readonly #running: Promise<void>;
  #link: BrokerLink | undefined;
  #connects = 0;
  state: BrokerState = 'connecting';
  /** Why there is no connection. */
  problem: string | undefined;

  constructor(broker: Broker, host: KeeperHost) {
    this.#broker = broker;
    this.#host = host;
    this.#running = this.#run();
  }

  get link(): BrokerLink | undefined {
    return this.#link;
  }

  get reconnects(): number {
    return Math.max(0, this.#connects - 1);
  }

  async close(): Promise<void> {
    this.#ending.abort();
    await this.#link?.close();
    await this.#running;
  }

  async #run(): Promise<void> {
    const { signal } = this.#ending;
    let delayMs = retryMs.first;
    await Promise.resolve(); // the owner has this object before the first callback
    while (!signal.aborted) {
      const startedMs = this.#host.clock.now();
      await this.#attempt();
      if (this.#host.clock.now() - startedMs > stableMs) delayMs = retryMs.first;
      if (signal.aborted) break;
      await this.#pause(delayMs * (0.75 + 0.5 * this.#host.random()), signal);
      delayMs = Math.min(retryMs.most, 2 * delayMs);
    }
    this.#setState('closed');
  }

  /** Resolves when the attempt failed, or when the connection that it made has ended. */
  async #attempt(): Promise<void> {
    try {
      const link = await this.#broker.connect({ ...this.#host.linkOptions(), signal: this.#ending.signal });
      if (this.#ending.signal.aborted) return await link.close();
      this.#link = link;
      this.#connects++;
      this.problem = undefined;
      this.#setState('connected');
      this.#host.onUp(link);
      this.problem = await link.ended;
    } catch (error) {
      this.problem = (error as Error).message;
    }
    const wasUp = this.#link !== undefined;
    this.#link = undefined;
    if (wasUp) this.#host.onDown();
    if (!this.#ending.signal.aborted) this.#setState(this.#connects > 0 ? 'reconnecting' : 'connecting');
  }

  #setState(state: BrokerState): void {
    this.state = state;
    this.#host.onChange();
  }

  #pause(delayMs: number, signal: AbortSignal): Promise<void> {
    const { clock } = this.#host;
    return new Promise((resolve) => {
      const done = () => {
        clock.clearTimeout(timer);
        signal.removeEventListener('abort', done);
        resolve();
      };
      const timer = clock.setTimeout(done, delayMs);
      signal.addEventListener('abort', done);
    });
  }
}
