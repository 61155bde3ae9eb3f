/** How much one pickle may ask of the reader or writer. */

import { OptionError } from 'serpy-core';

/** Levels of nesting: deeper than instruments' data goes, shallow enough for whatever walks the value afterwards. */
export const DEFAULT_MAX_PICKLE_DEPTH = 100;

/** Values in one pickle. An empty dict is one byte there and some hundred in memory: bytes alone bound nothing. */
export const DEFAULT_MAX_PICKLE_ITEMS = 1_000_000;

/**
 * Bytes of text and data in one pickle (256 MiB): four times what a message may have, as a text may be read and then
 * turned into bytes.
 */
export const DEFAULT_MAX_PICKLE_BYTES = 256 * 1024 * 1024;

/** The reader and the writer recurse once a level, so no option may ask for more than the stack surely has. */
const DEPTH_LIMIT = 1_000;

/** A `Map` of V8 holds 2^24 entries. */
const ITEMS_LIMIT = 16_000_000;

/** The caps on one pickle. */
export interface PickleLimits {
  /** Levels of nesting, 1 to 1000. Default 100. */
  readonly maxDepth: number;
  /**
   * Values, at most 16,000,000. Default 1,000,000. One that is referred to again counts again. The reader shares it
   * then, so that a small pickle may hold what looks enormous when it is walked without regard to that; the writer
   * repeats it. The reader's marks and memo entries are held to the same number, each for itself.
   */
  readonly maxItems: number;
  /** Bytes of text and data made by the reader; length of the pickle made by the writer. Default 256 MiB. */
  readonly maxBytes: number;
}

/** Fills in the defaults. Throws `ERR_SERPY_OPTION` where a limit is not a positive integer, or too deep. */
export function pickleLimits(limits: Partial<PickleLimits> = {}): PickleLimits {
  return {
    maxDepth: positive('maxDepth', limits.maxDepth ?? DEFAULT_MAX_PICKLE_DEPTH, DEPTH_LIMIT),
    maxItems: positive('maxItems', limits.maxItems ?? DEFAULT_MAX_PICKLE_ITEMS, ITEMS_LIMIT),
    maxBytes: positive('maxBytes', limits.maxBytes ?? DEFAULT_MAX_PICKLE_BYTES, Number.MAX_SAFE_INTEGER),
  };
}

function positive(name: keyof PickleLimits, value: number, highest: number): number {
  if (Number.isSafeInteger(value) && value >= 1 && value <= highest) return value;
  throw new OptionError(`The pickle limit ${name} is ${value}: give an integer from 1 to ${highest}`);
}
