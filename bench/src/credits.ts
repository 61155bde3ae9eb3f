/** How many broadcasts may be unanswered: the sender takes one credit for each, and each answer gives one back. */
const unanswered = 16;

export class Credits {
  #left = unanswered;
  #waiting: (() => void) | undefined;

  /** An answer arrived. */
  add(): undefined {
    this.#left++;
    this.#waiting?.();
    this.#waiting = undefined;
  }

  async take(): Promise<void> {
    while (this.#left === 0) {
      await new Promise<void>((resolve) => {
        this.#waiting = resolve;
      });
    }
    this.#left--;
  }
}
