import { fc, test } from 'serpy-contract-tests/properties';
import { describe, expect } from 'vitest';
import { BoundedQueue } from '../../src/queue/bounded-queue.js';

interface Item {
  readonly id: number;
  readonly sizeBytes: number;
}

type Step =
  | { readonly do: 'push'; readonly sizeBytes: number }
  | { readonly do: 'shift' | 'clear' }
  | { readonly do: 'remove'; readonly at: number };

const step: fc.Arbitrary<Step> = fc.oneof(
  { weight: 6, arbitrary: fc.record({ do: fc.constant('push' as const), sizeBytes: fc.nat(100) }) },
  { weight: 5, arbitrary: fc.constant({ do: 'shift' as const }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('remove' as const), at: fc.nat(20) }) },
  { weight: 1, arbitrary: fc.constant({ do: 'clear' as const }) },
);

describe('a bounded queue', () => {
  test.prop([fc.array(step, { maxLength: 200 })])('behaves as an array', (steps) => {
    const limits = { maxMessages: 5, maxBytes: 200 };
    const queue = new BoundedQueue<Item>(limits);
    let model: Item[] = [];
    steps.forEach((each, id) => {
      switch (each.do) {
        case 'push': {
          const item = { id, sizeBytes: each.sizeBytes };
          queue.push(item);
          model.push(item);
          break;
        }
        case 'shift':
          expect(queue.shift()).toBe(model.shift());
          break;
        case 'remove': {
          const item = model[each.at] ?? { id: -1, sizeBytes: 1 };
          expect(queue.remove(item)).toBe(model.includes(item));
          model = model.filter((other) => other !== item);
          break;
        }
        case 'clear':
          queue.clear();
          model = [];
      }
      const bytes = model.reduce((sum, { sizeBytes }) => sum + sizeBytes, 0);
      expect(queue.length).toBe(model.length);
      expect(queue.bytes).toBe(bytes);
      expect(queue.full).toBe(model.length >= limits.maxMessages || bytes >= limits.maxBytes);
    });
  });

  test('keeps the order of thousands of messages, with few and with many in it', () => {
    const queue = new BoundedQueue<Item>({ maxMessages: 1, maxBytes: 1 });
    let shifted = 0;
    for (let id = 0; id < 20_000; id++) {
      queue.push({ id, sizeBytes: 1 });
      if (id % 3 > 0) expect(queue.shift()?.id).toBe(shifted++);
    }
    while (queue.length > 0) expect(queue.shift()?.id).toBe(shifted++);
    expect([shifted, queue.bytes, queue.shift()]).toEqual([20_000, 0, undefined]);
  });

  test('removes from the middle after many were shifted', () => {
    const queue = new BoundedQueue<Item>({ maxMessages: 1, maxBytes: 1 });
    const items = Array.from({ length: 3000 }, (_, id) => ({ id, sizeBytes: 2 }));
    for (const item of items) queue.push(item);
    for (let n = 0; n < 1200; n++) queue.shift();
    expect(queue.remove(items[5] as Item)).toBe(false);
    expect(queue.remove(items[2000] as Item)).toBe(true);
    expect(queue.remove(items[2000] as Item)).toBe(false);
    expect(queue.bytes).toBe(2 * 1799);
    expect(queue.shift()).toBe(items[1200]);
  });
});
