/** Inserts cuts and stalls between the bytes, at their positions. They take effect where they arrive. */
import type { CutHow, CutSettings, FaultSettings } from '../options/faults.js';
import type { FrameTracker } from './frame-tracker.js';
import type { Item } from './item.js';
import type { Out, Stage } from './stage.js';
import { TriggerPoints } from './trigger-points.js';

export class CutStage implements Stage {
  readonly #cuts: TriggerPoints<CutSettings>;
  readonly #stalls: TriggerPoints<CutSettings>;
  #stallMs = Number.POSITIVE_INFINITY;
  #cut = false;

  constructor(frames: FrameTracker) {
    this.#cuts = new TriggerPoints(frames);
    this.#stalls = new TriggerPoints(frames);
  }

  apply({ cut, stallAfterBytes, stallMs = this.#stallMs }: Partial<FaultSettings>): void {
    this.#stallMs = stallMs;
    if (cut) this.#cuts.set(cut);
    if (stallAfterBytes === undefined) return;
    const never = stallAfterBytes === Number.POSITIVE_INFINITY;
    this.#stalls.set(never ? [] : [{ atByte: stallAfterBytes, frame: undefined, byte: 0, how: 'stall' }]);
  }

  push(item: Item, nowMs: number, out: Out): void {
    if (this.#cut) return; // nothing comes after a cut
    if (item.kind !== 'bytes' || item.at === undefined) {
      out(item, nowMs);
      return;
    }
    for (const { piece, mark } of this.#cuts.split(item)) {
      for (const step of this.#stalls.split(piece)) {
        out(step.piece, nowMs);
        if (step.mark) out({ kind: 'stall', forMs: this.#stallMs }, nowMs);
      }
      if (mark) this.#do(mark.how, nowMs, out);
      if (this.#cut) return;
    }
  }

  #do(how: CutHow, nowMs: number, out: Out): void {
    if (how === 'stall') {
      out({ kind: 'stall', forMs: Number.POSITIVE_INFINITY }, nowMs);
      return;
    }
    this.#cut = true;
    out({ kind: 'cut', how }, nowMs);
  }
}
