/**
 * Writes plain values as pickles of protocol 4, which Python 3.4 and later read. It is the oldest protocol with an opcode for sets, so a
 * pickle names no class.
 */

import { types } from 'node:util';
import { ValueError } from 'serpy-core';
import { type PickleLimits, pickleLimits } from '../format/limits.js';
import { encodeLong, MAX_INT_BYTES } from '../format/long.js';
import { Op } from '../format/opcodes.js';
import type { Picklable, PickleValue } from '../format/values.js';
import { describeKey, describePath, type Step } from './path.js';
import { mayCoincide, pythonIdentity } from './python-keys.js';
import { PickleSink } from './sink.js';
import { adviceFor } from './unpicklable.js';

const PROTOCOL = 4;

/**
 * Writes a value as a pickle; see `Picklable` for the conversions. A part that is referred to twice is written twice.
 * @throws `ERR_SERPY_VALUE` with the path (`value.images[3]`) of a part that is not plain data, contains itself, is nested too deep or
 * exceeds `maxItems`, or of a dict or set with two keys that are equal in Python; `ERR_SERPY_TOO_LARGE` above `maxBytes`;
 * `ERR_SERPY_OPTION` for invalid limits
 */
export function writePickle(value: Picklable | PickleValue, limits?: Partial<PickleLimits>): Buffer {
  return new PickleWriter(pickleLimits(limits)).write(value);
}

/** Writes one pickle. `hashable`: Python requires an immutable value, a tuple for a list and a frozenset for a set. */
class PickleWriter {
  readonly #limits: PickleLimits;
  readonly #sink: PickleSink;
  readonly #steps: Step[] = [];
  #items = 0;

  constructor(limits: PickleLimits) {
    this.#limits = limits;
    this.#sink = new PickleSink(limits.maxBytes);
  }

  write(value: unknown): Buffer {
    this.#sink.uint8(Op.PROTO);
    this.#sink.uint8(PROTOCOL);
    this.#value(value, false);
    this.#sink.uint8(Op.STOP);
    return this.#sink.concat();
  }

