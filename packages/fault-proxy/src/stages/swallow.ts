/** Makes a direction dead: drops everything, including the end and the reset, so that the receiver notices nothing. */
import type { FaultSettings } from '../options/faults.js';
import type { Item } from './item.js';
import type { Out, Stage } from './stage.js';

export class Swallow implements Stage {
  #on = false;

  apply({ swallow = this.#on }: Partial<FaultSettings>): void {
    this.#on = swallow;
  }

  push(item: Item, nowMs: number, out: Out): void {
    if (!this.#on) out(item, nowMs);
  }
}
