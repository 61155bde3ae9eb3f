/**
 * A second v2 codec, slow and obvious, written from the description of the wire and sharing nothing with the sources:
 * what the fast one must agree with. All arithmetic is on exact integers.
 */

/** A message as the oracle has it: integers are always bigints, so that nothing is rounded. */
export type OracleMessage =
  | { type: 'int'; value: bigint }
  | { type: 'float'; value: number }
  | { type: 'str'; value: string }
  | { type: 'bytes'; value: number[] };

/** What a whole stream says. */
export interface Reading {
  messages: OracleMessage[];
  /** Frames whose checksum was wrong. */
  damaged: number;
  /** Why reading stopped before the end of the stream, if it did. */
  problem: 'protocol' | 'too large' | undefined;
  /** Bytes at the end that are no whole frame. */
  leftBytes: number;
}

const magic = [0xde, 0xca, 0xfe, 0xca, 0xfe];
const probe = [0x01, ...ascii('SETMODE0'), 0x1f, 0x1f, 0x1f, 0x1f, 0x1f];

/** The frame of any payload under any type. A checksum may be given to be wrong. */
export function frame(type: number, payload: Iterable<number>, checksum = byteSum(payload)): number[] {
  const bytes = [...payload];
  return [...magic, type, ...littleEndian(BigInt(checksum), 4), ...littleEndian(BigInt(bytes.length), 4), ...bytes];
}

/** The frame that the original sends for a message. */
export function encode(message: OracleMessage): number[] {
  switch (message.type) {
    case 'int':
      return frame(0x01, littleEndian(message.value, 8));
    case 'float':
      return frame(0x11, ascii(floatText(message.value)));
    case 'str':
      return frame(0x21, new TextEncoder().encode(message.value));
    case 'bytes':
      return frame(0x81, message.value);
  }
}

/** Reads a stream from its start. */
export function decode(stream: Iterable<number>, maxMessageBytes = 2 ** 32 - 1): Reading {
  let left = [...stream];
  const reading: Reading = { messages: [], damaged: 0, problem: undefined, leftBytes: 0 };
  if (probe.every((byte, i) => left[i] === byte)) left = left.slice(probe.length);
  else if (left.every((byte, i) => probe[i] === byte)) return { ...reading, leftBytes: left.length }; // it may become one

  while (left.length > 0) {
    const start = left.slice(0, magic.length);
    if (!start.every((byte, i) => byte === magic[i])) return { ...reading, problem: 'protocol' };
    if (left.length < 14) break;
    const type = left[5] as number;
    const checksum = number(left.slice(6, 10));
    const length = number(left.slice(10, 14));
    if (length > maxMessageBytes) return { ...reading, problem: 'too large' };
    if (left.length < 14 + length) break;
    const payload = left.slice(14, 14 + length);
    left = left.slice(14 + length);
    if (byteSum(payload) !== checksum) {
      reading.damaged++;
      continue;
    }
    const message = readPayload(type, payload);
    if (message === undefined) return { ...reading, problem: 'protocol' };
    reading.messages.push(message);
  }
  return { ...reading, leftBytes: left.length };
}

function readPayload(type: number, payload: number[]): OracleMessage | undefined {
  switch (type) {
    case 0x01:
      return { type: 'int', value: signedInteger(payload) };
    case 0x11: {
      const value = readFloat(payload.map((byte) => String.fromCharCode(byte)).join(''));
      return value === undefined ? undefined : { type: 'float', value };
    }
    case 0x21: {
      const value = Buffer.from(payload).toString('utf8');
      // Node puts U+FFFD for what is not UTF-8, so the bytes come back changed.
      return Buffer.from(value, 'utf8').equals(Buffer.from(payload)) ? { type: 'str', value } : undefined;
    }
    case 0x81:
      return { type: 'bytes', value: payload };
    default:
      return undefined;
  }
}

/** The sum of all bytes modulo 2^32. */
export function byteSum(bytes: Iterable<number>): number {
  let sum = 0;
  for (const byte of bytes) sum = (sum + byte) % 2 ** 32;
  return sum;
}

/** A signed little-endian integer of any length, 0 included. */
export function signedInteger(payload: readonly number[]): bigint {
  let value = 0n;
  payload.forEach((byte, i) => {
    value += BigInt(byte) * 256n ** BigInt(i);
  });
  const negative = (payload[payload.length - 1] ?? 0) >= 0x80;
  return negative ? value - 256n ** BigInt(payload.length) : value;
}

/** The two's complement of an integer in so many bytes. */
export function littleEndian(value: bigint, length: number): number[] {
  let left = value < 0n ? value + 256n ** BigInt(length) : value;
  return Array.from({ length }, () => {
    const byte = Number(left % 256n);
    left /= 256n;
    return byte;
  });
}

function number(bytes: number[]): number {
  return bytes.reduceRight((value, byte) => value * 256 + byte, 0);
}

function ascii(text: string): number[] {
  return Array.from(text, (character) => character.charCodeAt(0));
}

