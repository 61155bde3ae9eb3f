import { fc, test } from 'serpy-contract-tests/properties';
import { describe, expect } from 'vitest';
import { AsyncQueue } from '../../src/queue/async-queue.js';
import { ManualClock } from '../../src/testing/index.js';

interface Item {
  readonly id: number;
  readonly sizeBytes: number;
}

const limits = { maxMessages: 3, maxBytes: 1000 };
const item = (id: number): Item => ({ id, sizeBytes: 10 });

describe('an async queue', () => {
  test.prop([
    fc.array(
      fc.oneof(
        fc.constant('put' as const),
        fc.constant('take' as const),
        fc.constant('takeNow' as const),
        fc.constant('abort' as const),
        fc.constant('wait' as const),
      ),
      { maxLength: 60 },
    ),
  ])('gives each item once, in order, to the calls in their order', async (steps) => {
    const clock = new ManualClock();
    const queue = new AsyncQueue<Item>(limits, clock);
    const given: number[] = [];
    const asking: { controller: AbortController; gone: boolean }[] = [];
    let put = 0;
    for (const step of steps) {
      if (step === 'put') {
        queue.put(item(put++));
        const first = asking.shift();
        if (first) first.gone = true;
      } else if (step === 'takeNow') {
        const now = queue.takeNow();
        if (now) given.push(now.id);
      } else if (step === 'take') {
        const controller = new AbortController();
        const entry = { controller, gone: queue.length > 0 };
        if (!entry.gone) asking.push(entry);
        queue
          .take('getData', { signal: controller.signal, timeoutMs: 1000 }, (item) => item)
          .then(
            ({ id }) => given.push(id),
            () => {},
          );
      } else if (step === 'abort') {
        asking.shift()?.controller.abort();
      } else {
        await clock.advance(1000);
        asking.length = 0;
      }
      await Promise.resolve();
    }
    await clock.advance(1000);
    while (queue.length > 0) given.push(queue.takeNow()?.id ?? -1);
    expect(given).toEqual(Array.from({ length: put }, (_, id) => id));
    expect(clock.pending).toBe(0);
    expect(queue.bytes).toBe(0);
  });

  test('is full at its bounds', () => {
    const queue = new AsyncQueue<Item>(limits, new ManualClock());
    for (let id = 0; id < 2; id++) queue.put(item(id));
    expect(queue.full).toBe(false);
    queue.put(item(2));
    expect(queue.full).toBe(true);
    queue.takeNow();
    expect(queue.full).toBe(false);
    queue.put({ id: 3, sizeBytes: 1000 });
    expect(queue.full).toBe(true);
  });

  test('when closed gives the items that are left, then a new error for each call', async () => {
    const queue = new AsyncQueue<Item>(limits, new ManualClock());
    let errors = 0;
    queue.put(item(1));
    queue.close(() => new Error(`closed ${++errors}`));
    expect(await queue.take('getData', {}, (item) => item)).toEqual(item(1));
    await expect(queue.take('getData', {}, (item) => item)).rejects.toThrow('closed 1');
    await expect(queue.take('getData', { timeoutMs: 5 }, (item) => item)).rejects.toThrow('closed 2');
  });

  test('when closed rejects waiting calls, and leaves no timer', async () => {
    const clock = new ManualClock();
    const queue = new AsyncQueue<Item>(limits, clock);
    const waiting = [
      queue.take('getData', {}, (item) => item),
      queue.take('getData', { timeoutMs: 1000 }, (item) => item),
    ];
    queue.close(() => new Error('closed'));
    for (const each of waiting) await expect(each).rejects.toThrow('closed');
    expect(clock.pending).toBe(0);
  });

  test('removes an item', () => {
    const queue = new AsyncQueue<Item>(limits, new ManualClock());
    const items = [item(1), item(2)];
    for (const each of items) queue.put(each);
    expect(queue.remove(items[0] as Item)).toBe(true);
    expect(queue.remove(items[0] as Item)).toBe(false);
    expect(queue.takeNow()).toBe(items[1]);
  });

  test('rejects wrong options', async () => {
    const queue = new AsyncQueue<Item>(limits, new ManualClock());
    await expect(queue.take('getData', { timeout: 5 } as never, (item) => item)).rejects.toMatchObject({
      code: 'ERR_SERPY_OPTION',
    });
  });
});
