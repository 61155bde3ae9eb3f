/** Decides when deliveries run: each in a microtask of its own or, while held, one by one in a random order. */

interface ScheduledDelivery {
  /** Deliveries of one source keep their order. While held, deliveries of different sources may overtake each other. */
  readonly source: object;
  readonly run: () => void;
}

export class Scheduler {
  readonly #random: () => number;
  readonly #pending: ScheduledDelivery[] = [];
  #held = false;

  constructor(random: () => number) {
    this.#random = random;
  }

  /** The number of scheduled deliveries. */
  get pending(): number {
    return this.#pending.length;
  }

  schedule(source: object, run: () => void): void {
    this.#pending.push({ source, run });
    if (!this.#held) this.#scheduleOne();
  }

  hold(): void {
    this.#held = true;
  }

  release(): void {
    if (!this.#held) return;
    this.#held = false;
    for (let count = this.#pending.length; count > 0; count--) this.#scheduleOne();
  }

  /** Runs one delivery. @returns false if none is scheduled */
  step(): boolean {
    const sources = [...new Set(this.#pending.map(({ source }) => source))];
    const selected = sources[Math.floor(this.#random() * sources.length)];
    const index = this.#pending.findIndex(({ source }) => source === selected);
    if (index < 0) return false;
    const [delivery] = this.#pending.splice(index, 1);
    delivery?.run();
    return true;
  }

  #scheduleOne(): void {
    queueMicrotask(() => {
      if (!this.#held) this.#pending.shift()?.run();
    });
  }
}
