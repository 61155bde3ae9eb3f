import { describe, expect, test } from 'vitest';
import type { MessagesDroppedError } from '../../src/errors.js';
import { ReceiveQueue } from '../../src/queue/receive-queue.js';
import type { WhenFull } from '../../src/queue/send-queue.js';
import { ManualClock } from '../../src/testing/index.js';

function setUp(whenFull: WhenFull) {
  const drops: (MessagesDroppedError | undefined)[] = [];
  const queue = new ReceiveQueue({ maxMessages: 2, maxBytes: 1000, whenFull }, new ManualClock(), {
    consumed: () => {},
    droppedInbound: (error) => drops.push(error),
  });
  const messages = Array.from({ length: 6 }, (_, id) => ({ id, sizeBytes: 10 }));
  const put = (...ids: number[]) => ids.forEach((id) => queue.put(messages[id] as (typeof messages)[0]));
  const takeAll = () => {
    const ids: number[] = [];
    for (let next = queue.takeNow(); next; next = queue.takeNow()) ids.push((next as (typeof messages)[0]).id);
    return ids;
  };
  return { queue, drops, put, takeAll };
}

describe('a receive queue', () => {
  test("with 'block' is full at its bounds, and still accepts messages that cannot wait in the transport", () => {
    const { queue, drops, put, takeAll } = setUp('block');
    put(0);
    expect(queue.full).toBe(false);
    put(1);
    expect(queue.full).toBe(true);
    put(2);
    expect(takeAll()).toEqual([0, 1, 2]);
    expect(queue.full).toBe(false);
    expect(drops).toEqual([]);
  });

  test("with 'block' drops messages without room while closing, and is no longer full", () => {
    const { queue, drops, put, takeAll } = setUp('block');
    put(0, 1);
    queue.closing();
    expect(queue.full).toBe(false);
    put(2, 3);
    expect(takeAll()).toEqual([0, 1]);
    expect(drops).toMatchObject(
      [{ code: 'ERR_SERPY_DROPPED' }, undefined].map((each) => each && expect.objectContaining(each)),
    );
  });

  test("with 'drop-oldest' keeps the latest messages, and is never full for the link", () => {
    const { queue, drops, put, takeAll } = setUp('drop-oldest');
    put(0, 1, 2, 3);
    expect(queue.full).toBe(false);
    expect(takeAll()).toEqual([2, 3]);
    expect(drops).toHaveLength(2);
  });

  test("with 'drop-newest' keeps the first messages", () => {
    const { drops, put, takeAll } = setUp('drop-newest');
    put(0, 1, 2, 3);
    expect(takeAll()).toEqual([0, 1]);
    expect(drops).toHaveLength(2);
  });

  test("with 'error' throws, and keeps its messages", () => {
    const { put, takeAll } = setUp('error');
    put(0, 1);
    expect(() => put(2)).toThrow(
      expect.objectContaining({
        code: 'ERR_SERPY_QUEUE_FULL',
        message: expect.stringContaining('receiveQueue: 2 messages, 1000 bytes'),
      }),
    );
    expect(takeAll()).toEqual([0, 1]);
  });

  test('reports the first drop of each run', () => {
    const { drops, put, takeAll } = setUp('drop-newest');
    put(0, 1, 2, 3, 4);
    expect(drops.map((error) => error?.code)).toEqual(['ERR_SERPY_DROPPED', undefined, undefined]);
    takeAll();
    put(0, 1, 2);
    expect(drops.map((error) => error?.code).slice(3)).toEqual(['ERR_SERPY_DROPPED']);
  });

  test('drops nothing while calls wait', async () => {
    const { queue, drops, put } = setUp('drop-newest');
    const results = [queue.take('getData', {}, (item) => item), queue.take('getData', {}, (item) => item)];
    put(0, 1, 2, 3);
    expect(await Promise.all(results)).toMatchObject([{ id: 0 }, { id: 1 }]);
    expect(queue.length).toBe(2);
    expect(drops).toEqual([]);
  });
});
