/** Combines the sends of one turn, for peers that send a batch faster than single messages. */
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
