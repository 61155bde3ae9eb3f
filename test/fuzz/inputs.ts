/** Runs inputs through a target. Each has an index, so that it can run again alone. */

import { Mutator } from './mutator.js';
import { InputRandom } from './random.js';
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

/** The result of several inputs. */
export interface Tally {
  inputs: number;
  refused: number;
  messages: number;
  bytes: number;
}

/** A run stops after this number of failures. */
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

  /** Whether it has found enough failures. */
  get over(): boolean {
    return this.failures.length >= mostFailures;
  }

  /** The input of an index, valid until the next call. */
  make(index: number): Buffer {
    const random = new InputRandom(this.#seed, index, this.#target.name);
    const bytes = this.#mutator.next(random);
    return this.#target.mend && random.below(3) > 0 ? this.#target.mend(bytes, random) : bytes;
  }

  /** Runs the input of an index. */
  run(index: number): void {
    this.runBytes(this.make(index), index);
  }

  /** Runs bytes, cut like the input of this index. */
  runBytes(bytes: Buffer, index: number): void {
    const { tally } = this;
    tally.inputs++;
    tally.bytes += bytes.length;
    try {
      const { refused, messages } = this.#target.run(bytes, new InputRandom(this.#seed, index, 'cuts'));
      if (refused) tally.refused++;
      tally.messages += messages;
    } catch (error) {
      this.fail(index, bytes, error);
    }
  }

  /** Records an input that broke a rule. */
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
