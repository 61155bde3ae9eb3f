import { fc, test } from 'serpy-contract-tests/properties';
import { describe, expect } from 'vitest';
import type { MessagesDroppedError } from '../../src/errors.js';
import { SendQueue, type WhenFull } from '../../src/queue/send-queue.js';
import { ManualClock } from '../../src/testing/index.js';

interface Item {
  readonly id: number;
  readonly sizeBytes: number;
  readonly awaitsAck: boolean;
}

function setUp(whenFull: WhenFull, limits = { maxMessages: 2, maxBytes: 1000 }) {
  const clock = new ManualClock();
  const drops: MessagesDroppedError[] = [];
  const abandoned: number[] = [];
  const freed = { count: 0 };
  const queue = new SendQueue<Item>({ ...limits, whenFull }, clock, {
    dropped: (error) => drops.push(error),
    waitAbandoned: ({ id }) => abandoned.push(id),
    lapsed: () => {},
    freed: () => freed.count++,
  });
  return { clock, queue, drops, abandoned, freed };
}

const unacked = (id: number, sizeBytes = 10): Item => ({ id, sizeBytes, awaitsAck: false });
const acked = (id: number, sizeBytes = 10): Item => ({ id, sizeBytes, awaitsAck: true });

function watch(promise: Promise<boolean>) {
  const state: { result: boolean | string | undefined } = { result: undefined };
  promise.then(
    (result) => {
      state.result = result;
    },
    (error: { code?: string }) => {
      state.result = error.code ?? 'unknown';
    },
  );
  return state;
}

/** Lets promises settle. */
const settle = async () => {
  for (let turn = 0; turn < 5; turn++) await Promise.resolve();
};

