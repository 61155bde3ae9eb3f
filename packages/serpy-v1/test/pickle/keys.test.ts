/** Dicts and sets whose keys a peer chose so that they share one bucket of the engine's hash table. */
import { describe, expect, test } from 'vitest';
import { readPickle } from '../../src/pickle/index.js';

/** One bucket of a table with so many: V8 has half as many as keys, and the hashes of numbers are no secret. */
const keys = 40_000;
const bucketBits = 15;

/** V8's `ComputeLongHash`, written as it stands there. */
function longHash(key: bigint): number {
  const wrap = (value: bigint) => BigInt.asUintN(64, value);
  let hash = wrap(~key + (key << 18n));
  hash ^= hash >> 31n;
  hash = wrap(hash * 21n);
  hash ^= hash >> 11n;
  hash = wrap(hash + (hash << 6n));
  hash ^= hash >> 22n;
  return Number(hash & 0x3fffffffn);
}

/** And backwards: the number of 64 bits that has this hash. */
function keyOfHash(hash: bigint): bigint {
  const wrap = (value: bigint) => BigInt.asUintN(64, value);
  const unshift = (value: bigint, bits: bigint) => {
    let result = value;
    for (let known = bits; known < 64n; known += bits) result = value ^ (result >> bits);
    return result;
  };
  const inverse = (factor: bigint) => {
    let result = 1n;
    for (let i = 0; i < 6; i++) result = wrap(result * (2n - factor * result));
    return result;
  };
  let key = unshift(hash, 22n);
  key = wrap(key * inverse(65n));
  key = unshift(key, 11n);
  key = wrap(key * inverse(21n));
  key = unshift(key, 31n);
  // ~key + (key << 18) is key * (2^18 - 1) - 1
  return wrap((key + 1n) * inverse(wrap((1n << 18n) - 1n)));
}

/** Numbers of 32 bits whose hash ends alike, by trying all until there are enough. */
function* collidingIntegers(): Generator<number> {
  for (let key = 1; ; key++) {
    let hash = (~key + (key << 15)) | 0;
    hash ^= hash >>> 12;
    hash = (hash + (hash << 2)) | 0;
    hash ^= hash >>> 4;
    hash = Math.imul(hash, 2057);
    hash ^= hash >>> 16;
    if ((hash & 0x1fff) === 7) yield key;
  }
}

const collidingLongs = Array.from({ length: keys }, (_, i) => keyOfHash((BigInt(i) << BigInt(bucketBits)) | 5n));

const binInt = (key: number) => {
  const bytes = Buffer.from([0x4a, 0, 0, 0, 0]);
  bytes.writeInt32LE(key, 1);
  return bytes;
};
const long1 = (low: bigint, extension = [1]) => {
  const bytes = Buffer.alloc(8);
  bytes.writeBigUInt64LE(low);
  return Buffer.from([0x8a, 8 + extension.length, ...bytes, ...extension]);
};
const binFloat = (bits: bigint) => {
  const bytes = Buffer.alloc(9, 0x47);
  bytes.writeBigUInt64BE(bits, 1);
  return bytes;
};

/** Those that are doubles outside of the integers: no NaN, and no exponent that makes whole ones of 32 bits. */
const collidingDoubles = collidingLongs.filter((bits) => ((bits >> 52n) & 0x7ffn) < 0x7ffn);
const fewIntegers: number[] = [];
for (const key of collidingIntegers()) if (fewIntegers.push(key) === 16_000) break;

const dict = (each: readonly Buffer[]) =>
  Buffer.concat([Buffer.from('}('), ...each.flatMap((key) => [key, Buffer.from('N')]), Buffer.from('u.')]);
const singly = (each: readonly Buffer[]) =>
  Buffer.concat([Buffer.from('}'), ...each.flatMap((key) => [key, Buffer.from('Ns')]), Buffer.from('.')]);
const set = (each: readonly Buffer[]) =>
  Buffer.concat([Buffer.from('\x8f(', 'latin1'), ...each, Buffer.from('\x90.', 'latin1')]);
const frozen = (each: readonly Buffer[]) => Buffer.concat([Buffer.from('('), ...each, Buffer.from('\x91.', 'latin1')]);
const called = (each: readonly Buffer[]) =>
  Buffer.concat([Buffer.from('cbuiltins\nset\n]('), ...each, Buffer.from('e\x85R.', 'latin1')]);

const longs = collidingLongs.map((low) => long1(low));

test('the crafted keys do share a bucket', () => {
  expect(new Set(collidingLongs.map((key) => longHash(key) & (2 ** bucketBits - 1)))).toEqual(new Set([5]));
});

describe('are rejected in linear time', () => {
  test.each([
    ['dict with integers beyond 64 bits', dict(longs)],
    ['dict with negative ones', dict(collidingLongs.map((low) => long1(BigInt.asUintN(64, -low), [0xfe])))],
    ['dict that gets them one by one', singly(longs)],
    ['dict with doubles', dict(collidingDoubles.map(binFloat))],
    ['dict with small integers', dict(fewIntegers.map(binInt))],
    ['set', set(longs)],
    ['frozenset', frozen(longs)],
    ['set that is made of a list', called(longs)],
    ['dict with ordinary keys first', dict([...Array.from({ length: 3000 }, (_, i) => binInt(i)), ...longs])],
  ])('%s', (_, pickle) => {
    const before = process.cpuUsage();
    const result = readPickle(pickle);
    const { user } = process.cpuUsage(before);
    expect(result).toMatchObject({
      ok: false,
      malformed: false,
      reason: expect.stringMatching(/keys collide and would make it slow/),
    });
    // Unguarded, 40,000 take seconds.
    expect(user / pickle.length).toBeLessThan(2);
  });

  test('memo entries, which are not keys of a dict', () => {
    const each = fewIntegers.map((key) => {
      const put = Buffer.from([0x4e, 0x72, 0, 0, 0, 0, 0x30]);
      put.writeUInt32LE(key, 2);
      return put;
    });
    const before = process.cpuUsage();
    expect(readPickle(Buffer.concat([...each, Buffer.from('N.')]))).toMatchObject({ ok: true });
    expect(process.cpuUsage(before).user).toBeLessThan(200_000);
  });
});

describe('are distinguished from keys that were not chosen to collide', () => {
  const doubleOf = (value: number) => {
    const bytes = Buffer.alloc(9, 0x47);
    bytes.writeDoubleBE(value, 1);
    return bytes;
  };
  test.each([
    ['counted up', Array.from({ length: 100_000 }, (_, i) => binInt(i))],
    ['in steps of a power of two', Array.from({ length: 20_000 }, (_, i) => binInt(i * 65_536))],
    ['times in seconds', Array.from({ length: 20_000 }, (_, i) => doubleOf(1.7e9 + i * 0.01))],
    [
      'times in nanoseconds',
      Array.from({ length: 20_000 }, (_, i) => long1(1_700_000_000_000_000_000n + BigInt(i) * 1_000_000n, [])),
    ],
    ['fractions', Array.from({ length: 20_000 }, (_, i) => doubleOf(i / 1024))],
    ['large doubles', Array.from({ length: 20_000 }, (_, i) => doubleOf(i * 2 ** 40))],
  ])('%s', (_, each) => {
    for (const pickle of [dict(each), set(each)]) {
      const result = readPickle(pickle);
      expect(result.ok ? (result.value as Map<unknown, unknown>).size : result.reason).toBe(each.length);
    }
  });
});
