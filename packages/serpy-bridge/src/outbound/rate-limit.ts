/** Lets at most so many messages of each topic pass per second. The newest one of an interval is sent at its end. */
import type { Clock } from 'serpy-core';

interface Lane<T> {
  dueMs: number;
  waiting: { value: T } | undefined;
  timer: unknown;
}

export class RateLimit<T> {
  readonly #clock: Clock;
  readonly #intervalMs: number;
  readonly #emit: (value: T) => void;
  readonly #lanes = new Map<string, Lane<T>>();
  /** Messages that newer ones replaced. */
  skipped = 0;

  constructor(clock: Clock, intervalMs: number, emit: (value: T) => void) {
    this.#clock = clock;
    this.#intervalMs = intervalMs;
    this.#emit = emit;
  }

  /** Messages that wait for the end of their interval. */
  get waiting(): number {
    let count = 0;
    for (const lane of this.#lanes.values()) if (lane.waiting) count++;
    return count;
  }

  offer(key: string, value: T): void {
    if (this.#intervalMs === 0) return this.#emit(value);
    let lane = this.#lanes.get(key);
    if (!lane) {
      lane = { dueMs: Number.NEGATIVE_INFINITY, waiting: undefined, timer: undefined };
      this.#lanes.set(key, lane);
    }
    const now = this.#clock.now();
    if (lane.timer === undefined && now >= lane.dueMs) return this.#pass(lane, value, now);
    if (lane.waiting) this.skipped++;
    lane.waiting = { value };
    this.#arm(lane, now);
  }

  /** Sends what waits now. */
  flush(): void {
    for (const lane of this.#lanes.values()) {
      this.#clock.clearTimeout(lane.timer);
      lane.timer = undefined;
      const { waiting } = lane;
      lane.waiting = undefined;
      if (waiting) this.#emit(waiting.value);
    }
  }

  #pass(lane: Lane<T>, value: T, now: number): void {
    // A late timer does not lower the rate, and a pause does not make a burst.
    lane.dueMs = Math.max(lane.dueMs + this.#intervalMs, now);
    if (lane.dueMs <= now) lane.dueMs = now + this.#intervalMs;
    this.#emit(value);
  }

  #arm(lane: Lane<T>, now: number): void {
    lane.timer ??= this.#clock.setTimeout(
      () => {
        lane.timer = undefined;
        const { waiting } = lane;
        lane.waiting = undefined;
        if (waiting) this.#pass(lane, waiting.value, this.#clock.now());
      },
      Math.max(0, lane.dueMs - now),
    );
  }
}