describe('a send queue', () => {
  test('hands out messages in order and accepts them at once while there is room', async () => {
    const { queue } = setUp('block');
    expect(await queue.send(unacked(1), {})).toBe(true);
    expect(await queue.send(unacked(2), {})).toBe(true);
    expect([queue.length, queue.bytes, queue.idle]).toEqual([2, 20, false]);
    expect([queue.next()?.id, queue.next()?.id, queue.next()]).toEqual([1, 2, undefined]);
    expect([queue.length, queue.bytes, queue.idle]).toEqual([0, 0, true]);
  });

  test('dropUnsent drops all unsent messages, and their sends resolve false', async () => {
    const { clock, queue, drops } = setUp('block', { maxMessages: 3, maxBytes: 1000 });
    const onWire = watch(queue.send(acked(1), { timeoutMs: 50 }));
    queue.next();
    const sent = [acked(2), unacked(3), acked(4), unacked(5)].map((item) => watch(queue.send(item, { timeoutMs: 50 })));
    queue.dropUnsent();
    await settle();
    expect(sent.map(({ result }) => result)).toEqual([false, true, false, false]);
    expect(onWire.result).toBeUndefined();
    expect([queue.length, queue.bytes, queue.unacknowledged]).toEqual([0, 0, 1]);
    expect(drops).toMatchObject([{ code: 'ERR_SERPY_DROPPED', messages: 4 }]);
    queue.dropUnsent();
    expect(drops).toHaveLength(1);
    expect(clock.pending).toBe(1); // of the sent message
  });

  test('accepts waiting sends in order as soon as there is room', async () => {
    const { queue } = setUp('block');
    const sent = [1, 2, 3, 4].map((id) => watch(queue.send(unacked(id), {})));
    await settle();
    expect(sent.map(({ result }) => result)).toEqual([true, true, undefined, undefined]);
    expect(queue.idle).toBe(false);
    queue.next();
    await settle();
    expect(sent.map(({ result }) => result)).toEqual([true, true, true, undefined]);
    expect([queue.next()?.id, queue.next()?.id, queue.next()?.id]).toEqual([2, 3, 4]);
  });

  test('a small message does not overtake a waiting large one', async () => {
    const { queue } = setUp('block', { maxMessages: 10, maxBytes: 100 });
    const sent = [unacked(1, 60), unacked(2, 60), unacked(3, 1)].map((item) => watch(queue.send(item, {})));
    await settle();
    expect(sent.map(({ result }) => result)).toEqual([true, undefined, undefined]);
    expect([queue.next()?.id, queue.next()?.id, queue.next()?.id]).toEqual([1, 2, 3]);
  });

  test('a small message that waits behind a large one is accepted when the large one times out', async () => {
    const { queue, clock } = setUp('block', { maxMessages: 10, maxBytes: 100 });
    await queue.send(unacked(1, 60), {});
    const big = watch(queue.send(unacked(2, 60), { timeoutMs: 5 }));
    const small = watch(queue.send(unacked(3, 1), {}));
    await clock.advance(5);
    expect([big.result, small.result]).toEqual(['ERR_SERPY_QUEUE_FULL', true]);
    expect(clock.pending).toBe(0);
  });

  test('an empty queue accepts a message of any size', async () => {
    const { queue } = setUp('error');
    expect(await queue.send(unacked(1, 5000), {})).toBe(true);
    await expect(queue.send(unacked(2), {})).rejects.toMatchObject({ code: 'ERR_SERPY_QUEUE_FULL' });
  });

  test('an acknowledged message resolves when it is acknowledged, and counts until then', async () => {
    const { queue } = setUp('error');
    const items = [acked(1), acked(2)];
    const sent = items.map((item) => watch(queue.send(item, {})));
    expect([queue.next(), queue.next()]).toEqual(items);
    expect([queue.length, queue.unacknowledged, queue.idle]).toEqual([0, 2, false]);
    await expect(queue.send(unacked(3), {})).rejects.toMatchObject({ code: 'ERR_SERPY_QUEUE_FULL' });
    queue.acknowledged(items[0] as Item);
    await settle();
    expect(sent.map(({ result }) => result)).toEqual([true, undefined]);
    expect(await queue.send(unacked(4), {})).toBe(true);
    queue.acknowledged(items[1] as Item);
    queue.acknowledged(items[1] as Item); // a second time has no effect
    expect(queue.unacknowledged).toBe(0);
  });

  test('a sent message without an acknowledgement resolves false after its timeout, and is reported as abandoned', async () => {
    const { queue, clock, abandoned } = setUp('block');
    const sent = watch(queue.send(acked(1), { timeoutMs: 100 }));
    queue.next();
    await clock.advance(100);
    expect([sent.result, queue.idle, abandoned]).toEqual([false, true, [1]]);
  });

  test('an unsent message that awaits an acknowledgement is removed after its timeout', async () => {
    const { queue, clock, abandoned } = setUp('block');
    const sent = watch(queue.send(acked(1), { timeoutMs: 100 }));
    await clock.advance(100);
    expect([sent.result, queue.length, queue.bytes, queue.next(), abandoned]).toEqual([false, 0, 0, undefined, []]);
  });

  test('an abort rejects in every state of the message', async () => {
    const { queue, abandoned } = setUp('block', { maxMessages: 2, maxBytes: 1000 });
    const controller = new AbortController();
    const { signal } = controller;
    const sent = [acked(1), acked(2), acked(3), unacked(4)].map((item) => watch(queue.send(item, { signal })));
    queue.next();
    controller.abort();
    await settle();
    expect(sent.map(({ result }) => result)).toEqual(sent.map(() => 'ERR_SERPY_ABORTED'));
    expect([queue.next(), queue.idle, abandoned]).toEqual([undefined, true, [1]]);
    await expect(queue.send(unacked(5), { signal })).rejects.toMatchObject({ code: 'ERR_SERPY_ABORTED' });
  });

  test('the timeout of a send that waited for room keeps running while it awaits its acknowledgement', async () => {
    const { queue, clock } = setUp('block', { maxMessages: 1, maxBytes: 1000 });
    await queue.send(unacked(1), {});
    const sent = watch(queue.send(acked(2), { timeoutMs: 100 }));
    await clock.advance(60);
    queue.next();
    expect(queue.next()?.id).toBe(2);
    await clock.advance(39);
    expect(sent.result).toBe(undefined);
    await clock.advance(1);
    expect(sent.result).toBe(false);
  });

  test("'drop-oldest' drops as many messages as needed, and rejects those that awaited an acknowledgement", async () => {
    const { queue, drops } = setUp('drop-oldest', { maxMessages: 10, maxBytes: 30 });
    const first = watch(queue.send(acked(1), {}));
    for (const id of [2, 3]) await queue.send(unacked(id), {});
    expect(await queue.send(unacked(4, 20), {})).toBe(true);
    await settle();
    expect(first.result).toBe('ERR_SERPY_DROPPED');
    expect(drops).toHaveLength(2);
    expect([queue.next()?.id, queue.next()?.id]).toEqual([3, 4]);
  });

  test("'drop-oldest' does not drop sent messages", async () => {
    const { queue, drops } = setUp('drop-oldest', { maxMessages: 1, maxBytes: 1000 });
    const item = acked(1);
    const first = watch(queue.send(item, {}));
    queue.next();
    expect(await queue.send(unacked(2), {})).toBe(true);
    expect(await queue.send(unacked(3), {})).toBe(true);
    queue.acknowledged(item);
    await settle();
    expect([first.result, drops.length, queue.next()?.id, queue.next()]).toEqual([true, 1, 3, undefined]);
  });

  test("'drop-oldest' sends no more messages than the bounds while acknowledgements are missing", async () => {
    const { queue, drops } = setUp('drop-oldest', { maxMessages: 3, maxBytes: 1000 });
    const items = Array.from({ length: 100 }, (_, id) => acked(id));
    for (const item of items) {
      queue.send(item, {}).catch(() => {});
      if (queue.sendable > 0) queue.next();
    }
    await settle();
    expect([queue.unacknowledged, queue.length, queue.sendable, drops.length]).toEqual([3, 1, 0, 96]);
    queue.acknowledged(items[0] as Item);
    expect([queue.sendable, queue.next()?.id]).toEqual([1, 99]);
  });

  test("'drop-newest' resolves false and keeps its messages", async () => {
    const { queue, drops } = setUp('drop-newest', { maxMessages: 1, maxBytes: 1000 });
    expect(await queue.send(unacked(1), {})).toBe(true);
    expect(await queue.send(acked(2), {})).toBe(false);
    expect([drops.length, queue.length, queue.next()?.id]).toEqual([1, 1, 1]);
  });

  test('close() settles every send once and returns the number of unsent messages', async () => {
    const { queue, clock } = setUp('block', { maxMessages: 3, maxBytes: 1000 });
    const sent = [acked(1), acked(2), unacked(3), unacked(4), acked(5)].map((item) =>
      watch(queue.send(item, { timeoutMs: 1000 })),
    );
    queue.next();
    const refused = Object.assign(new Error('refused'), { code: 'refused' });
    const lost = Object.assign(new Error('lost'), { code: 'lost' });
    expect(queue.close(refused, lost)).toBe(2);
    await settle();
    expect(sent.map(({ result }) => result)).toEqual(['lost', 'refused', true, 'refused', 'refused']);
    expect([queue.idle, queue.length, queue.bytes, clock.pending]).toEqual([true, 0, 0, 0]);
  });

  test.prop([
    fc.constantFrom<WhenFull>('block', 'drop-oldest', 'drop-newest', 'error'),
    fc.array(
      fc.oneof(
        {
          weight: 5,
          arbitrary: fc.record({ do: fc.constant('send' as const), acknowledged: fc.boolean(), wait: fc.boolean() }),
        },
        { weight: 4, arbitrary: fc.constant({ do: 'next' as const }) },
        { weight: 2, arbitrary: fc.constant({ do: 'acknowledge' as const }) },
        { weight: 1, arbitrary: fc.constant({ do: 'time' as const }) },
      ),
      { maxLength: 80 },
    ),
  ])('keeps order and bounds, and settles each send exactly once (%s)', async (whenFull, steps) => {
    const limits = { maxMessages: 3, maxBytes: 1000 };
    const { queue, clock, abandoned } = setUp(whenFull, limits);
    const sends: { item: Item; state: ReturnType<typeof watch> }[] = [];
    const onWire: Item[] = [];
    const waiting: Item[] = [];
    for (const step of steps) {
      if (step.do === 'send') {
        const item = { id: sends.length, sizeBytes: 10, awaitsAck: step.acknowledged };
        sends.push({ item, state: watch(queue.send(item, step.wait ? { timeoutMs: 10 } : {})) });
      } else if (step.do === 'next') {
        const item = queue.next();
        if (item) onWire.push(item);
        if (item?.awaitsAck) waiting.push(item);
      } else if (step.do === 'acknowledge') {
        const item = waiting.shift();
        if (item) queue.acknowledged(item);
      } else {
        await clock.advance(10);
      }
      await settle();
      // With drop-oldest, one more than the bound while all the others were sent.
      const slack = whenFull === 'drop-oldest' ? 1 : 0;
      expect(queue.length + queue.unacknowledged).toBeLessThanOrEqual(limits.maxMessages + slack);
      expect(queue.bytes).toBe(10 * queue.length);
    }
    expect(onWire.map(({ id }) => id)).toEqual([...onWire.map(({ id }) => id)].sort((a, b) => a - b));
    const refused = Object.assign(new Error('refused'), { code: 'refused' });
    const lost = Object.assign(new Error('lost'), { code: 'lost' });
    queue.close(refused, lost);
    await settle();
    for (const { item, state } of sends) {
      expect(state.result).not.toBe(undefined);
      const wasSent = onWire.includes(item);
      if (state.result === 'refused' || state.result === 'ERR_SERPY_QUEUE_FULL') expect(wasSent).toBe(false);
      if (item.awaitsAck && state.result === true) expect(wasSent && !abandoned.includes(item.id)).toBe(true);
    }
    expect(clock.pending).toBe(0);
    expect(queue.idle).toBe(true);
  });
});

