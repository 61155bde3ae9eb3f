/** The stages of one direction in their order, as one state machine: items in, items out, and the time of its next tick. */

import type { FaultSettings } from './options/faults.js';
import type { Random } from './random.js';
import { Bandwidth } from './stages/bandwidth.js';
import { Corrupt } from './stages/corrupt.js';
import { CutStage } from './stages/cut.js';
import { Duplicate } from './stages/duplicate.js';
import { FrameTracker } from './stages/frame-tracker.js';
import { Insert } from './stages/insert.js';
import type { Item } from './stages/item.js';
import { Latency } from './stages/latency.js';
import { Slicer } from './stages/slicer.js';
import type { Out, Stage } from './stages/stage.js';
import { StallStage } from './stages/stall.js';
import { Swallow } from './stages/swallow.js';

export interface PipelineOptions {
  /** The random generator of a stage, by the stage's name. */
  readonly random: (stage: string) => Random;
  /** Whether all output has left this process. */
  readonly isWritten: () => boolean;
  /** Receives the output. */
  readonly outlet: Out;
}

export class Pipeline {
  readonly #stages: readonly Stage[];
  /** The output of each stage: the next stage, and for the last one the outlet. */
  readonly #outs: readonly Out[];
  readonly #stallStage = new StallStage();

  constructor({ random, isWritten, outlet }: PipelineOptions) {
    const frames = new FrameTracker();
    this.#stages = [
      frames,
      new Swallow(),
      new CutStage(frames),
      new Corrupt(frames, random('corrupt')),
      new Duplicate(frames, random('duplicate')),
      new Insert(frames),
      new Latency(random('latency')),
      new Bandwidth(),
      this.#stallStage,
      new Slicer(random('slicer'), isWritten),
    ];
    const outs: Out[] = [outlet];
    for (const stage of this.#stages.slice(1).reverse()) {
      const next = outs[0] as Out;
      outs.unshift((item, nowMs) => stage.push(item, nowMs, next));
    }
    this.#outs = outs;
  }

  /** When `tick` is due; `Infinity` if nothing is planned. */
  get dueMs(): number {
    return this.#stages.reduce((dueMs, stage) => Math.min(dueMs, stage.dueMs ?? dueMs), Number.POSITIVE_INFINITY);
  }

  /** The bytes in the queues. */
  get heldBytes(): number {
    return this.#stages.reduce((bytes, { queue }) => bytes + (queue?.bytes ?? 0), 0);
  }

  /** The approximate memory of the queues; 0 if they are empty. */
  get memoryBytes(): number {
    return this.#stages.reduce((weight, { queue }) => weight + (queue?.memoryBytes ?? 0), 0);
  }

  /** Sets these faults and keeps the others. */
  apply(given: Partial<FaultSettings>): void {
    for (const stage of this.#stages) stage.apply?.(given);
  }

  push(item: Item, nowMs: number): void {
    this.#stages[0]?.push(item, nowMs, this.#outs[0] as Out);
  }

  tick(nowMs: number): void {
    this.#stages.forEach((stage, i) => stage.tick?.(nowMs, this.#outs[i] as Out));
  }

  stall(): void {
    this.#stallStage.stall();
  }

  resume(nowMs: number): void {
    this.#stallStage.resume(nowMs, this.#outs[this.#stages.indexOf(this.#stallStage)] as Out);
  }

  /** Drops everything in the queues. */
  clear(): void {
    for (const { queue } of this.#stages) queue?.clear();
  }
}
