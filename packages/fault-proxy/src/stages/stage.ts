/** The interface of a stage: a state machine without sockets, timers or promises. Items go in, and come out now or later. */
import type { FaultSettings } from '../options/faults.js';
import type { Item } from './item.js';
import type { ItemQueue } from './item-queue.js';

/** The output of a stage. */
export type Out = (item: Item, nowMs: number) => void;

export interface Stage {
  /** Accepts an item, and passes to `out` what can leave now. */
  push(item: Item, nowMs: number, out: Out): void;
  /** Sets these faults and keeps the others. */
  apply?(given: Partial<FaultSettings>): void;
  /** The items that the stage delays, if it delays any. */
  readonly queue?: ItemQueue;
  /** When `tick` is due; `Infinity` if nothing is planned. */
  readonly dueMs?: number;
  /** Passes to `out` what is due. */
  tick?(nowMs: number, out: Out): void;
}
