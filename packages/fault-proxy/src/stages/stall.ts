/** A gate that a stall closes: what comes meanwhile waits, and goes on in one burst. */
import type { Item } from './item.js';
import { ItemQueue } from './item-queue.js';
import type { Out, Stage } from './stage.js';

export class StallStage implements Stage {
  readonly queue = new ItemQueue();
  #closed = false;
  #opensAtMs = Number.POSITIVE_INFINITY;

  get dueMs(): number {
    return this.#closed ? this.#opensAtMs : Number.POSITIVE_INFINITY;
  }

  /** Closes it until a time, or until `resume`. */
  stall(untilMs = Number.POSITIVE_INFINITY): void {
    this.#closed = true;
    this.#opensAtMs = untilMs;
  }

  resume(nowMs: number, out: Out): void {
    this.#closed = false;
    while (this.queue.length > 0 && !this.#closed) this.#pass(this.queue.shift(), nowMs, out);
  }

  push(item: Item, nowMs: number, out: Out): void {
    if (this.#closed) this.queue.push(item);
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
