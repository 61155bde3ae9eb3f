/** Numbers as the decimal text that Python's `str` writes, and back. */
import { ValueError } from 'serpy-core';

/** CPython converts no more digits than these either: with every further one, a digit costs more. */
const maxCharacters = 4300;

/** As of every integer of serpy: one of v2, one in a pickle. */
const maxIntegerBytes = 1024;

/** Below this power of ten, and from the other on, CPython writes an exponent. */
const minPlainExponent = -4;
const minScientificExponent = 16;

/**
 * `7`, `-0.0`, `3.5`, `1e-05`, `1e+16`, `inf`, `nan`: safe integers but -0 as Python's int, other numbers as its float.
 * Throws `ERR_SERPY_VALUE` for an integer of more than 1024 bytes: its digits would cost more than linear time.
 */
export function formatNumber(value: number | bigint): string {
  if (typeof value === 'bigint') {
    if (BigInt.asIntN(8 * maxIntegerBytes, value) === value) return value.toString();
    throw new ValueError(`the integer has more than ${maxIntegerBytes} bytes: send it as bytes`);
  }
  return Number.isSafeInteger(value) && !Object.is(value, -0) ? value.toString() : formatFloat(value);
}

/** A double as CPython writes it: the shortest digits that read back the same, always with a point or an exponent. */
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
/** Each digit has one place in it: a long text that is no number is seen to be none in one pass. */
const floatForm = /^[+-]?(\d+(\.\d*)?|\.\d+)(e[+-]?\d+)?$/i;
const infinityForm = /^([+-]?)inf(inity)?$/i;

/**
 * The number of a decimal text, a `bigint` outside the safe integers; undefined where it is none.
 * Throws `ERR_SERPY_VALUE` for more characters than a number has.
 */
export function parseNumber(text: string): number | bigint | undefined {
  const trimmed = text.trim();
  if (trimmed.length > maxCharacters) {
    throw new ValueError(
      `the text has ${trimmed.length} characters, and a number has at most ${maxCharacters}: use text()`,
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
