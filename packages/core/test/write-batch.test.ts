/** The gathering of small writes: what goes in comes out, and memory is written again only when that is allowed. */
import { fc, test } from '@fast-check/vitest';
import { describe, expect } from 'vitest';
import { WriteBatch } from '../src/write-batch.js';

const blockBytes = 64 * 1024;

describe('a write batch', () => {
  test('passes on a single piece as it is, small or big', () => {
    const batch = new WriteBatch();
    for (const size of [1, 4095, 4096, 1_000_000]) {
      const piece = Buffer.alloc(size, size);
      batch.add(piece);
      expect(batch.take()).toEqual([piece]);
    }
  });

  test('makes one piece of many small ones', () => {
    const batch = new WriteBatch();
    for (let i = 0; i < 100; i++) batch.add(Buffer.of(i));
    expect(batch.take()).toEqual([Buffer.from(Array.from({ length: 100 }, (_, i) => i))]);
  });

  test('never copies a big piece', () => {
    const batch = new WriteBatch();
    const big = Buffer.alloc(4096);
    batch.add(Buffer.of(1));
    batch.add(big);
    batch.add(Buffer.of(2));
    batch.add(Buffer.of(3));
    const pieces = batch.take();
    expect(pieces[1]).toBe(big);
    expect(pieces).toHaveLength(3);
  });

  test.prop([
    fc.array(
      fc.record({
        sizes: fc.array(fc.oneof(fc.integer({ min: 1, max: 200 }), fc.integer({ min: 3000, max: 5000 })), {
          minLength: 1,
          maxLength: 60,
        }),
        left: fc.boolean(),
      }),
      { minLength: 1, maxLength: 8 },
    ),
  ])('gives what went in, in order, and leaves alone what has not left', (flushes) => {
    const batch = new WriteBatch();
    const underWay: [Uint8Array[], Buffer][] = [];
    let next = 0;
    for (const { sizes, left } of flushes) {
      const added = sizes.map((size) => Buffer.alloc(size, ++next));
      for (const piece of added) batch.add(piece);
      const whole = Buffer.concat(added);
      expect(batch.bytes).toBe(whole.length);
      expect(batch.full).toBe(whole.length >= blockBytes);
      const taken = batch.take();
      expect(Buffer.concat(taken).equals(whole)).toBe(true);
      expect(batch.bytes).toBe(0);
      if (left) {
        batch.recycle();
      } else {
        underWay.push([taken, whole]);
        batch.abandon();
      }
    }
    for (const [taken, whole] of underWay) expect(Buffer.concat(taken).equals(whole)).toBe(true);
  });
});
