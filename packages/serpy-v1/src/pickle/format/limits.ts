/** The limits of one pickle, for the reader and the writer. */

import { OptionError } from 'serpy-core';

/** Levels of nesting: more than the data of instruments has, and few enough for code that walks the value recursively. */
export const DEFAULT_MAX_PICKLE_DEPTH = 100;

/** Values in one pickle. A limit in bytes is not enough: an empty dict takes one byte in a pickle and some hundred in memory. */
export const DEFAULT_MAX_PICKLE_ITEMS = 1_000_000;

/** Bytes of text and data in one pickle, 256 MiB: four times the largest message, since a text may be read and then converted into bytes. */
export const DEFAULT_MAX_PICKLE_BYTES = 256 * 1024 * 1024;

/** The reader and the writer recurse once per level. The stack always has room for this number of levels. */
const DEPTH_LIMIT = 1_000;

/** A `Map` of V8 holds at most 2^24 entries. */
const ITEMS_LIMIT = 16_000_000;

/** The limits of one pickle. */
export interface PickleLimits {
  /** Levels of nesting, 1 to 1000. Default 100. */
  readonly maxDepth: number;
  /**
   * Values, at most 16,000,000. Default 1,000,000. Each reference to a value counts. The reader shares a value that is referred to twice, so a
   * small pickle may look enormous to code that walks it without regard to that; the writer writes it twice. The same limit applies to the
   * reader's marks, and to its memo entries.
   */
  readonly maxItems: number;
  /** The bytes of text and data that the reader creates; the length of the pickle that the writer creates. Default 256 MiB. */
  readonly maxBytes: number;
}

/** Adds the defaults. Throws `ERR_SERPY_OPTION` for a limit that is not a positive integer, or is too large. */
export function pickleLimits(limits: Partial<PickleLimits> = {}): PickleLimits {
  return {
    maxDepth: positive('maxDepth', limits.maxDepth ?? DEFAULT_MAX_PICKLE_DEPTH, DEPTH_LIMIT),
    maxItems: positive('maxItems', limits.maxItems ?? DEFAULT_MAX_PICKLE_ITEMS, ITEMS_LIMIT),
    maxBytes: positive('maxBytes', limits.maxBytes ?? DEFAULT_MAX_PICKLE_BYTES, Number.MAX_SAFE_INTEGER),
  };
}

function positive(name: keyof PickleLimits, value: number, highest: number): number {
  if (Number.isSafeInteger(value) && value >= 1 && value <= highest) return value;
  throw new OptionError(`the pickle limit ${name} takes an integer from 1 to ${highest}, not ${value}`);
}