  #value(value: unknown, hashable: boolean): void {
    this.#items += 1;
    if (this.#items > this.#limits.maxItems) {
      throw this.#error(
        `exceeds the limit of ${this.#limits.maxItems} values (maxItems). Send the value in parts, or as bytes`,
      );
    }
    switch (typeof value) {
      case 'undefined':
        return this.#sink.uint8(Op.NONE);
      case 'boolean':
        return this.#sink.uint8(value ? Op.NEWTRUE : Op.NEWFALSE);
      case 'number':
        return this.#number(value);
      case 'bigint':
        return this.#bigint(value);
      case 'string':
        return this.#string(value);
      case 'object':
        return value === null ? this.#sink.uint8(Op.NONE) : this.#object(value, hashable);
      default:
        throw this.#error(adviceFor(value));
    }
  }

  #number(value: number): void {
    const sink = this.#sink;
    if (!Number.isSafeInteger(value) || Object.is(value, -0)) {
      sink.uint8(Op.BINFLOAT);
      sink.float64(value);
    } else if (value >= 0 && value <= 0xff) {
      sink.uint8(Op.BININT1);
      sink.uint8(value);
    } else if (value >= 0 && value <= 0xffff) {
      sink.uint8(Op.BININT2);
      sink.uint16(value);
    } else if (value === (value | 0)) {
      sink.uint8(Op.BININT);
      sink.int32(value);
    } else {
      this.#bigint(BigInt(value));
    }
  }

  #bigint(value: bigint): void {
    if (BigInt.asIntN(8 * MAX_INT_BYTES, value) !== value) {
      throw this.#error(`is an integer of more than ${MAX_INT_BYTES} bytes. Send it as bytes`);
    }
    const bytes = encodeLong(value);
    if (bytes.length <= 0xff) {
      this.#sink.uint8(Op.LONG1);
      this.#sink.uint8(bytes.length);
    } else {
      this.#sink.uint8(Op.LONG4);
      this.#sink.int32(bytes.length);
    }
    this.#sink.bytes(bytes);
  }

  #string(value: string): void {
    const length = Buffer.byteLength(value, 'utf8');
    if (length <= 0xff) {
      this.#sink.uint8(Op.SHORT_BINUNICODE);
      this.#sink.uint8(length);
    } else {
      this.#sink.uint8(Op.BINUNICODE);
      this.#sink.uint32(length);
    }
    this.#sink.text(value, length);
  }

  #bytes(value: Uint8Array): void {
    if (value.length <= 0xff) {
      this.#sink.uint8(Op.SHORT_BINBYTES);
      this.#sink.uint8(value.length);
    } else if (value.length <= 0xffff_ffff) {
      this.#sink.uint8(Op.BINBYTES);
      this.#sink.uint32(value.length);
    } else {
      this.#sink.uint8(Op.BINBYTES8);
      this.#sink.uint64(value.length);
    }
    this.#sink.bytes(value);
  }

  #object(value: object, hashable: boolean): void {
    if (types.isUint8Array(value)) return this.#bytes(value);
    if (Array.isArray(value)) return this.#inside(value, 'index', (step) => this.#array(value, hashable, step));
    if (types.isSet(value)) return this.#inside(value, 'member', (step) => this.#set(value, hashable, step));
    if (!types.isMap(value) && !isPlain(value)) throw this.#error(adviceFor(value));
    if (hashable) {
      throw this.#error('would be a dict in a key or a set, which Python does not allow. Use an array of pairs');
    }
    if (types.isMap(value)) return this.#inside(value, 'entry', (step) => this.#map(value, step));
    return this.#inside(value, 'property', (step) => this.#record(value, step));
  }

  #array(array: readonly unknown[], hashable: boolean, step: Step): void {
    if (!hashable) this.#sink.uint8(Op.EMPTY_LIST);
    this.#sink.uint8(Op.MARK);
    for (let index = 0; index < array.length; index++) {
      step.at = index;
      this.#value(array[index], hashable);
    }
    this.#sink.uint8(hashable ? Op.TUPLE : Op.APPENDS);
  }

  #set(set: ReadonlySet<unknown>, hashable: boolean, step: Step): void {
    if (!hashable) this.#sink.uint8(Op.EMPTY_SET);
    this.#sink.uint8(Op.MARK);
    let index = 0;
    for (const member of set) {
      step.at = index++;
      this.#value(member, true);
    }
    this.#sink.uint8(hashable ? Op.FROZENSET : Op.ADDITEMS);
    this.#expectDistinct(set);
  }

  #map(map: ReadonlyMap<unknown, unknown>, entry: Step): void {
    this.#sink.uint8(Op.EMPTY_DICT);
    this.#sink.uint8(Op.MARK);
    let index = 0;
    for (const [key, value] of map) {
      this.#steps[this.#steps.length - 1] = { container: map, kind: 'key', at: index++ };
      this.#value(key, true);
      entry.at = key;
      this.#steps[this.#steps.length - 1] = entry;
      this.#value(value, false);
    }
    this.#sink.uint8(Op.SETITEMS);
    this.#expectDistinct(map.keys());
  }

  #record(record: object, step: Step): void {
    this.#sink.uint8(Op.EMPTY_DICT);
    this.#sink.uint8(Op.MARK);
    for (const [key, value] of Object.entries(record)) {
      step.at = key;
      this.#string(key);
      this.#value(value, false);
    }
    this.#sink.uint8(Op.SETITEMS);
  }

  /** Enters a container, unless it is nested too deep or contains itself. */
  #inside(container: object, kind: Step['kind'], write: (step: Step) => void): void {
    const steps = this.#steps;
    if (steps.some((step) => step.container === container)) {
      throw this.#error('contains itself. Send a copy without the cycle');
    }
    if (steps.length >= this.#limits.maxDepth) {
      throw this.#error(`is nested deeper than ${this.#limits.maxDepth} levels (maxDepth). Send flatter data`);
    }
    const step: Step = { container, kind, at: undefined };
    steps.push(step);
    write(step);
    steps.pop();
  }

  /** Requires distinct keys: Python would silently drop one of two equal keys. */
  #expectDistinct(keys: Iterable<unknown>): void {
    const list = [...keys];
    if (!list.some(mayCoincide)) return;
    const seen = new Map<string, unknown>();
    for (const key of list) {
      const identity = pythonIdentity(key);
      if (seen.has(identity)) {
        this.#steps.pop();
        const pair = `${describeKey(seen.get(identity))} and ${describeKey(key)}`;
        throw this.#error(`has two keys that are equal in Python: ${pair}. Omit one, or make them strings`);
      }
      seen.set(identity, key);
    }
  }

  #error(what: string): ValueError {
    return new ValueError(`${describePath(this.#steps)} ${what}`);
  }
}

/** Whether an object is not an instance of a class. The test also works for objects of another realm. */
function isPlain(value: object): boolean {
  const prototype: unknown = Object.getPrototypeOf(value);
  return prototype === null || Object.getPrototypeOf(prototype) === null;
}
