/** Random numbers for millions of inputs: each input has its own, from the seed of the campaign and the index of the input. */
import { seededRandom } from 'serpy-core/testing';

export class Chance {
  readonly #random: () => number;

  constructor(seed: number, index: number, name: string) {
    let state =
      Math.imul(seed, 0x9e3779b1) ^ Math.imul(index, 0x85ebca6b) ^ Math.imul(Math.floor(index / 2 ** 32), 0xc2b2ae35);
    for (let i = 0; i < name.length; i++) state = Math.imul(state ^ name.charCodeAt(i), 0x01000193);
    this.#random = seededRandom(state);
  }

  /** 32 bits. */
  bits(): number {
    return this.#random() * 2 ** 32;
  }

  /** A number from 0 to `count` - 1; `count` is at most 2^31. */
  below(count: number): number {
    return this.bits() % count;
  }

  pick<Each>(all: readonly Each[]): Each {
    return all[this.below(all.length)] as Each;
  }
}
