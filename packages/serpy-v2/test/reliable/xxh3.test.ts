/** The digest of large records: XXH3 in WebAssembly and in JavaScript. */
import { expect, test } from 'vitest';
import { xxh3, xxh3Reference } from '../../src/reliable/xxh3.js';

const counted = (length: number, period = 251) => Buffer.from(Array.from({ length }, (_, i) => i % period));

// The output of another implementation of XXH3 (hash-wasm 4.13).
test.each([
  [241, 0, 0x421c6d02],
  [1024, 1, 0xa01c4d2a],
  [1025, 0, 0x8f28186e],
  [4096, 0, 0x04f1bc71],
  [4096, 0xdeadbeef, 0x65096100],
  [262144, 7, 0x6e8f3ee9],
])('of %i bytes with the seed %i is the lower half of its XXH3', (length, seed, expected) => {
  expect(xxh3(counted(length), 0, length, seed)).toBe(expected);
  expect(xxh3Reference(counted(length), 0, length, seed)).toBe(expected);
});

test('WebAssembly and JavaScript agree, for every remainder and alignment', () => {
  const bytes = Buffer.from(Array.from({ length: 4400 }, (_, i) => (i * 7919) >> 3));
  for (let length = 4096; length <= 4096 + 130; length++) {
    const start = length % 40;
    const seed = [0, 1, 0x83, 0xffffffff][length % 4] as number;
    expect(xxh3(bytes, start, start + length, seed)).toBe(xxh3Reference(bytes, start, start + length, seed));
  }
});

test('detects bytes in a different order, and each changed bit', () => {
  const bytes = counted(4096);
  const right = xxh3(bytes, 0, 4096, 3);
  for (let i = 0; i < 4095; i++) {
    const swapped = Buffer.from(bytes);
    [swapped[i], swapped[i + 1]] = [swapped[i + 1] as number, swapped[i] as number];
    expect(xxh3(swapped, 0, 4096, 3)).not.toBe(right);
    const flipped = Buffer.from(bytes);
    flipped[i] = (flipped[i] as number) ^ (1 << (i % 8));
    expect(xxh3(flipped, 0, 4096, 3)).not.toBe(right);
  }
});

test('accepts the largest frame', () => {
  const bytes = Buffer.alloc(256 * 1024 + 64, 1);
  expect(xxh3(bytes, 0, bytes.length, 0)).toBe(xxh3Reference(bytes, 0, bytes.length, 0));
});