/** A finite double without its sign: `integer` × 2^`exponent`. The bits from 0 up count the doubles from 0 up. */
function double(bits: bigint): { integer: bigint; exponent: number } {
  const exponent = Number(bits >> 52n);
  const fraction = bits & (2n ** 52n - 1n);
  return exponent === 0
    ? { integer: fraction, exponent: -1074 }
    : { integer: 2n ** 52n + fraction, exponent: exponent - 1075 };
}

export function bitsOf(value: number): bigint {
  return Buffer.from(new Float64Array([value]).buffer).readBigUInt64LE();
}

export function doubleOf(bits: bigint): number {
  const bytes = Buffer.alloc(8);
  bytes.writeBigUInt64LE(bits);
  return bytes.readDoubleLE();
}

const signBit = 2n ** 63n;
const infinityBits = 0x7ff0_0000_0000_0000n;

/** The text of a double as `float.hex` writes it. */
export function floatText(value: number): string {
  const bits = bitsOf(value);
  const sign = bits >= signBit ? '-' : '';
  const magnitude = bits % signBit;
  if (magnitude > infinityBits) return 'nan';
  if (magnitude === infinityBits) return `${sign}inf`;
  if (magnitude === 0n) return `${sign}0x0.0p+0`;
  const { integer, exponent } = double(magnitude);
  const pointed = exponent + 52; // the point stands after the first digit, before thirteen of four bits each
  const digits = integer.toString(16).padStart(14, '0');
  return `${sign}0x${digits[0]}.${digits.slice(1)}p${pointed < 0 ? '-' : '+'}${Math.abs(pointed)}`;
}

/** The double of a text, or undefined for what `float.fromhex` refuses. For texts of up to 1000 characters. */
export function readFloat(text: string): number | undefined {
  let rest = text;
  while (isSpace(rest[0])) rest = rest.slice(1);
  while (isSpace(rest[rest.length - 1])) rest = rest.slice(0, -1);
  const negative = rest[0] === '-';
  if (rest[0] === '-' || rest[0] === '+') rest = rest.slice(1);
  const magnitude = readMagnitude(rest.toLowerCase());
  return magnitude !== undefined && negative ? -magnitude : magnitude;
}

/** An exponent beyond this is as good as this: 1000 digits do not bring it back to where doubles are. */
const farAway = 10_000;

function readMagnitude(text: string): number | undefined {
  if (text === 'inf' || text === 'infinity') return Number.POSITIVE_INFINITY;
  if (text === 'nan') return Number.NaN;
  let rest = text.startsWith('0x') ? text.slice(2) : text;
  let integer = 0n;
  let digits = 0;
  let digitsAfterPoint = 0;
  let point = false;
  for (; rest !== '' && rest[0] !== 'p'; rest = rest.slice(1)) {
    const digit = '0123456789abcdef'.indexOf(rest[0] as string);
    if (rest[0] === '.' && !point) point = true;
    else if (digit < 0) return undefined;
    else {
      integer = integer * 16n + BigInt(digit);
      digits++;
      if (point) digitsAfterPoint++;
    }
  }
  if (digits === 0) return undefined;
  let exponent = 0;
  if (rest[0] === 'p') {
    const number = rest.slice(1);
    const unsigned = number[0] === '+' || number[0] === '-' ? number.slice(1) : number;
    if (unsigned === '' || Array.from(unsigned).some((character) => character < '0' || character > '9'))
      return undefined;
    exponent = Math.max(-farAway, Math.min(farAway, Number(number)));
  }
  return nearestDouble(integer, exponent - 4 * digitsAfterPoint);
}

function isSpace(character: string | undefined): boolean {
  return character !== undefined && ' \t\n\v\f\r'.includes(character);
}

/** The double nearest to integer × 2^exponent, the even one of two, or undefined if that is too large. */
function nearestDouble(integer: bigint, exponent: number): number | undefined {
  // The last double that is not above it, by halving: the bits are in the order of the doubles.
  let low = 0n;
  let high = infinityBits;
  while (high - low > 1n) {
    const middle = (low + high) / 2n;
    if (compare(double(middle), { integer, exponent }) <= 0) low = middle;
    else high = middle;
  }
  // What lies halfway between it and the next has one bit more than either. Beyond the largest double stands 2^1024.
  const { integer: below, exponent: lastBit } = double(low);
  const side = compare({ integer, exponent }, { integer: 2n * below + 1n, exponent: lastBit - 1 });
  const nearest = side < 0 || (side === 0 && low % 2n === 0n) ? low : low + 1n;
  return nearest === infinityBits ? undefined : doubleOf(nearest);
}

function compare(a: { integer: bigint; exponent: number }, b: { integer: bigint; exponent: number }): number {
  const exponent = Math.min(a.exponent, b.exponent);
  const left = a.integer * 2n ** BigInt(a.exponent - exponent);
  const right = b.integer * 2n ** BigInt(b.exponent - exponent);
  return left < right ? -1 : left > right ? 1 : 0;
}
