/** A clock that a test moves by hand, or that moves by itself as soon as the program has nothing else to do. */
import { setImmediate as nextTurn } from 'node:timers/promises';
import type { Clock } from '../environment.js';

interface Timer {
  readonly atMs: number;
  /** Timers of the same moment fire in the order in which they were set. */
  readonly order: number;
  readonly callback: () => void;
}

/** How many timers `runAll` fires before it takes them for an endless chain. */
const maxTimers = 100_000;

/**
 * Time for programs under test: nothing happens until the test says so, and then in the order of the timers.
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

  /** Milliseconds since the clock was made. */
  now(): number {
    return this.#nowMs;
  }

  /** How many timers are set and have not fired. */
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

  /** Between two timers, as everything in the network that can arrive then does. */
  setImmediate(callback: () => void): void {
    setImmediate(callback);
  }

  /**
   * Lets time pass: fires the timers that fall due, in order, and lets the program do all that each of them caused
   * before the next. Resolves when that is done.
   * @param ms how long, in milliseconds
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

  /** Lets as much time pass as it takes until no timer is left. Throws if there is no end to them. */
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
   * From now on time passes by itself: whenever the program has nothing else to do, the clock jumps to the next timer.
   * A program under test then never waits, and still sees every delay that it asked for.
   */
  runFreely(): this {
    this.#free = true;
    this.#planTurn();
    return this;
  }

  /** Ends what `runFreely` began. */
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
