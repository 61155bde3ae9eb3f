/** When things arrive: each in a microtask of its own, or, while held, one by one in an order drawn by chance. */

interface Arrival {
  /** Arrivals of one source keep their order; those of different sources may overtake one another while held. */
  readonly source: object;
  readonly run: () => void;
}

export class Delivery {
  readonly #random: () => number;
  readonly #arrivals: Arrival[] = [];
  #held = false;

  constructor(random: () => number) {
    this.#random = random;
  }

  /** How many arrivals are under way. */
  get pending(): number {
    return this.#arrivals.length;
  }

  later(source: object, run: () => void): void {
    this.#arrivals.push({ source, run });
    if (!this.#held) this.#planOne();
  }

  hold(): void {
    this.#held = true;
  }

  release(): void {
    if (!this.#held) return;
    this.#held = false;
    for (let count = this.#arrivals.length; count > 0; count--) this.#planOne();
  }

  /** Lets one thing arrive; false if nothing is under way. */
  step(): boolean {
    const sources = [...new Set(this.#arrivals.map(({ source }) => source))];
    const drawn = sources[Math.floor(this.#random() * sources.length)];
    const index = this.#arrivals.findIndex(({ source }) => source === drawn);
    if (index < 0) return false;
    const [arrival] = this.#arrivals.splice(index, 1);
    arrival?.run();
    return true;
  }

  #planOne(): void {
    queueMicrotask(() => {
      if (!this.#held) this.#arrivals.shift()?.run();
    });
  }
}