/** CPU time in milliseconds. */
function measured(work: () => void): number {
  const { stackTraceLimit } = Error;
  Error.stackTraceLimit = 0; // the stacks of the errors take longer than what is measured
  const start = process.cpuUsage();
  work();
  Error.stackTraceLimit = stackTraceLimit;
  const { user, system } = process.cpuUsage(start);
  return (user + system) / 1000;
}

/** Sends whose waits the caller ends: signals of Node take longer than what is measured. */
function sendAll(queue: SendQueue<Item>, items: Item[]): (() => void)[] {
  return items.map((item) => {
    let listener = () => {};
    const signal = {
      aborted: false,
      addEventListener: (_: string, added: () => void) => {
        listener = added;
      },
      removeEventListener: () => {},
    };
    queue.send(item, { signal: signal as unknown as AbortSignal }).catch(() => {});
    return () => listener();
  });
}

describe('four times as many sends take about four times as long, and not sixteen times', () => {
  const few = 5_000;

  test.each<[string, (count: number) => void]>([
    [
      'if they wait for room and are not awaited',
      (count) => {
        const { queue } = setUp('block');
        for (let id = 0; id < 10 * count; id++) queue.send(unacked(id), {});
        let sent = 0;
        while (queue.next()) sent++;
        expect(sent).toBe(10 * count);
      },
    ],
    [
      'if they wait for room until each is aborted, the last first',
      (count) => {
        const { queue } = setUp('block');
        const aborts = sendAll(
          queue,
          Array.from({ length: count }, (_, id) => acked(id)),
        );
        for (const abort of aborts.reverse()) abort();
        expect(queue.idle).toBe(true);
      },
    ],
    [
      'if they are queued and aborted, every second first',
      (count) => {
        const { queue } = setUp('block', { maxMessages: 10_000_000, maxBytes: 1e12 });
        const aborts = sendAll(
          queue,
          Array.from({ length: count }, (_, id) => acked(id)),
        );
        for (const at of [1, 0]) for (let n = at; n < count; n += 2) aborts[n]?.();
        expect(queue.idle).toBe(true);
      },
    ],
  ])('%s', (_, work) => {
    // Garbage of other tests may be collected in any round, but sixteen times as long is so in every round.
    const ratios = Array.from({ length: 5 }, () => measured(() => work(4 * few)) / measured(() => work(few)));
    expect(Math.min(...ratios)).toBeLessThan(9);
  });
});
