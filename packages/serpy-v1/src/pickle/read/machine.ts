/**
 * The stack machine that executes the opcodes of a pickle, reduced to data: a stack, marks on it, a memo, and counts of the created values and
 * bytes. It cannot call anything. One machine reads one pickle.
 */

import type { PickleLimits } from '../format/limits.js';
import { malformed, opaqueError, type UnreadablePickle } from '../format/unreadable-pickle.js';
import type { PickleValue } from '../format/values.js';
import { KeySpread } from './key-spread.js';
import type { PickleSource } from './source.js';

/** Values and bytes created per byte of the pickle. A pickle of CPython needs two: a text and its bytes, a list and its set. */
const CREATED_PER_BYTE = 4;

/** Values and bytes that every pickle may create, however small it is. */
const CREATED_ALWAYS = 4096;

/** The highest index of an array. */
const MAX_MEMO_INDEX = 2 ** 32 - 2;

/** A value on the stack that must not be part of the result, for example a class that the pickle named. */
export abstract class PartialValue {
  /** What this is, for error messages. */
  abstract readonly what: string;
  /** The value that this became, for later references through the memo. */
  result: PickleValue | undefined;

  /** Applies the state of BUILD. @returns the value that replaces this one on the stack */
  build(_state: StackValue, _machine: Machine): StackValue {
    throw opaqueError(`sets the state of ${this.what}, which only numpy arrays may have. Send its parts instead`);
  }
}

export type StackValue = PickleValue | PartialValue;

/** Computes the value of a call that is recognized by its name, from its arguments. */
export type Reducer = (args: readonly StackValue[], machine: Machine) => StackValue;

/** Executes an opcode. */
export type Handler = (machine: Machine) => void;

/** The handlers of one file, with their opcodes. */
export type Handlers = ReadonlyArray<readonly [opcode: number, handler: Handler]>;

export class Machine {
  readonly source: PickleSource;
  readonly #limits: PickleLimits;
  readonly #stack: StackValue[] = [];
  /** Heights of the stack at each MARK. */
  readonly #marks: number[] = [];
  /** An array and not a `Map`, for which a peer could choose indexes with equal hashes. Most pickles count up from 0 or 1. */
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
    const max = CREATED_PER_BYTE * source.length + CREATED_ALWAYS;
    this.#maxItems = Math.min(limits.maxItems, max);
    this.#maxBytes = Math.min(limits.maxBytes, max);
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

  /** The value that `pop` would return. As in CPython, values below the last mark cannot be reached. */
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

  /** Removes the last mark and all values above it. */
  popMark(): StackValue[] {
    const height = this.#marks.pop();
    if (height === undefined) throw malformed(`a mark is missing before byte ${this.source.position}`);
    return this.#stack.splice(height);
  }

  /** Removes the top of the stack: a mark or a value. */
  popAnything(): void {
    if (this.#marks.length > 0 && this.#marks.at(-1) === this.#stack.length) this.#marks.pop();
    else this.pop();
  }

  /** Stores the top of the stack in the memo, by default at the next index. */
  memoize(index = this.#memoized): void {
    if (index > MAX_MEMO_INDEX) throw malformed(`it uses the memo index ${index}`);
    if (this.#memo[index] === undefined) this.#memoized += 1;
    if (this.#memoized > this.#limits.maxItems) throw this.#tooMany('memo entries', this.#limits.maxItems);
    this.#memo[index] = this.top();
  }

  recall(index: number): void {
    const value = this.#memo[index];
    if (value === undefined) throw malformed(`it reads memo entry ${index} before it is set`);
    this.push(value instanceof PartialValue ? (value.result ?? value) : value);
  }

  /** The collision counter of a dict or set. */
  keySpread(container: object): KeySpread {
    const known = this.#spreads.get(container);
    if (known !== undefined) return known;
    const spread = new KeySpread();
    this.#spreads.set(container, spread);
    return spread;
  }

  /** Counts created values. */
  spendItems(count: number): void {
    this.#items += count;
    if (this.#items > this.#maxItems) throw this.#tooMany('values', this.#maxItems);
  }

  /** Counts created bytes of text or data. */
  spendBytes(count: number): void {
    this.#bytes += count;
    if (this.#bytes > this.#maxBytes) throw this.#tooMany('bytes', this.#maxBytes);
  }

  /** Counts bytes and copies them. This is the only copy of the data. */
  copy(bytes: Uint8Array): Buffer {
    const copy = this.#allocate(bytes.length);
    copy.set(bytes);
    return copy;
  }

  /** Counts and creates the bytes of a Latin-1 text; undefined for a text with other characters. */
  latin1(text: string): Buffer | undefined {
    if (/[\u0100-\uffff]/.test(text)) return undefined;
    const bytes = this.#allocate(text.length);
    bytes.write(text, 'latin1');
    return bytes;
  }

  #allocate(length: number): Buffer {
    this.spendBytes(length);
    return Buffer.allocUnsafeSlow(length); // memory of its own: a program that keeps one part does not retain the others
  }

  #tooMany(what: 'marks' | 'memo entries' | 'values' | 'bytes', max: number): UnreadablePickle {
    const option = what === 'bytes' ? 'maxBytes' : 'maxItems';
    if (max === this.#limits[option]) {
      return opaqueError(`creates more than ${max} ${what} (${option}). Send it in parts, or as bytes`);
    }
    return opaqueError(
      `creates more than ${max} ${what} from its ${this.source.length} bytes. Write each part once at the sender`,
    );
  }
}
