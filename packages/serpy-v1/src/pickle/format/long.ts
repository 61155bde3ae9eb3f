/** Encodes and decodes the ints of LONG1 and LONG4: two's complement, little-endian, no bytes for 0. */

/** A longer int is not a measurement. To write its decimal digits takes more than linear time and would block the program. */
export const MAX_INT_BYTES = 1024;

const INT64_MIN = -(2n ** 63n);
const INT64_MAX = 2n ** 63n - 1n;

/** Returns a `number` if that is exact, otherwise a `bigint`. */
export function decodeLong(bytes: Buffer): number | bigint {
  if (bytes.length === 0) return 0;
  if (bytes.length <= 6) return bytes.readIntLE(0, bytes.length);
  if (bytes.length === 8) return narrow(bytes.readBigInt64LE());
  const unsigned = BigInt(`0x${Buffer.from(bytes).reverse().toString('hex')}`);
  return narrow(BigInt.asIntN(bytes.length * 8, unsigned));
}

/** Returns the shortest form, as CPython does. */
export function encodeLong(value: bigint): Buffer {
  if (value === 0n) return Buffer.alloc(0);
  const bytes = value >= INT64_MIN && value <= INT64_MAX ? int64Bytes(value) : longBytes(value);
  const extension = value < 0n ? 0xff : 0;
  let length = bytes.length;
  // Removes a top byte that only extends the sign of the byte below it.
  while (length > 1 && bytes[length - 1] === extension && ((bytes[length - 2] ?? 0) ^ extension) < 0x80) length -= 1;
  return bytes.subarray(0, length);
}

/** A `number` for a safe integer, the `bigint` itself otherwise. */
export function narrow(value: bigint): number | bigint {
  const number = Number(value);
  return Number.isSafeInteger(number) ? number : value;
}

function int64Bytes(value: bigint): Buffer {
  const bytes = Buffer.allocUnsafe(8);
  bytes.writeBigInt64LE(value);
  return bytes;
}

function longBytes(value: bigint): Buffer {
  // One more byte than the digits need, for the sign.
  const length = Math.ceil(value.toString(16).length / 2) + 1;
  const digits = BigInt.asUintN(length * 8, value).toString(16);
  return Buffer.from(digits.padStart(length * 2, '0'), 'hex').reverse();
}
