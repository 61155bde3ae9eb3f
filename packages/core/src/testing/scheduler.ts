/** When things arrive: each in a microtask of its own, or, while held, one by one in an order drawn by chance. */

interface ScheduledDelivery {
  /** Arrivals of one source keep their order; those of different sources may overtake one another while held. */
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

  /** How many arrivals are under way. */
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

  /** Lets one thing arrive; false if nothing is under way. */
  step(): boolean {
    const sources = [...new Set(this.#pending.map(({ source }) => source))];
    const drawn = sources[Math.floor(this.#random() * sources.length)];
    const index = this.#pending.findIndex(({ source }) => source === drawn);
    if (index < 0) return false;
    const [arrival] = this.#pending.splice(index, 1);
    arrival?.run();
    return true;
  }

  #scheduleOne(): void {
    queueMicrotask(() => {
      if (!this.#held) this.#pending.shift()?.run();
    });
  }
}
