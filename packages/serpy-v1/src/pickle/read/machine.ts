/**
 * The stack machine that a pickle is a program for, reduced to data: a stack, marks on it, a memo, and an account of
 * what was made. It has no way to call anything. One machine reads one pickle.
 */

import type { PickleLimits } from '../format/limits.js';
import { malformed, opaqueError, type UnreadablePickle } from '../format/unreadable-pickle.js';
import type { PickleValue } from '../format/values.js';
import { KeySpread } from './key-spread.js';
import type { PickleSource } from './source.js';

/** Honest pickles make no more than twice of anything: a text and its bytes, a list and its set. */
const MADE_PER_BYTE = 4;

/** What small pickles may make all the same. */
const MADE_ALWAYS = 4096;

/** Arrays have no higher one. */
const MAX_MEMO_INDEX = 2 ** 32 - 2;

/** What lies on the stack on the way to a value and must not be part of the value: a class that was named, say. */
export abstract class PartialValue {
  /** For messages: what this is. */
  abstract readonly what: string;
  /** The value that this became, for whoever recalls it from the memo afterwards. */
  result: PickleValue | undefined;

  /** Takes the state that BUILD gives, and answers what then takes the place on the stack. */
  build(_state: StackValue, _machine: Machine): StackValue {
    throw opaqueError(
      `gives a state to ${this.what}, and only numpy arrays are built from one: send its parts instead`,
    );
  }
}

export type StackValue = PickleValue | PartialValue;

/** What a call that is recognised by its name stands for, made of its arguments. */
export type Reducer = (args: readonly StackValue[], machine: Machine) => StackValue;

/** What an opcode does. */
export type Handler = (machine: Machine) => void;

/** The handlers that one file has for its opcodes. */
export type Handlers = ReadonlyArray<readonly [opcode: number, handler: Handler]>;

export class Machine {
  readonly source: PickleSource;
  readonly #limits: PickleLimits;
  readonly #stack: StackValue[] = [];
  /** Heights of the stack at each MARK. */
  readonly #marks: number[] = [];
  /** By index, mostly counted up from 0 or 1. In a `Map` a peer could choose numbers that share a hash. */
  readonly #memo: (StackValue | undefined)[] = [];
  #memoized = 0;
  readonly #spreads = new WeakMap<object, KeySpread>();
  readonly #maxItems: number;
  readonly #maxBytes: number;
  #items = 0;
  #bytes = 0;

  constructor(source: PickleSource, limits: PickleLimits) {
    this.source = source;
    this.#limits = limits;
    const made = MADE_PER_BYTE * source.length + MADE_ALWAYS;
    this.#maxItems = Math.min(limits.maxItems, made);
    this.#maxBytes = Math.min(limits.maxBytes, made);
  }

  push(value: StackValue): void {
    this.spendItems(1);
    this.#stack.push(value);
  }

  pop(): StackValue {
    const value = this.top();
    this.#stack.pop();
    return value;
  }

  /** What a pop would give. As in CPython, what is below the last mark is out of reach. */
  top(): StackValue {
    const fence = this.#marks.at(-1) ?? 0;
    const value = this.#stack.length > fence ? this.#stack.at(-1) : undefined;
    if (value === undefined) throw malformed(`its stack is empty before byte ${this.source.position}`);
    return value;
  }

  mark(): void {
    if (this.#marks.push(this.#stack.length) > this.#limits.maxItems)
      throw this.#tooMany('marks', this.#limits.maxItems);
  }

  /** Takes the last mark away, and all values above it. */
  popMark(): StackValue[] {
    const height = this.#marks.pop();
    if (height === undefined) throw malformed(`a mark is missing before byte ${this.source.position}`);
    return this.#stack.splice(height);
  }

  /** POP takes a mark, where that is what lies on top. */
  popAnything(): void {
    if (this.#marks.length > 0 && this.#marks.at(-1) === this.#stack.length) this.#marks.pop();
    else this.pop();
  }

  /** Puts the top of the stack into the memo; without an index, at the next one. */
  memoize(index = this.#memoized): void {
    if (index > MAX_MEMO_INDEX) throw malformed(`a memo index in it is ${index}`);
    if (this.#memo[index] === undefined) this.#memoized += 1;
    if (this.#memoized > this.#limits.maxItems) throw this.#tooMany('memo entries', this.#limits.maxItems);
    this.#memo[index] = this.top();
  }

  recall(index: number): void {
    const value = this.#memo[index];
    if (value === undefined) throw malformed(`memo entry ${index} is recalled before it was made`);
    this.push(value instanceof PartialValue ? (value.result ?? value) : value);
  }

  /** Watches over the keys that a dict or set gets. */
  keySpread(container: object): KeySpread {
    const known = this.#spreads.get(container);
    if (known !== undefined) return known;
    const spread = new KeySpread();
    this.#spreads.set(container, spread);
    return spread;
  }

  /** Accounts for values that are made. */
  spendItems(count: number): void {
    this.#items += count;
    if (this.#items > this.#maxItems) throw this.#tooMany('values', this.#maxItems);
  }

  /** Accounts for bytes of text or data that are made. */
  spendBytes(count: number): void {
    this.#bytes += count;
    if (this.#bytes > this.#maxBytes) throw this.#tooMany('bytes', this.#maxBytes);
  }

  /** Accounts for bytes and copies them: the one copy that data gets on its way. */
  copy(bytes: Uint8Array): Buffer {
    const copy = this.#allocate(bytes.length);
    copy.set(bytes);
    return copy;
  }

  /** Accounts for the bytes that a text up to U+00FF stands for, and makes them; `undefined` for any other text. */
  latin1(text: string): Buffer | undefined {
    if (/[\u0100-\uffff]/.test(text)) return undefined;
    const bytes = this.#allocate(text.length);
    bytes.write(text, 'latin1');
    return bytes;
  }

  #allocate(length: number): Buffer {
    this.spendBytes(length);
    return Buffer.allocUnsafeSlow(length); // who keeps a part keeps no other
  }

  #tooMany(what: 'marks' | 'memo entries' | 'values' | 'bytes', max: number): UnreadablePickle {
    const option = what === 'bytes' ? 'maxBytes' : 'maxItems';
    if (max === this.#limits[option]) {
      return opaqueError(`makes more than ${max} ${what} (${option}): send it in parts, or as bytes`);
    }
    return opaqueError(
      `makes more than ${max} ${what} of its ${this.source.length} bytes: have the sender write each part once`,
    );
  }
}
