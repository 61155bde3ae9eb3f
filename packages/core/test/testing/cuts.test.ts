/** The cuts of `everyCut`, on which other tests rely. */
import { everyCut } from 'serpy-core/testing';
import { describe, expect, test } from 'vitest';

const numbered = (length: number) => Buffer.from(Array.from({ length }, (_, i) => (i * 7) & 0xff));

describe('everyCut', () => {
  test.each([1, 2, 3, 14, 40, 80, 511, 512, 513, 600, 100_000])(
    'keeps all of %i bytes in order, in no empty piece',
    (length) => {
      const bytes = numbered(length);
      let cuts = 0;
      for (const { name, chunks } of everyCut(bytes)) {
        cuts++;
        expect(Buffer.concat(chunks).equals(bytes), name).toBe(true);
        expect(
          chunks.every((chunk) => chunk.length > 0),
          name,
        ).toBe(true);
      }
      expect(cuts).toBeGreaterThanOrEqual(Math.min(length, 80));
    },
  );

  test('contains every split in two of a short input, and the pieces of one byte', () => {
    const lengths = [...everyCut(numbered(5))].map(({ chunks }) => chunks.map((chunk) => chunk.length));
    for (const pieces of [[5], [1, 4], [2, 3], [3, 2], [4, 1], [1, 1, 1, 1, 1]]) expect(lengths).toContainEqual(pieces);
  });

  test('contains a view that shares its memory with other bytes', () => {
    const view = [...everyCut(numbered(5))].find(({ name }) => name.includes('view'))?.chunks[0];
    expect(view?.byteOffset).toBeGreaterThan(0);
    expect(view?.buffer.byteLength).toBeGreaterThan(5);
  });

  test('is the same for the same seed and different for another', () => {
    const lengths = (seed: number) =>
      [...everyCut(numbered(2000), seed)].map(({ chunks }) => chunks.map((c) => c.length));
    expect(lengths(1)).toEqual(lengths(1));
    expect(lengths(1)).not.toEqual(lengths(2));
  });

  test('is empty for no bytes', () => {
    expect([...everyCut(Buffer.alloc(0))]).toEqual([]);
  });
});
