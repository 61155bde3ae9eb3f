/** Hands bytes on in slices, one at a time, so that each is written by itself. */

import type { FaultSettings } from '../options/faults.js';
import type { Random } from '../random.js';
import type { Item } from './item.js';
import { ItemQueue } from './item-queue.js';
import type { Out, Stage } from './stage.js';

export class Slicer implements Stage {
  readonly queue = new ItemQueue();
  readonly #random: Random;
  readonly #isWritten: () => boolean;
  #sliceBytes = Number.POSITIVE_INFINITY;
  #randomSlices = false;
  #gapMs = 0;
  /** What is missing from the slice that was begun: slices end at the same bytes however the chunks came. */
  #left = 0;
  #nextMs = 0;

  /** @param isWritten whether the slice before has left this process: two that wait there would go out as one */
  constructor(random: Random, isWritten: () => boolean) {
    this.#random = random;
    this.#isWritten = isWritten;
  }

  get dueMs(): number {
    return this.queue.length > 0 && this.#isWritten() ? this.#nextMs : Number.POSITIVE_INFINITY;
  }

  apply(given: Partial<FaultSettings>): void {
    const { sliceBytes, randomSlices, sliceGapMs } = given;
    if (sliceBytes !== undefined || randomSlices !== undefined) this.#left = 0;
    this.#sliceBytes = sliceBytes ?? this.#sliceBytes;
    this.#randomSlices = randomSlices ?? this.#randomSlices;
    this.#gapMs = sliceGapMs ?? this.#gapMs;
  }

  push(item: Item, nowMs: number, out: Out): void {
    if (this.queue.length === 0 && (!this.#slices || item.kind !== 'bytes')) out(item, nowMs);
    else this.queue.push(item);
  }

  /** One slice, and the ends and cuts behind it. */
  tick(nowMs: number, out: Out): void {
    if (this.dueMs > nowMs) return;
    let sliced = false;
    for (let { first } = this.queue; first; { first } = this.queue) {
      if (first.kind !== 'bytes' || !this.#slices) {
        out(this.queue.shift(), nowMs);
        continue;
      }
      if (sliced) return;
      sliced = true;
      this.#nextMs = nowMs + this.#gapMs;
      out(this.#slice(first.bytes.length), nowMs);
    }
  }

  get #slices(): boolean {
    return this.#sliceBytes !== Number.POSITIVE_INFINITY;
  }

  #slice(available: number): Item {
    if (this.#left === 0) {
      this.#left = this.#randomSlices ? 1 + Math.floor(this.#random() * this.#sliceBytes) : this.#sliceBytes;
    }
    const count = Math.min(this.#left, available);
    this.#left -= count;
    return this.queue.take(count);
  }
}
