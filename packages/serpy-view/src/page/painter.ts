/** Draws what has arrived, and leaves the page time for everything else: at most half of its time is drawing. */

export interface Paintable {
  /** Draws the newest frame. */
  paint(): void;
  /** Asks the server for more. */
  returnCredits(): void;
}

/** The rest waits for the next turn, so that a page with many panels stays responsive. */
const budgetMs = 40;

export class Painter {
  readonly #waiting = new Set<Paintable>();
  #isPlanned = false;

  request(panel: Paintable): void {
    this.#waiting.add(panel);
    this.#plan();
  }

  #plan(): void {
    if (this.#isPlanned) return;
    this.#isPlanned = true;
    requestAnimationFrame(() => this.#paint());
  }

  #paint(): void {
    const startMs = performance.now();
    const drawn: Paintable[] = [];
    for (const panel of this.#waiting) {
      this.#waiting.delete(panel);
      panel.paint();
      drawn.push(panel);
      if (performance.now() - startMs > budgetMs) break;
    }
    const spentMs = performance.now() - startMs;
    setTimeout(() => {
      this.#isPlanned = false;
      for (const panel of drawn) panel.returnCredits();
      if (this.#waiting.size > 0) this.#plan();
    }, spentMs);
  }
}

/** One for the page, because all panels share its time. */
export const painter = new Painter();
