/** The memory for partially received messages: the total, and the connection that is evicted. */
import { describe, expect, test } from 'vitest';
import { PartialMessageBudget } from '../../src/server/partial-message-budget.js';

interface Holder {
  readonly name: string;
  readonly from: string;
}

function holders(limitBytes: number, ...sources: string[]) {
  const unfinished = new PartialMessageBudget<Holder>(limitBytes, ({ from }) => from);
  const all = sources.map((from, index) => ({ name: `${from}${index}`, from }));
  return { unfinished, note: (index: number, bytes: number) => unfinished.set(all[index] as Holder, bytes) };
}

describe('the memory for partially received messages', () => {
  test('is the sum of the current bytes of all holders', () => {
    const { unfinished, note } = holders(1000, 'a', 'b');
    note(0, 400);
    note(1, 300);
    note(0, 500);
    expect(unfinished.bytes).toBe(800);
    note(0, 0);
    note(1, 0);
    expect(unfinished.bytes).toBe(0);
  });

  test('may reach the limit, and not exceed it by one byte', () => {
    const { unfinished, note } = holders(1000, 'a', 'b');
    note(0, 600);
    note(1, 400);
    expect(unfinished.evictLargest()).toBeUndefined();
    note(1, 401);
    expect(unfinished.evictLargest()?.name).toBe('a0');
    expect(unfinished.evictLargest()).toBeUndefined();
    expect(unfinished.bytes).toBe(401);
  });

  test('is freed by the largest holder of the largest group, whichever holder grew last or is the largest of all', () => {
    const { unfinished, note } = holders(1000, 'a', 'a', 'a', 'b');
    note(0, 200);
    note(1, 210);
    note(2, 200);
    note(3, 500);
    expect(unfinished.evictLargest()?.name).toBe('a1');
    expect(unfinished.bytes).toBe(900);
  });

  test('is freed by as many holders as needed', () => {
    const { unfinished, note } = holders(1000, 'a', 'b', 'c');
    note(0, 700);
    note(1, 300);
    note(2, 1900);
    expect([unfinished.evictLargest()?.name, unfinished.evictLargest()]).toEqual(['c2', undefined]);
    const other = holders(1000, 'a', 'b', 'c');
    other.note(0, 900);
    other.note(1, 1000);
    other.note(2, 1000);
    const gone = [1, 2, 3].map(() => other.unfinished.evictLargest()?.name);
    expect(gone).toEqual(['b1', 'c2', undefined]);
  });

  test('ignores an evicted holder until it is gone', () => {
    const { unfinished, note } = holders(1000, 'a', 'b');
    note(0, 1001);
    expect(unfinished.evictLargest()?.name).toBe('a0');
    note(0, 900);
    note(1, 1000);
    expect([unfinished.bytes, unfinished.evictLargest()]).toEqual([1000, undefined]);
  });
});
