/** Numbers that share one bucket of V8's hash tables, which hash them without a secret. */

const wrap = (value: bigint) => BigInt.asUintN(64, value);

/** Reverses `value ^= value >> bits`. */
function unshifted(value: bigint, bits: bigint): bigint {
  let result = value;
  for (let known = bits; known < 64n; known += bits) result = value ^ (result >> bits);
  return result;
}

/** The factor that reverses a multiplication by an odd factor. */
function inverse(factor: bigint): bigint {
  let result = 1n;
  for (let round = 0; round < 6; round++) result = wrap(result * (2n - factor * result));
  return result;
}

const [of65, of21, ofFirst] = [inverse(65n), inverse(21n), inverse((1n << 18n) - 1n)];

/** The number of 64 bits, of a bigint or a double, that V8's `ComputeLongHash` makes this of. */
export function keyOfHash(hash: bigint): bigint {
  let key = unshifted(hash, 22n);
  key = wrap(key * of65);
  key = unshifted(key, 11n);
  key = wrap(key * of21);
  key = unshifted(key, 31n);
  return wrap((key + 1n) * ofFirst);
}

/** This many positive integers of 32 bits whose hashes end in the same bits, found by trying. */
export function keysOfHash32(count: number, bits: number): number[] {
  const keys: number[] = [];
  const mask = 2 ** bits - 1;
  for (let key = 1; keys.length < count; key++) {
    let hash = (~key + (key << 15)) | 0;
    hash ^= hash >>> 12;
    hash = (hash + (hash << 2)) | 0;
    hash ^= hash >>> 4;
    hash = Math.imul(hash, 2057);
    hash ^= hash >>> 16;
    if ((hash & mask) === 7) keys.push(key);
  }
  return keys;
}
