/** The write buffer: it returns the written bytes, and reuses memory only when that is allowed. */
import { fc, test } from 'serpy-contract-tests/properties';
import { describe, expect } from 'vitest';
import { WriteBuffer } from '../../src/transport/write-buffer.js';

const blockBytes = 64 * 1024;
const fullBytes = 256 * 1024;

describe('a write buffer', () => {
  test('copies a single small piece, so that it may change, and references a large one', () => {
    const batch = new WriteBuffer();
    for (const size of [1, 8191]) {
      const piece = Buffer.alloc(size, 1);
      batch.add(piece);
      piece.fill(2);
      expect(Buffer.concat(batch.take()).equals(Buffer.alloc(size, 1))).toBe(true);
    }
    const big = Buffer.alloc(8192);
    batch.add(big);
    expect(batch.take()[0]).toBe(big);
  });

  test('allocates 512 bytes for few small pieces, and up to 64 KiB for many', () => {
    const batch = new WriteBuffer();
    const memory: number[] = [];
    for (let i = 0; i < 20_000; i++) {
      const place = batch.reserve(10);
      place.buffer.fill(i, place.offset, place.offset + 10);
      if (place.buffer.length !== memory.at(-1)) memory.push(place.buffer.length);
    }
    expect(memory).toEqual([512, 2048, 8192, 32_768, 65_536]);
    const expected = Buffer.concat(Array.from({ length: 20_000 }, (_, i) => Buffer.alloc(10, i)));
    expect(Buffer.concat(batch.take()).equals(expected)).toBe(true);
  });

  test('joins many small pieces', () => {
    const batch = new WriteBuffer();
    for (let i = 0; i < 100; i++) batch.add(Buffer.of(i));
    expect(batch.take()).toEqual([Buffer.from(Array.from({ length: 100 }, (_, i) => i))]);
  });

  test('never copies a large piece', () => {
    const batch = new WriteBuffer();
    const big = Buffer.alloc(8192);
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
        sizes: fc.array(fc.oneof(fc.integer({ min: 1, max: 200 }), fc.integer({ min: 5000, max: 9000 })), {
          minLength: 1,
          maxLength: 60,
        }),
        reserved: fc.boolean(),
        allLeft: fc.boolean(),
      }),
      { minLength: 1, maxLength: 8 },
    ),
  ])('returns the written bytes in order, and does not change bytes that have not left', (flushes) => {
    const batch = new WriteBuffer();
    let underWay: [Uint8Array[], Buffer][] = [];
    let next = 0;
    for (const { sizes, reserved, allLeft } of flushes) {
      const added = sizes.map((size) => Buffer.alloc(size, ++next));
      for (const piece of added) {
        if (reserved && piece.length < 8192) {
          const { buffer, offset } = batch.reserve(piece.length);
          buffer.set(piece, offset);
        } else {
          batch.add(piece);
        }
      }
      const whole = Buffer.concat(added);
      expect(batch.bytes).toBe(whole.length);
      const smallBytes = added.reduce((sum, { length }) => sum + (length < 8192 ? length : 0), 0);
      expect(batch.full).toBe(smallBytes >= blockBytes || whole.length >= fullBytes);
      const taken = batch.take();
      expect(Buffer.concat(taken).equals(whole)).toBe(true);
      expect(batch.bytes).toBe(0);
      underWay.push([taken, whole]);
      for (const [pieces, sent] of underWay) expect(Buffer.concat(pieces).equals(sent)).toBe(true);
      if (!allLeft) continue;
      underWay = [];
      batch.recycle();
    }
  });
});
