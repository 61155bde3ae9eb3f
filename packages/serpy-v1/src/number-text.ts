/** Numbers as the decimal text that Python's `str` writes, and back. */

/** Below this power of ten, and from the other on, CPython writes an exponent. */
const smallestPlainExponent = -4;
const smallestScientificExponent = 16;

/** `7`, `-0.0`, `3.5`, `1e-05`, `1e+16`, `inf`, `nan`: safe integers but -0 as Python's int, other numbers as its float. */
export function formatNumber(value: number | bigint): string {
  if (typeof value === 'bigint' || (Number.isSafeInteger(value) && !Object.is(value, -0))) return value.toString();
  return formatFloat(value);
}

/** A double as CPython writes it: the shortest digits that read back the same, always with a point or an exponent. */
export function formatFloat(value: number): string {
  if (Number.isNaN(value)) return 'nan';
  if (!Number.isFinite(value)) return value > 0 ? 'inf' : '-inf';
  if (Object.is(value, -0)) return '-0.0';
  const [mantissa, exponentText] = value.toExponential().split('e') as [string, string];
  const exponent = Number(exponentText);
  if (exponent < smallestPlainExponent || exponent >= smallestScientificExponent) {
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

/** The number of a decimal text, a `bigint` outside the safe integers; undefined where it is none. */
export function parseNumber(text: string): number | bigint | undefined {
  const trimmed = text.trim();
  if (integerForm.test(trimmed)) {
    const number = Number(trimmed);
    return Number.isSafeInteger(number) ? number : BigInt(trimmed.replace('+', ''));
  }
  if (floatForm.test(trimmed)) return Number(trimmed);
  const infinity = infinityForm.exec(trimmed);
  if (infinity) return infinity[1] === '-' ? Number.NEGATIVE_INFINITY : Number.POSITIVE_INFINITY;
  return /^[+-]?nan$/i.test(trimmed) ? Number.NaN : undefined;
}
