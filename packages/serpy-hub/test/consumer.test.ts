import { describe, expect, test } from 'vitest';
import { Consumer, type ConsumerOptions, consumerSettings } from '../src/consumer.js';
import { HubMessage } from '../src/message.js';

let number = 0;

function message(value: unknown, source = 'a'): HubMessage {
  return new HubMessage(source, { type: 'value', value }, ++number, 0);
}

function consumerOf(options: ConsumerOptions): Consumer {
  return new Consumer(consumerSettings(options), () => {});
}

function offerAll(consumer: Consumer, values: readonly unknown[], source?: string): void {
  for (const value of values) consumer.offer(message(value, source));
}

async function rest(consumer: Consumer): Promise<unknown[]> {
  consumer.end();
  const values: unknown[] = [];
  for await (const { value } of consumer) values.push(value);
  return values;
}

describe("policy 'latest'", () => {
  test('keeps the newest message of each kind and source', async () => {
    const consumer = consumerOf({});
    offerAll(consumer, [1, 'one', 2, 'two', 3]);
    offerAll(consumer, [10, 20], 'b');
    expect(consumer.stats()).toMatchObject({ waiting: 3, dropped: 4 });
    expect(await rest(consumer)).toEqual([3, 'two', 20]);
  });

  test('never throttles a source', () => {
    const consumer = consumerOf({ maxMessages: 1 });
    offerAll(consumer, [1, 'text', Buffer.of(1)]);
    expect(consumer.isFull).toBe(false);
  });

  test('a fast kind does not delay a slow one', async () => {
    const consumer = consumerOf({});
    offerAll(consumer, [1, 'slow']);
    const got: unknown[] = [];
    for (let turn = 0; turn < 2; turn++) {
      got.push((await consumer.next()).value?.value);
      offerAll(consumer, [turn + 2]);
    }
    expect(got).toEqual([1, 'slow']);
  });
});

describe("policy 'all'", () => {
  test('delivers every message in order', async () => {
    const consumer = consumerOf({ policy: 'all' });
    offerAll(consumer, [1, 2, 3]);
    expect(await rest(consumer)).toEqual([1, 2, 3]);
    expect(consumer.stats()).toMatchObject({ delivered: 3, dropped: 0, waitingBytes: 0 });
  });

  test('drops the oldest at the bound of messages, and counts', async () => {
    const consumer = consumerOf({ policy: 'all', whenFull: 'drop-oldest', maxMessages: 2 });
    offerAll(consumer, [1, 2, 3, 4]);
    expect(consumer.stats().dropped).toBe(2);
    expect(await rest(consumer)).toEqual([3, 4]);
  });

  test('drops the oldest at the bound of bytes, and accepts a single larger message', async () => {
    const consumer = consumerOf({ policy: 'all', whenFull: 'drop-oldest', maxBytes: 100 });
    offerAll(consumer, [Buffer.alloc(60), Buffer.alloc(60, 1), Buffer.alloc(500, 2)]);
    expect(consumer.stats()).toMatchObject({ waiting: 1, waitingBytes: 500, dropped: 2 });
  });

  test('is full at a bound, and has room after a message was read', async () => {
    const consumer = consumerOf({ policy: 'all', maxMessages: 2 });
    offerAll(consumer, [1]);
    expect(consumer.isFull).toBe(false);
    offerAll(consumer, [2]);
    expect(consumer.isFull).toBe(true);
    const room = consumer.room();
    await consumer.next();
    await room;
    expect(consumer.isFull).toBe(false);
  });
});

describe('a consumer', () => {
  test('hands a message to a reader that waits', async () => {
    const consumer = consumerOf({});
    const next = consumer.next();
    offerAll(consumer, [7]);
    expect((await next).value?.value).toBe(7);
    expect(consumer.stats()).toMatchObject({ delivered: 1, waiting: 0 });
  });

  test('ends a loop that breaks, and what waits counts as dropped', async () => {
    const consumer = consumerOf({ policy: 'all' });
    offerAll(consumer, [1, 2, 3]);
    for await (const _ of consumer) break;
    expect(consumer.stats()).toMatchObject({ delivered: 1, dropped: 2, waiting: 0 });
    expect((await consumer.next()).done).toBe(true);
  });

  test('gives the reader the error with which it was closed, once', async () => {
    const consumer = consumerOf({});
    const next = consumer.next();
    consumer.close(new Error('too slow'));
    await expect(next).rejects.toThrow('too slow');
    expect((await consumer.next()).done).toBe(true);
  });

  test('refuses a second reader', async () => {
    const consumer = consumerOf({});
    const first = consumer.next();
    await expect(consumer.next()).rejects.toMatchObject({ code: 'ERR_SERPY_OPTION' });
    consumer.end();
    expect((await first).done).toBe(true);
  });

  test.each([
    [{ policy: 'some' }, "policy is 'latest' or 'all'"],
    [{ whenFull: 'block' }, "whenFull is 'wait' or 'drop-oldest'"],
    [{ maxMessages: 0 }, 'maxMessages is a whole number from 1'],
    [{ maxBytes: 1.5 }, 'maxBytes is a whole number from 1'],
    [{ polcy: 'all' }, 'did you mean policy?'],
  ])('refuses the options %o', (options, sentence) => {
    expect(() => consumerSettings(options as ConsumerOptions)).toThrow(sentence);
  });
});
