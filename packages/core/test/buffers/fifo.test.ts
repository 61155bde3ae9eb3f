import { fc, test } from 'serpy-contract-tests/properties';
import { describe, expect } from 'vitest';
import { Fifo } from '../../src/buffers/fifo.js';

interface Item {
  readonly id: number;
}

const step = fc.oneof(
  { weight: 6, arbitrary: fc.constant({ do: 'push' as const }) },
  { weight: 4, arbitrary: fc.constant({ do: 'shift' as const }) },
  { weight: 4, arbitrary: fc.record({ do: fc.constant('remove' as const), at: fc.nat(40) }) },
  { weight: 1, arbitrary: fc.constant({ do: 'clear' as const }) },
);

describe('a queue of constant time', () => {
  test.prop([fc.array(step, { maxLength: 300 })])('behaves like an array', (steps) => {
    const queue = new Fifo<Item>();
    let model: Item[] = [];
    steps.forEach((each, id) => {
      switch (each.do) {
        case 'push':
          queue.push({ id });
          model.push({ id });
          break;
        case 'shift':
          expect(queue.shift()).toEqual(model.shift());
          break;
        case 'remove': {
          const item = queue.items()[each.at] ?? { id: -1 };
          expect(queue.remove(item)).toBe(item.id >= 0);
          model = model.filter(({ id: other }) => other !== item.id);
          break;
        }
        case 'clear':
          queue.clear();
          model = [];
      }
      const { length, first, last } = queue;
      expect([length, first, last, queue.items()]).toEqual([model.length, model[0], model.at(-1), model]);
    });
  });
});
