/** Reads the type of a numpy array's elements from its name and the state that follows it. */

import { malformed, opaqueError, printable } from '../format/unreadable-pickle.js';
import { PartialValue, type StackValue } from './machine.js';

/** Types of fixed size: kind and bytes. Strings (S), unicode strings (U) and raw bytes (V): kind and length. */
const FIXED = /^(?:b1|[iu][1248]|f(?:2|4|8|12|16)|c(?:8|16|24|32)|[mM]8)$/;
const SIZED = /^[SUV]\d{1,10}$/;

/** Types without a byte order: their elements consist of single bytes. */
const ORDERLESS = /^(?:[biu]1$|[SV])/;

const UNITS = /^(?:Y|M|W|D|h|m|s|ms|us|ns|ps|fs|as)$/;

/** A dtype. The call that creates it gives its name, BUILD its byte order. */
export class Dtype extends PartialValue {
  readonly what = 'a numpy dtype';
  readonly itemBytes: number;
  readonly #code: string;
  #description: string | undefined;

  constructor(code: string) {
    super();
    if (code.startsWith('O')) {
      throw opaqueError('holds a numpy array of Python objects. Send array.tolist(), or an array of a numeric dtype');
    }
    if (!FIXED.test(code) && !SIZED.test(code)) throw unknownDtype(code);
    this.#code = code;
    this.itemBytes = Number(code.slice(1)) * (code.startsWith('U') ? 4 : 1);
  }

  override build(state: StackValue): StackValue {
    if (!Array.isArray(state)) throw malformed('it holds an incomplete numpy dtype');
    const [version, order, subarray, names, fields, , , , metadata] = state;
    if (version !== 3 && version !== 4) throw unknownDtype(`${this.#code} of an unknown version`);
    if (names !== null || fields !== null) {
      throw opaqueError('holds a numpy array with named fields. Send a dict with one array for each field');
    }
    if (subarray !== null)
      throw opaqueError('holds a numpy array whose dtype is itself an array. Send an array of a numeric dtype');
    this.#description = `${this.#byteOrder(order)}${this.#code}${this.#unit(metadata)}`;
    return this;
  }

  /** numpy's `dtype.str`, and the bytes of one element. */
  complete(): { description: string; itemBytes: number } {
    if (this.#description === undefined) throw malformed('it holds a numpy dtype without a byte order');
    return { description: this.#description, itemBytes: this.itemBytes };
  }

  #byteOrder(order: StackValue | undefined): string {
    if (ORDERLESS.test(this.#code)) return '|';
    if (order === '<' || order === '>') return order;
    throw malformed('it holds a numpy dtype without a byte order');
  }

  /** The unit of times and durations, from `(…, (unit, count, …))`. */
  #unit(metadata: StackValue | undefined): string {
    if (!/^[mM]/.test(this.#code)) return '';
    const [unit, count] = Array.isArray(metadata) && Array.isArray(metadata[1]) ? metadata[1] : [];
    const name = Buffer.isBuffer(unit) ? unit.toString('latin1') : unit;
    if (name === 'generic') return '';
    if (typeof name !== 'string' || !UNITS.test(name) || typeof count !== 'number' || !Number.isSafeInteger(count)) {
      throw unknownDtype(`${this.#code} of an unknown unit`);
    }
    return count === 1 ? `[${name}]` : `[${count}${name}]`;
  }
}

function unknownDtype(code: string) {
  return opaqueError(`holds a numpy array of the unknown dtype ${printable(code)}. Send an array of a numeric dtype`);
}
