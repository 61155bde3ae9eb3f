/** The last look at what a pickle left on the stack: it must be all value, bounded in depth and size, and not hold itself. */

import type { PickleLimits } from './limits.js';
import { type StackValue, Unfinished } from './machine.js';
import { opaque } from './refusal.js';
import { NumpyArray, type PickleValue } from './values.js';

/** More bytes of text and data than this for each of the pickle are there only to make whoever walks the value work. */
const mostRepeats = 64;
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
export function finish(value: StackValue, limits: PickleLimits, pickleBytes: number): PickleValue {
  const { maxDepth, maxItems } = limits;
  const maxBytes = Math.min(limits.maxBytes, mostRepeats * pickleBytes + alwaysBytes);
  /** Undefined while the container is being looked at. */
  const extents = new Map<object, Extent | undefined>();

  /** `depth` is how many levels are above the part. */
  function extentOf(part: StackValue, depth: number): Extent {
    if (typeof part !== 'object' || part === null) return scalar(scalarBytes(part));
    if (part instanceof Unfinished) {
      throw opaque(
        `holds ${part.what} itself, which is no data: have the sender turn it into numbers, strings, bytes, lists or dicts`,
      );
    }
    if (Buffer.isBuffer(part)) return scalar(part.length);
    if (part instanceof NumpyArray) return scalar(part.data.length);

    const known = extents.get(part);
    if (known !== undefined) {
      if (depth + known.height > maxDepth) throw tooDeep(maxDepth);
      return known;
    }
    if (extents.has(part)) throw opaque('holds a list or dict that holds itself: send data without such cycles');
    if (depth >= maxDepth) throw tooDeep(maxDepth);
    extents.set(part, undefined);
    const extent = extentOfContainer(part, depth + 1);
    extents.set(part, extent);
    return extent;
  }

  function extentOfContainer(
    container: PickleValue[] | Map<PickleValue, PickleValue> | Set<PickleValue>,
    depth: number,
  ): Extent {
    let [height, items, bytes] = [0, 1, 0];
    const add = (part: PickleValue) => {
      const below = extentOf(part, depth);
      height = Math.max(height, below.height);
      items += below.items;
      bytes += below.bytes;
    };
    if (container instanceof Map) {
      for (const [key, item] of container) {
        add(key);
        add(item);
      }
    } else {
      for (const item of container) add(item);
    }
    if (items > maxItems) throw tooOften(`${maxItems} values (maxItems)`);
    if (bytes > maxBytes) throw tooOften(`${maxBytes} bytes`);
    return { height: height + 1, items, bytes };
  }

  extentOf(value, 0);
  return value as PickleValue;
}

const empty: Extent = { height: 0, items: 1, bytes: 0 };

function scalar(bytes: number): Extent {
  return bytes === 0 ? empty : { height: 0, items: 1, bytes };
}

function scalarBytes(value: null | boolean | number | bigint | string): number {
  if (typeof value === 'string') return value.length;
  if (typeof value !== 'bigint' || BigInt.asIntN(64, value) === value) return 0;
  return longIntegerBytes;
}

function tooDeep(maxDepth: number) {
  return opaque(`is nested deeper than ${maxDepth} levels (maxDepth): send flatter data, or send it as bytes`);
}

function tooOften(what: string) {
  return opaque(
    `refers to the same parts so often that written out they would be more than ${what}: send less of them`,
  );
}
