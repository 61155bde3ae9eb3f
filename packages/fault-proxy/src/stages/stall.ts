/** Stalls a direction: items wait while it is stalled, and then pass in one burst. */
import type { Item } from './item.js';
import { ItemQueue } from './item-queue.js';
import type { Out, Stage } from './stage.js';

export class StallStage implements Stage {
  readonly queue = new ItemQueue();
  #stalled = false;
  #untilMs = Number.POSITIVE_INFINITY;

  get dueMs(): number {
    return this.#stalled ? this.#untilMs : Number.POSITIVE_INFINITY;
  }

  /** Stalls until a time, or until `resume`. */
  stall(untilMs = Number.POSITIVE_INFINITY): void {
    this.#stalled = true;
    this.#untilMs = untilMs;
  }

  resume(nowMs: number, out: Out): void {
    this.#stalled = false;
    while (this.queue.length > 0 && !this.#stalled) this.#pass(this.queue.shift(), nowMs, out);
  }

  push(item: Item, nowMs: number, out: Out): void {
    if (this.#stalled) this.queue.push(item);
    else this.#pass(item, nowMs, out);
  }

  tick(nowMs: number, out: Out): void {
    if (this.dueMs <= nowMs) this.resume(nowMs, out);
  }

  #pass(item: Item, nowMs: number, out: Out): void {
    if (item.kind === 'stall') this.stall(nowMs + item.forMs);
    else out(item, nowMs);
  }
}
