/**
 * The stack machine that a pickle is a program for, reduced to data: a stack, marks on it, a memo, and an account of
 * what was made. It has no way to call anything. One machine reads one pickle.
 */

import type { PickleLimits } from './limits.js';
import { malformed, opaque, type Refusal } from './refusal.js';
import type { PickleSource } from './source.js';
import type { PickleValue } from './values.js';

/** From this size on, bytes handed to an application own their memory exactly. */
const OWN_MEMORY_BYTES = 4096;

/** What lies on the stack on the way to a value and must not be part of the value: a class that was named, say. */
export abstract class Unfinished {
  /** For messages: what this is. */
  abstract readonly what: string;
  /** The value that this became, for whoever recalls it from the memo afterwards. */
  finished: PickleValue | undefined;

  /** Takes the state that BUILD gives, and answers what then takes the place on the stack. */
  build(_state: StackValue, _machine: Machine): StackValue {
    throw opaque(`gives a state to ${this.what}, and only numpy arrays are built from one: send its parts instead`);
  }
}

export type StackValue = PickleValue | Unfinished;

/** What a call that is recognised by its name stands for, made of its arguments. */
export type Recipe = (args: readonly StackValue[], machine: Machine) => StackValue;

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
  readonly #memo = new Map<number, StackValue>();
  #items = 0;
  #bytes = 0;

  constructor(source: PickleSource, limits: PickleLimits) {
    this.source = source;
    this.#limits = limits;
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
    if (this.#marks.push(this.#stack.length) > this.#limits.maxItems) throw this.#tooMany('marks');
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
  memoize(index = this.#memo.size): void {
    this.#memo.set(index, this.top());
    if (this.#memo.size > this.#limits.maxItems) throw this.#tooMany('memo entries');
  }

  recall(index: number): void {
    const value = this.#memo.get(index);
    if (value === undefined) throw malformed(`memo entry ${index} is recalled before it was made`);
    this.push(value instanceof Unfinished ? (value.finished ?? value) : value);
  }

  /** Accounts for values that are made. */
  spendItems(count: number): void {
    this.#items += count;
    if (this.#items > this.#limits.maxItems) throw this.#tooMany('values');
  }

  /** Accounts for bytes of text or data that are made. */
  spendBytes(count: number): void {
    this.#bytes += count;
    if (this.#bytes <= this.#limits.maxBytes) return;
    throw opaque(`makes more than ${this.#limits.maxBytes} bytes (maxBytes): send it in parts, or as bytes`);
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
    return length >= OWN_MEMORY_BYTES ? Buffer.allocUnsafeSlow(length) : Buffer.allocUnsafe(length);
  }

  #tooMany(what: string): Refusal {
    return opaque(`makes more than ${this.#limits.maxItems} ${what} (maxItems): send it in parts, or as bytes`);
  }
}
