/** The digest of frames: XXH64, fast and plain alike. */
import { expect, test } from 'vitest';
import { digest, plainDigest } from '../../src/handshake/digest.js';

const whole = (text: string, seed = 0) => digest(Buffer.from(text), 0, Buffer.byteLength(text), seed);

test.each([
  ['', 0x51d8e999],
  ['a', 0xa98c6e5b],
  ['abc', 0xad770999],
])('of %j is the lower half of its XXH64', (text, expected) => {
  expect(whole(text)).toBe(expected);
});

test('the kernel and plain JavaScript agree, for every length and place', () => {
  const bytes = Buffer.from(Array.from({ length: 400 }, (_, i) => (i * 7919) >> 3));
  for (let length = 0; length <= 150; length++) {
    const start = length % 40;
    for (const seed of [0, 1, 0x83, 0xffffffff]) {
      expect(digest(bytes, start, start + length, seed)).toBe(plainDigest(bytes, start, start + length, seed));
    }
  }
  expect(digest(bytes, 0, 400, 5)).toBe(plainDigest(bytes, 0, 400, 5));
});

test('notices bytes that changed places, and every single bit', () => {
  const bytes = Buffer.from(Array.from({ length: 200 }, (_, i) => i));
  const right = digest(bytes, 0, 200, 3);
  for (let i = 0; i < 199; i++) {
    const swapped = Buffer.from(bytes);
    [swapped[i], swapped[i + 1]] = [swapped[i + 1] as number, swapped[i] as number];
    expect(digest(swapped, 0, 200, 3)).not.toBe(right);
    for (let bit = 0; bit < 8; bit++) {
      const flipped = Buffer.from(bytes);
      flipped[i] = (flipped[i] as number) ^ (1 << bit);
      expect(digest(flipped, 0, 200, 3)).not.toBe(right);
    }
  }
});

test('takes the largest frame there is', () => {
  const bytes = Buffer.alloc(256 * 1024 + 64, 1);
  expect(digest(bytes, 0, bytes.length, 0)).toBe(plainDigest(bytes, 0, bytes.length, 0));
});
