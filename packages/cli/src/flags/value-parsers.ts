/** Parsers for the values of flags. */
import { usageError } from '../failure.js';

export const anyTime = { minMs: 0, maxMs: 2 ** 31 - 1, words: 'such as 500ms, 10s or 2min' };

/** A parser for whole numbers. */
export function wholeNumber(name: string, min: number, max = Number.MAX_SAFE_INTEGER): (text: string) => number {
  return (text) => {
    const value = /^\d[\d_]*(?:e\d+)?$/.test(text) ? Number(text.replaceAll('_', '')) : Number.NaN;
    if (Number.isSafeInteger(value) && value >= min && value <= max) return value;
    const range = max === Number.MAX_SAFE_INTEGER ? `from ${min}` : `from ${min} to ${max}`;
    throw usageError(`${name} takes a whole number ${range}, not '${text}'`);
  };
}

/** A parser for times such as `500ms`, `10s` or `2min`; a number alone is in seconds. Returns milliseconds. @param range the accepted values, in milliseconds and in words */
export function duration(
  name: string,
  range: { readonly minMs: number; readonly maxMs: number; readonly words: string } = anyTime,
): (text: string) => number {
  const factors: Readonly<Record<string, number>> = { ms: 1, s: 1000, '': 1000, min: 60000, h: 3600000 };
  return (text) => {
    const [, digits, unit = ''] = /^(\d+(?:\.\d+)?|\.\d+)\s*(ms|s|min|h|)$/.exec(text.trim()) ?? [];
    const value = Number(digits) * (factors[unit] ?? Number.NaN);
    if (value >= range.minMs && value <= range.maxMs) return value;
    throw usageError(`${name} takes a time ${range.words}, not '${text}'`);
  };
}
