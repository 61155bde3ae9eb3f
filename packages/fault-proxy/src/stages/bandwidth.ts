/** Limits the bytes per second. They pass in small portions, as on a slow line. */
import type { FaultSettings } from '../options/faults.js';
import type { Item } from './item.js';
import { ItemQueue } from './item-queue.js';
import type { Out, Stage } from './stage.js';

/** Milliseconds: a portion is what the line carries in this time, at least one byte. */
const portionMs = 10;

export class Bandwidth implements Stage {
  readonly queue = new ItemQueue();
  #bytesPerMs = Number.POSITIVE_INFINITY;
  /** When the line finishes the bytes that have passed. Idle time is not saved up for later bytes. */
  #busyUntilMs = 0;

  get dueMs(): number {
    const { first } = this.queue;
    if (!first) return Number.POSITIVE_INFINITY;
    if (first.kind !== 'bytes') return this.#busyUntilMs;
    const portion = Math.min(first.bytes.length, Math.max(1, Math.ceil(this.#bytesPerMs * portionMs)));
    return this.#busyUntilMs + portion / this.#bytesPerMs;
  }

  apply({ bytesPerSecond }: Partial<FaultSettings>): void {
    if (bytesPerSecond !== undefined) this.#bytesPerMs = bytesPerSecond / 1000;
  }

  push(item: Item, nowMs: number, out: Out): void {
    if (this.queue.length > 0) {
      this.queue.push(item);
    } else if (this.#bytesPerMs === Number.POSITIVE_INFINITY || item.kind !== 'bytes') {
      out(item, nowMs);
    } else {
      this.#busyUntilMs = Math.max(this.#busyUntilMs, nowMs);
      this.queue.push(item);
    }
  }

  tick(nowMs: number, out: Out): void {
    for (let { first } = this.queue; first && this.dueMs <= nowMs; { first } = this.queue) {
      const item = this.queue.take(this.#carriedUntil(nowMs));
      if (item.kind === 'bytes') this.#busyUntilMs += item.bytes.length / this.#bytesPerMs;
      out(item, nowMs);
    }
  }

  #carriedUntil(nowMs: number): number {
    if (this.#bytesPerMs === Number.POSITIVE_INFINITY) return Number.POSITIVE_INFINITY;
    return Math.max(1, Math.floor((nowMs - this.#busyUntilMs) * this.#bytesPerMs));
  }
}
