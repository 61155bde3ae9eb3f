/**
 * Doubles as C99 hexadecimal text, bit for bit: formatted like CPython's `float.hex`, and parsed like its `float.fromhex`, which rejects
 * the same texts.
 */

const bits = new DataView(new ArrayBuffer(8));

const mantissaBits = 52;
const exponentBias = 1023;
/** The exponent of the last bit of the smallest double. */
const minExponent = -1074;
const maxExponent = 1023;

/** The text of a double: `0x1.8000000000000p+0`, `-0x0.0p+0`, `inf`, `-inf`, `nan`. */
export function formatFloatHex(value: number): string {
  if (Number.isNaN(value)) return 'nan';
  if (!Number.isFinite(value)) return value > 0 ? 'inf' : '-inf';
  bits.setFloat64(0, value);
  const high = bits.getUint32(0);
  const low = bits.getUint32(4);
  const sign = high >>> 31 ? '-' : '';
  const biased = (high >>> 20) & 0x7ff;
  const fractionHigh = high & 0xfffff;
  if (biased === 0 && fractionHigh === 0 && low === 0) return `${sign}0x0.0p+0`;
  const exponent = biased === 0 ? 1 - exponentBias : biased - exponentBias;
  const fraction = fractionHigh.toString(16).padStart(5, '0') + low.toString(16).padStart(8, '0');
  return `${sign}0x${biased === 0 ? 0 : 1}.${fraction}p${exponent < 0 ? '-' : '+'}${Math.abs(exponent)}`;
}

/** No space after the sign: otherwise a long run of spaces before an error would match in as many ways as it is long. */
const form =
  /^[\t-\r ]*([+-]?)(?![\t-\r ])(?:(inf(?:inity)?)|(nan)|(?:0x)?([0-9a-f]*)(?:\.([0-9a-f]*))?(?:p([+-]?[0-9]+))?)[\t-\r ]*$/i;

/**
 * The double of a hexadecimal text, rounded to the nearest, ties to even.
 * Throws a `RangeError` for text that `float.fromhex` rejects: not a number, or too large for a double.
 */
export function parseFloatHex(text: string): number {
  const match = form.exec(text);
  if (match === null) throw notAFloat(text);
  const [, sign, infinity, nan, whole = '', fraction = '', exponentText = '0'] = match;
  if (nan) return Number.NaN;
  const magnitude = infinity ? Number.POSITIVE_INFINITY : parseMagnitude(text, whole, fraction, Number(exponentText));
  return sign === '-' ? -magnitude : magnitude;
}

function parseMagnitude(text: string, whole: string, fraction: string, exponent: number): number {
  const digits = (whole + fraction).replace(/^0+/, '');
  if (digits === '') {
    if (whole === '' && fraction === '') throw notAFloat(text);
    return 0;
  }
  // The number is `digits`, read as an integer, times 2 to this power.
  const scale = exponent - 4 * fraction.length;
  const firstBits = 32 - Math.clz32(Number.parseInt(digits[0] as string, 16));
  const topExponent = scale + 4 * (digits.length - 1) + firstBits - 1;
  if (topExponent > maxExponent) throw tooLarge(text);
  if (topExponent < minExponent - 1) return 0;
  const value = round(BigInt(`0x${digits}`), scale, Math.max(topExponent - mantissaBits, minExponent));
  if (value === Number.POSITIVE_INFINITY) throw tooLarge(text);
  return value;
}

/** integer × 2^scale as a double whose last bit is worth 2^lastExponent. */
function round(integer: bigint, scale: number, lastExponent: number): number {
  const shift = lastExponent - scale;
  if (shift <= 0) return Number(integer << BigInt(-shift)) * 2 ** lastExponent;
  const excess = BigInt(shift);
  let kept = integer >> excess;
  const rest = integer - (kept << excess);
  const half = 1n << (excess - 1n);
  if (rest > half || (rest === half && (kept & 1n) === 1n)) kept++;
  return Number(kept) * 2 ** lastExponent;
}

function notAFloat(text: string): RangeError {
  const shown = text.length > 40 ? `${text.slice(0, 40)}…` : text;
  return new RangeError(`${JSON.stringify(shown)} is not a hexadecimal floating-point number`);
}

function tooLarge(text: string): RangeError {
  const shown = text.length > 40 ? `${text.slice(0, 40)}…` : text;
  return new RangeError(`${JSON.stringify(shown)} is too large for a double`);
}
