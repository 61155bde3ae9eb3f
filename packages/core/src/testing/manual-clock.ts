/** A clock that a test advances, or that advances by itself whenever the program is idle. */
import { setImmediate as nextTurn } from 'node:timers/promises';
import type { Clock } from '../environment.js';

interface Timer {
  readonly atMs: number;
  /** Timers of the same moment fire in the order in which they were set. */
  readonly order: number;
  readonly callback: () => void;
}

/** 100,000: `runAll` takes a longer chain of timers for an endless one. */
const maxTimers = 100_000;

/**
 * The time of a program under test: timers fire only when the test advances the clock, in their order.
 *
 * ```ts
 * const clock = new ManualClock();
 * const connection = new Connection({ autoRestart: true }, new MemoryNetwork({ clock }));
 * await clock.advance(15_000);
 * ```
 */
export class ManualClock implements Clock {
  #nowMs = 0;
  #order = 0;
  readonly #timers = new Set<Timer>();
  #free = false;
  #turnPlanned = false;

  /** Milliseconds since the clock was created. */
  now(): number {
    return this.#nowMs;
  }

  /** The number of timers that are set and have not fired. */
  get pending(): number {
    return this.#timers.size;
  }

  setTimeout(callback: () => void, delayMs: number): unknown {
    const timer: Timer = { atMs: this.#nowMs + Math.max(0, delayMs), order: this.#order++, callback };
    this.#timers.add(timer);
    this.#planTurn();
    return timer;
  }

  clearTimeout(timer: unknown): void {
    this.#timers.delete(timer as Timer);
  }

  /** Calls back between two timers, after everything that can arrive has arrived. */
  setImmediate(callback: () => void): void {
    setImmediate(callback);
  }

  /**
   * Advances the clock: fires the due timers in order, and lets the program finish the work of each before the next fires.
   * Resolves afterwards.
   * @param ms milliseconds
   */
  async advance(ms: number): Promise<void> {
    const untilMs = this.#nowMs + ms;
    await nextTurn();
    for (let timer = this.#next(); timer !== undefined && timer.atMs <= untilMs; timer = this.#next()) {
      this.#fire(timer);
      await nextTurn();
    }
    this.#nowMs = Math.max(this.#nowMs, untilMs);
  }

  /** Advances the clock until no timer is left. Throws for an endless chain of timers. */
  async runAll(): Promise<void> {
    await nextTurn();
    let fired = 0;
    for (let timer = this.#next(); timer !== undefined; timer = this.#next()) {
      if (++fired > maxTimers) throw new Error(`each timer sets another: ${maxTimers} have fired`);
      this.#fire(timer);
      await nextTurn();
    }
  }

  /**
   * From now on the clock jumps to the next timer whenever the program is idle. The program never waits in real time, and still sees
   * every delay that it set.
   */
  runFreely(): this {
    this.#free = true;
    this.#planTurn();
    return this;
  }

  /** Ends `runFreely`. */
  stop(): void {
    this.#free = false;
  }

  #planTurn(): void {
    if (!this.#free || this.#turnPlanned || this.#timers.size === 0) return;
    this.#turnPlanned = true;
    void nextTurn().then(() => {
      this.#turnPlanned = false;
      const timer = this.#free ? this.#next() : undefined;
      try {
        if (timer) this.#fire(timer);
      } finally {
        this.#planTurn();
      }
    });
  }

  #next(): Timer | undefined {
    let first: Timer | undefined;
    for (const timer of this.#timers) {
      if (!first || timer.atMs < first.atMs || (timer.atMs === first.atMs && timer.order < first.order)) first = timer;
    }
    return first;
  }

  #fire(timer: Timer): void {
    this.#timers.delete(timer);
    this.#nowMs = Math.max(this.#nowMs, timer.atMs);
    timer.callback();
  }
}
