/** What a stage of a direction is: a small machine without sockets, timers or promises. Items go in, items come out, now or later. */
import type { FaultSettings } from '../options/faults.js';
import type { Item } from './item.js';
import type { ItemQueue } from './item-queue.js';

/** Where a stage puts what comes out of it. */
export type Out = (item: Item, nowMs: number) => void;

export interface Stage {
  /** Takes an item, and gives `out` what comes of it at once. */
  push(item: Item, nowMs: number, out: Out): void;
  /** Takes the faults that were said now; the others stay as they are. */
  apply?(given: Partial<FaultSettings>): void;
  /** What it holds back, if it is a stage that does. */
  readonly queue?: ItemQueue;
  /** When it wants to be asked for what has fallen due; `Infinity` for not at all. */
  readonly dueMs?: number;
  tick?(nowMs: number, out: Out): void;
}
