/** The last look at what a pickle left on the stack: it must be all value, bounded in depth, and not hold itself. */

import { type StackValue, Unfinished } from './machine.js';
import { opaque } from './refusal.js';
import { NumpyArray, type PickleValue } from './values.js';

const IN_PROGRESS = -1;

/**
 * Tells that a value is finished through and through. Shared parts are looked at once, so that the time is that of
 * making them, however often they are referred to. Recursion ends at `maxDepth`.
 */
export function finish(value: StackValue, maxDepth: number): PickleValue {
  const heights = new Map<object, number>();

  /** The levels of nesting from this value down, itself included. `depth` is how many are above it. */
  function heightOf(part: StackValue, depth: number): number {
    if (typeof part !== 'object' || part === null) return 0;
    if (part instanceof Unfinished) {
      throw opaque(
        `holds ${part.what} itself, which is no data: have the sender turn it into numbers, strings, bytes, lists or dicts`,
      );
    }
    if (Buffer.isBuffer(part) || part instanceof NumpyArray) return 0;

    let height = heights.get(part);
    if (height === IN_PROGRESS) throw opaque('holds a list or dict that holds itself: send data without such cycles');
    if (height === undefined) {
      if (depth >= maxDepth) throw tooDeep(maxDepth);
      heights.set(part, IN_PROGRESS);
      height = 1 + heightBelow(part, depth + 1);
      heights.set(part, height);
    }
    if (height > maxDepth) throw tooDeep(maxDepth);
    return height;
  }

  function heightBelow(
    container: PickleValue[] | Map<PickleValue, PickleValue> | Set<PickleValue>,
    depth: number,
  ): number {
    let highest = 0;
    if (container instanceof Map) {
      for (const [key, item] of container) highest = Math.max(highest, heightOf(key, depth), heightOf(item, depth));
    } else {
      for (const item of container) highest = Math.max(highest, heightOf(item, depth));
    }
    return highest;
  }

  heightOf(value, 0);
  return value as PickleValue;
}

function tooDeep(maxDepth: number) {
  return opaque(`is nested deeper than ${maxDepth} levels (maxDepth): send flatter data, or send it as bytes`);
}
