/** The last look at what a pickle left on the stack: it must be all value, bounded in depth and size, and not hold itself. */

import type { PickleLimits } from '../format/limits.js';
import { opaqueError } from '../format/unreadable-pickle.js';
import { NumpyArray, type PickleValue } from '../format/values.js';
import { PartialValue, type StackValue } from './machine.js';

/** More bytes of text and data than this for each of the pickle are there only to make whoever walks the value work. */
const maxRepeats = 64;
const alwaysBytes = 1024 * 1024;

/** No integer has more. */
const longIntegerBytes = 1024;

/** What is at hand from a part down, counted as often as it is referred to: so whoever walks the value meets it. */
interface Extent {
  /** Levels of nesting, the part itself included. */
  readonly height: number;
  readonly items: number;
  readonly bytes: number;
}

/**
 * Tells that a value is finished through and through. Shared parts are looked at once, so that the time is that of
 * making them, however often they are referred to; and they are not referred to so often that to walk the value without
 * regard to that would take longer than any pickle does. Recursion ends at `maxDepth`.
 */
export function validateResult(value: StackValue, limits: PickleLimits, pickleBytes: number): PickleValue {
  const { maxDepth, maxItems } = limits;
  const maxBytes = Math.min(limits.maxBytes, maxRepeats * pickleBytes + alwaysBytes);
  const extents = new Map<object, Extent>();

  /** `depth` is how many levels are above the part. */
  function extentOf(part: StackValue, depth: number): Extent {
    if (typeof part !== 'object' || part === null) return scalar(scalarBytes(part));
    if (part instanceof PartialValue) {
      throw opaqueError(
        `holds ${part.what} itself, which is no data: have the sender turn it into numbers, strings, bytes, lists or dicts`,
      );
    }
    if (Buffer.isBuffer(part)) return scalar(part.length);
    if (part instanceof NumpyArray) return scalar(part.data.length);

    if (depth >= maxDepth) throw tooDeep(maxDepth);
    if ((Array.isArray(part) ? part.length : part.size) === 0) return emptyContainer;
    const known = extents.get(part);
    if (known === IN_PROGRESS)
      throw opaqueError('holds a list or dict that holds itself: send data without such cycles');
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
/** Of a container that is being looked at. */
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
  return opaqueError(`is nested deeper than ${maxDepth} levels (maxDepth): send flatter data, or send it as bytes`);
}

function tooOften(what: string) {
  return opaqueError(
    `refers to the same parts so often that written out they would be more than ${what}: send less of them`,
  );
}
