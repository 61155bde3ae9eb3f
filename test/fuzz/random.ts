/** Random numbers for millions of inputs: each input has its own, from the campaign's seed and the input's index. */

/** The generator of `seededRandom` in serpy-core/testing, with whole numbers and without a closure for each input, which would be slower. */
export class InputRandom {
  #state: number;

  constructor(seed: number, index: number, name: string) {
    let state =
      Math.imul(seed, 0x9e3779b1) ^ Math.imul(index, 0x85ebca6b) ^ Math.imul(Math.floor(index / 2 ** 32), 0xc2b2ae35);
    for (let i = 0; i < name.length; i++) state = Math.imul(state ^ name.charCodeAt(i), 0x01000193);
    this.#state = state >>> 0;
  }

  /** 32 random bits. */
  bits(): number {
    this.#state = (this.#state + 0x6d2b79f5) >>> 0;
    const state = this.#state;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61)) ^ mixed;
    return (mixed ^ (mixed >>> 14)) >>> 0;
  }

  /** A random number from 0 to `count` - 1; `count` is at most 2^31. */
  below(count: number): number {
    return this.bits() % count;
  }

  pick<Each>(all: readonly Each[]): Each {
    return all[this.below(all.length)] as Each;
  }
}
