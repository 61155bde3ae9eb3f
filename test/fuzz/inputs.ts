/** Runs inputs through a target: each by its index, so that any of them can be run again alone. */
import { Chance } from './chance.js';
import { Mutator } from './mutator.js';
import type { Target } from './target.js';

/** An input that broke a rule. */
export interface Failure {
  readonly target: string;
  readonly seed: number;
  readonly index: number;
  readonly why: string;
  /** The input in hexadecimal. */
  readonly input: string;
}

/** What inputs came to. */
export interface Tally {
  inputs: number;
  refused: number;
  messages: number;
  bytes: number;
}

/** After so many failures there is no need to look for more. */
const mostFailures = 5;

export class Inputs {
  readonly tally: Tally = { inputs: 0, refused: 0, messages: 0, bytes: 0 };
  readonly failures: Failure[] = [];
  readonly #target: Target;
  readonly #seed: number;
  readonly #mutator: Mutator;

  constructor(target: Target, seed: number) {
    this.#target = target;
    this.#seed = seed;
    this.#mutator = new Mutator(target);
  }

  /** Whether it has seen enough. */
  get over(): boolean {
    return this.failures.length >= mostFailures;
  }

  /** The input of an index, lent until the next is made. */
  make(index: number): Buffer {
    const chance = new Chance(this.#seed, index, this.#target.name);
    const bytes = this.#mutator.next(chance);
    return this.#target.mend && chance.below(3) > 0 ? this.#target.mend(bytes, chance) : bytes;
  }

  /** Runs the input of an index. */
  run(index: number): void {
    this.runBytes(this.make(index), index);
  }

  /** Runs bytes, cut as the input of this index is. */
  runBytes(bytes: Buffer, index: number): void {
    const { tally } = this;
    tally.inputs++;
    tally.bytes += bytes.length;
    try {
      const { refused, messages } = this.#target.run(bytes, new Chance(this.#seed, index, 'cuts'));
      if (refused) tally.refused++;
      tally.messages += messages;
    } catch (error) {
      this.fail(index, bytes, error);
    }
  }

  /** An input broke a rule. */
  fail(index: number, bytes: Buffer, error: unknown): void {
    this.failures.push({
      target: this.#target.name,
      seed: this.#seed,
      index,
      why: error instanceof Error ? `${error.name}: ${error.message}` : String(error),
      input: bytes.toString('hex'),
    });
  }
}
