/** Inserts additional bytes. It is the last stage that uses positions, so it drops empty pieces, which only trigger positions. */
import type { FaultSettings, InsertSettings } from '../options/faults.js';
import type { FrameTracker } from './frame-tracker.js';
import { addedPiece, type Item } from './item.js';
import type { Out, Stage } from './stage.js';
import { TriggerPoints } from './trigger-points.js';

export class Insert implements Stage {
  readonly #marks: TriggerPoints<InsertSettings>;

  constructor(frames: FrameTracker) {
    this.#marks = new TriggerPoints(frames);
  }

  apply({ insert }: Partial<FaultSettings>): void {
    if (insert) this.#marks.set(insert);
  }

  push(item: Item, nowMs: number, out: Out): void {
    if (item.kind !== 'bytes' || item.at === undefined) {
      out(item, nowMs);
      return;
    }
    for (const { piece, mark } of this.#marks.split(item)) {
      if (piece.bytes.length > 0) out(piece, nowMs);
      if (mark && mark.bytes.length > 0) out(addedPiece(mark.bytes), nowMs);
    }
  }
}
