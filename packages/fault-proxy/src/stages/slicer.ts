/** Passes bytes on in slices, one at a time, so that each is written separately. */

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
  /** The missing bytes of the current slice, so that slices end at the same bytes however the chunks arrive. */
  #left = 0;
  #nextMs = 0;

  /** @param isWritten whether the previous slice has left this process: two slices that wait there would leave as one */
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

  /** Passes one slice, and the ends and cuts after it. */
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
