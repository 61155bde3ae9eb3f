/** Numbers as the decimal text that Python's `str` writes, and back. */
import { ValueError } from 'serpy-core';

/** The limit of CPython: the time of the conversion grows with the square of the number of digits. */
const maxCharacters = 4300;

/** The limit of all integers in serpy: in v2 and in pickles. */
const maxIntegerBytes = 1024;

/** CPython writes an exponent below the first power of ten, and from the second on. */
const minPlainExponent = -4;
const minScientificExponent = 16;

/**
 * `7`, `-0.0`, `3.5`, `1e-05`, `1e+16`, `inf`, `nan`: safe integers except -0 as Python's int, other numbers as its float.
 * Throws `ERR_SERPY_VALUE` for an integer of more than 1024 bytes, whose conversion would take more than linear time.
 */
export function formatNumber(value: number | bigint): string {
  if (typeof value === 'bigint') {
    if (BigInt.asIntN(8 * maxIntegerBytes, value) === value) return value.toString();
    throw new ValueError(`the integer has more than ${maxIntegerBytes} bytes: send it as bytes`);
  }
  return Number.isSafeInteger(value) && !Object.is(value, -0) ? value.toString() : formatFloat(value);
}

/** A double as CPython writes it: the shortest digits that parse to the same value, always with a point or an exponent. */
export function formatFloat(value: number): string {
  if (Number.isNaN(value)) return 'nan';
  if (!Number.isFinite(value)) return value > 0 ? 'inf' : '-inf';
  if (Object.is(value, -0)) return '-0.0';
  const [mantissa, exponentText] = value.toExponential().split('e') as [string, string];
  const exponent = Number(exponentText);
  if (exponent < minPlainExponent || exponent >= minScientificExponent) {
    return `${mantissa}e${exponent < 0 ? '-' : '+'}${String(Math.abs(exponent)).padStart(2, '0')}`;
  }
  const sign = value < 0 ? '-' : '';
  const digits = mantissa.replace(/[-.]/g, '');
  if (exponent < 0) return `${sign}0.${'0'.repeat(-exponent - 1)}${digits}`;
  const whole = digits.slice(0, exponent + 1).padEnd(exponent + 1, '0');
  return `${sign}${whole}.${digits.slice(exponent + 1) || '0'}`;
}

const integerForm = /^[+-]?\d+$/;
/** Each digit matches at one place only, so that a long text without a number is rejected in one pass. */
const floatForm = /^[+-]?(\d+(\.\d*)?|\.\d+)(e[+-]?\d+)?$/i;
const infinityForm = /^([+-]?)inf(inity)?$/i;

/**
 * The number of a decimal text, a `bigint` outside the safe integers; undefined for a text that is not a number.
 * Throws `ERR_SERPY_VALUE` for a text of more than 4300 characters.
 */
export function parseNumber(text: string): number | bigint | undefined {
  const trimmed = text.trim();
  if (trimmed.length > maxCharacters) {
    throw new ValueError(
      `the text has ${trimmed.length} characters, and a number at most ${maxCharacters}. Use text()`,
    );
  }
  if (integerForm.test(trimmed)) {
    const number = Number(trimmed);
    return Number.isSafeInteger(number) ? number : BigInt(trimmed.replace('+', ''));
  }
  if (floatForm.test(trimmed)) return Number(trimmed);
  const infinity = infinityForm.exec(trimmed);
  if (infinity) return infinity[1] === '-' ? Number.NEGATIVE_INFINITY : Number.POSITIVE_INFINITY;
  return /^[+-]?nan$/i.test(trimmed) ? Number.NaN : undefined;
}
