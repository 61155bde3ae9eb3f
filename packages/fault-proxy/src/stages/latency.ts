/** Delays every item. The order is kept: an item with a shorter delay waits for those before it. */

import type { FaultSettings } from '../options/faults.js';
import type { Random } from '../random.js';
import type { Item } from './item.js';
import { ItemQueue } from './item-queue.js';
import type { Out, Stage } from './stage.js';

export class Latency implements Stage {
  readonly queue = new ItemQueue();
  readonly #random: Random;
  #latencyMs = 0;
  #jitterMs = 0;

  constructor(random: Random) {
    this.#random = random;
  }

  get dueMs(): number {
    return this.queue.firstDueMs;
  }

  /** Items in the queue keep their delay. */
  apply({ latencyMs = this.#latencyMs, jitterMs = this.#jitterMs }: Partial<FaultSettings>): void {
    this.#latencyMs = latencyMs;
    this.#jitterMs = jitterMs;
  }

  push(item: Item, nowMs: number, out: Out): void {
    const delayMs = this.#latencyMs + (this.#jitterMs > 0 ? this.#random() * this.#jitterMs : 0);
    if (delayMs === 0 && this.queue.length === 0) {
      out(item, nowMs);
      return;
    }
    this.queue.push(item, nowMs + delayMs);
  }

  tick(nowMs: number, out: Out): void {
    while (this.queue.length > 0 && this.dueMs <= nowMs) out(this.queue.shift(), nowMs);
  }
}
