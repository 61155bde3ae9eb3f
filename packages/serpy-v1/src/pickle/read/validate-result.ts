/** Checks the result of a pickle: it is complete, within the limits of depth and size, and does not contain itself. */

import type { PickleLimits } from '../format/limits.js';
import { opaqueError } from '../format/unreadable-pickle.js';
import { NumpyArray, type PickleValue } from '../format/values.js';
import { PartialValue, type StackValue } from './machine.js';

/** Bytes of text and data per byte of the pickle, with each reference counted. More would only serve to slow down code that walks the value. */
const maxRepeats = 64;
const alwaysBytes = 1024 * 1024;

/** The longest integer. */
const longIntegerBytes = 1024;

/** The size of a part with everything in it. A shared part counts once per reference, as code that walks the value meets it. */
interface Extent {
  /** Levels of nesting, the part itself included. */
  readonly height: number;
  readonly items: number;
  readonly bytes: number;
}

/**
 * Checks that a value is complete in all its parts. A shared part is checked once, so the time is linear in the size of the pickle, not
 * in the number of references. The number of references is bounded, since a program may walk the value without regard to sharing.
 * Recursion ends at `maxDepth`.
 */
export function validateResult(value: StackValue, limits: PickleLimits, pickleBytes: number): PickleValue {
  const { maxDepth, maxItems } = limits;
  const maxBytes = Math.min(limits.maxBytes, maxRepeats * pickleBytes + alwaysBytes);
  const extents = new Map<object, Extent>();

  /** @param depth the number of levels above the part */
  function extentOf(part: StackValue, depth: number): Extent {
    if (typeof part !== 'object' || part === null) return scalar(scalarBytes(part));
    if (part instanceof PartialValue) {
      throw opaqueError(
        `holds ${part.what} itself, which is not data. Convert it into numbers, strings, bytes, lists or dicts at the sender`,
      );
    }
    if (Buffer.isBuffer(part)) return scalar(part.length);
    if (part instanceof NumpyArray) return scalar(part.data.length);

    if (depth >= maxDepth) throw tooDeep(maxDepth);
    if ((Array.isArray(part) ? part.length : part.size) === 0) return emptyContainer;
    const known = extents.get(part);
    if (known === IN_PROGRESS) throw opaqueError('holds a list or dict that contains itself. Send data without cycles');
    if (known !== undefined) {
      if (depth + known.height > maxDepth) throw tooDeep(maxDepth);
      return known;
    }
    extents.set(part, IN_PROGRESS);
    const extent = { height: 0, items: 1, bytes: 0 };
    if (part instanceof Map) {
      for (const [key, item] of part) {
        include(extent, extentOf(key, depth + 1));
        include(extent, extentOf(item, depth + 1));
      }
    } else {
      for (const item of part) include(extent, extentOf(item, depth + 1));
    }
    extent.height += 1;
    if (extent.items > maxItems) throw tooOften(`${maxItems} values (maxItems)`);
    if (extent.bytes > maxBytes) throw tooOften(`${maxBytes} bytes`);
    extents.set(part, extent);
    return extent;
  }

  extentOf(value, 0);
  return value as PickleValue;
}

const empty: Extent = { height: 0, items: 1, bytes: 0 };
const emptyContainer: Extent = { height: 1, items: 1, bytes: 0 };
/** Marks a container that is being checked. */
const IN_PROGRESS: Extent = { height: 0, items: 0, bytes: 0 };

function include(extent: { height: number; items: number; bytes: number }, below: Extent): void {
  if (below.height > extent.height) extent.height = below.height;
  extent.items += below.items;
  extent.bytes += below.bytes;
}

function scalar(bytes: number): Extent {
  return bytes === 0 ? empty : { height: 0, items: 1, bytes };
}

function scalarBytes(value: null | boolean | number | bigint | string): number {
  if (typeof value === 'string') return value.length;
  if (typeof value !== 'bigint' || BigInt.asIntN(64, value) === value) return 0;
  return longIntegerBytes;
}

function tooDeep(maxDepth: number) {
  return opaqueError(`is nested deeper than ${maxDepth} levels (maxDepth). Send flatter data, or send it as bytes`);
}

function tooOften(what: string) {
  return opaqueError(
    `refers to the same parts so often that they would expand to more than ${what}. Send fewer references`,
  );
}
