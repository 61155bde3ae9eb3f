/** The table of open requests, compared with a `Map`. */
import { expect, test } from 'vitest';
import { RequestTable, type TableEntry } from '../../src/requests/request-table.js';

class Entry implements TableEntry<Entry> {
  readonly id: number;
  nextInBucket: Entry | undefined;

  constructor(id: number) {
    this.id = id;
  }
}

test('a table of requests finds, removes and lists what a Map does, also for numbers with the same remainder', () => {
  const table = new RequestTable<Entry>();
  const map = new Map<number, Entry>();
  let seed = 1;
  const next = (below: number) => {
    seed = (seed * 48271) % 2147483647;
    return seed % below;
  };
  for (let step = 0; step < 5000; step++) {
    const id = next(4) === 0 ? 64 * next(40) : next(2) * 2 ** 52 + next(300);
    const there = map.get(id);
    expect(table.get(id)).toBe(there);
    if (there === undefined) {
      const entry = new Entry(id);
      table.add(entry);
      map.set(id, entry);
    } else if (next(2) === 0) {
      expect(table.remove(there)).toBe(true);
      map.delete(id);
      expect(table.remove(there)).toBe(false);
      expect(there.nextInBucket).toBeUndefined();
    }
    expect(table.size).toBe(map.size);
  }
  expect(table.all()).toEqual([...map.values()].sort((a, b) => a.id - b.id));
});

test('an entry that is not in the table, but has the number of one that is, is not removed', () => {
  const table = new RequestTable<Entry>();
  table.add(new Entry(1));
  expect(table.remove(new Entry(1))).toBe(false);
  expect(table.size).toBe(1);
});
