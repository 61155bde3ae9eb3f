/** Puts together what is to be sent within one turn, for peers that send a batch faster than its parts. */
export class Batcher {
  readonly #send: (count: number) => unknown;
  #due = 0;

  constructor(send: (count: number) => unknown) {
    this.#send = send;
  }

  add(): undefined {
    if (this.#due++ > 0) return;
    process.nextTick(() => {
      const count = this.#due;
      this.#due = 0;
      this.#send(count);
    });
  }
}
