/** The type of a numpy array's elements, put together from a name and the state that follows it. */

import { malformed, opaqueError, printable } from '../format/unreadable-pickle.js';
import { PartialValue, type StackValue } from './machine.js';

/** Kind and bytes of the types of fixed size; kind and length of strings (S), unicode strings (U) and raw bytes (V). */
const FIXED = /^(?:b1|[iu][1248]|f(?:2|4|8|12|16)|c(?:8|16|24|32)|[mM]8)$/;
const SIZED = /^[SUV]\d{1,10}$/;

/** What consists of single bytes. */
const ORDERLESS = /^(?:[biu]1$|[SV])/;

const UNITS = /^(?:Y|M|W|D|h|m|s|ms|us|ns|ps|fs|as)$/;

/** A dtype, with its name from the call that makes it and its byte order from BUILD. */
export class Dtype extends PartialValue {
  readonly what = 'a numpy dtype';
  readonly itemBytes: number;
  readonly #code: string;
  #description: string | undefined;

  constructor(code: string) {
    super();
    if (code.startsWith('O')) {
      throw opaqueError('holds a numpy array of Python objects: send array.tolist(), or an array of a numeric dtype');
    }
    if (!FIXED.test(code) && !SIZED.test(code)) throw unknownDtype(code);
    this.#code = code;
    this.itemBytes = Number(code.slice(1)) * (code.startsWith('U') ? 4 : 1);
  }

  override build(state: StackValue): StackValue {
    if (!Array.isArray(state)) throw malformed('a numpy dtype in it is incomplete');
    const [version, order, subarray, names, fields, , , , metadata] = state;
    if (version !== 3 && version !== 4) throw unknownDtype(`${this.#code} of an unknown version`);
    if (names !== null || fields !== null) {
      throw opaqueError('holds a numpy array with named fields: send a dict with one array for each field');
    }
    if (subarray !== null) throw opaqueError('holds a numpy array whose dtype is an array itself: send a plain array');
    this.#description = `${this.#byteOrder(order)}${this.#code}${this.#unit(metadata)}`;
    return this;
  }

  /** What numpy's `dtype.str` is, and the bytes of one element. */
  complete(): { description: string; itemBytes: number } {
    if (this.#description === undefined) throw malformed('a numpy dtype in it has no byte order');
    return { description: this.#description, itemBytes: this.itemBytes };
  }

  #byteOrder(order: StackValue | undefined): string {
    if (ORDERLESS.test(this.#code)) return '|';
    if (order === '<' || order === '>') return order;
    throw malformed('a numpy dtype in it has no byte order');
  }

  /** The unit of times and durations: `(…, (unit, count, …))`. */
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
  return opaqueError(
    `holds a numpy array of dtype ${printable(code)}, which is unknown: send an array of a numeric dtype`,
  );
}
