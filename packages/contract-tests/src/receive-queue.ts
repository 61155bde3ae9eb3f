/** Statements about the receive queue: its bounds, and what happens at them. */
import { once } from 'node:events';
import { Readable } from 'node:stream';
import { ReadableStream } from 'node:stream/web';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { isDeepStrictEqual } from 'node:util';
import type { ProtocolTypes } from 'serpy-core';
import { expect, test } from 'vitest';
import { record, type TestBedSource, trackPromise, waitFor } from './stage.js';

export function receiveQueueStatements<T extends ProtocolTypes>(stage: TestBedSource<T>): void {
  const numbered = (n: number, sizeBytes?: number) => stage().subject.numbered(n, sizeBytes);

  test("whenFull 'block': a full receive queue stops the peer, and nothing is lost afterwards", async () => {
    // More than the system and the network buffer.
    const { count, sizeBytes } = stage().network ? { count: 50, sizeBytes: 4096 } : { count: 300, sizeBytes: 65_536 };
    const { client, accepted } = await stage().pair(
      { sendQueue: { maxMessages: 4 }, writeTimeoutMs: 0 }, // in memory the reader pauses for hours
      { receiveQueue: { maxMessages: 2 } },
    );
    const sent = Array.from({ length: count }, (_, n) => trackPromise(client.sendData(numbered(n, sizeBytes).value)));
    await waitFor(() => accepted.stats().receiveQueueMessages === 2 && client.stats().sendQueueMessages === 4);
    for (let turn = 0; turn < 100; turn++) await nextTurn();
    expect(accepted.stats().receiveQueueMessages).toBe(2);
    expect(client.stats().sendQueueMessages).toBe(4);
    expect(sent.at(-1)?.settled).toBe('no');
    for (let n = 0; n < count; n++) {
      expect(isDeepStrictEqual(await accepted.getData(), numbered(n, sizeBytes).data), `message ${n}`).toBe(true);
    }
    expect(sent.every(({ settled }) => settled === 'resolved')).toBe(true);
  });

  test('bytes that are handed back are empty, and what comes next arrives unharmed in their memory', async (context) => {
    if (stage().subject.textOnly) return context.skip();
    const { client, accepted } = await stage().pair();
    for (let n = 0; n < 20; n++) {
      await client.sendData(Buffer.alloc(100_000, n) as T['value']);
      const data = (await accepted.getData()) as Buffer;
      expect(data.equals(Buffer.alloc(100_000, n))).toBe(true);
      expect(data.buffer.byteLength).toBe(100_000);
      accepted.release(data);
      expect(data.length).toBe(0);
    }
  });

  test('bytes that are sent on and handed back at once arrive', async (context) => {
    if (stage().subject.textOnly) return context.skip();
    const { client, accepted } = await stage().pair();
    const sizeBytes = 300_000; // more than a piece
    const count = stage().sliced ? 3 : 20; // the third uses the memory of the first
    for (let n = 0; n < count; n++) await client.sendData(Buffer.alloc(sizeBytes, n) as T['value']);
    for (let n = 0; n < count; n++) {
      const data = (await accepted.getData()) as Buffer;
      await accepted.sendData(data as T['value']);
      accepted.release(data);
    }
    for (let n = 0; n < count; n++) {
      expect(((await client.getData()) as Buffer).equals(Buffer.alloc(sizeBytes, n)), `message ${n}`).toBe(true);
    }
  });

  stage.inMemory.each(['data', 'messages'] as const)(
    'an iterator of %s that is left ends what waits on it, and takes nothing more',
    async (of) => {
      const { client, accepted } = await stage().pair();
      const iterator = of === 'data' ? accepted[Symbol.asyncIterator]() : accepted.messages();
      const pending = [iterator.next(), iterator.next()];
      await iterator.return?.();
      const over = { done: true, value: undefined };
      expect(await Promise.all(pending)).toEqual([over, over]);
      await client.sendData(numbered(1).value);
      expect(await iterator.next()).toEqual(over);
      expect(await accepted.getData()).toEqual(numbered(1).data);
    },
  );

  stage.inMemory('what waits on another iterator, or in getData, is not ended with it', async () => {
    const { client, accepted } = await stage().pair();
    const [left, other] = [accepted[Symbol.asyncIterator](), accepted[Symbol.asyncIterator]()];
    const pending = [other.next(), left.next(), accepted.getData()] as const;
    await left.return?.();
    for (const n of [1, 2]) await client.sendData(numbered(n).value);
    expect(await pending[0]).toEqual({ done: false, value: numbered(1).data });
    expect(await pending[2]).toEqual(numbered(2).data);
  });

  test('a destroyed stream of a connection reads nothing more', async () => {
    const { client, accepted } = await stage().pair();
    const readable = Readable.from(accepted);
    readable.read();
    await nextTurn(); // it waits for its first message
    const closed = once(readable, 'close');
    readable.destroy();
    await closed;
    await client.sendData(numbered(1).value);
    expect(await accepted.getData({ timeoutMs: 15_000 })).toEqual(numbered(1).data);
  });

  test('a cancelled web stream of a connection reads nothing more', async () => {
    const { client, accepted } = await stage().pair();
    const reader = ReadableStream.from(accepted).getReader();
    const pending = reader.read();
    await nextTurn();
    await reader.cancel();
    expect((await pending).done).toBe(true);
    await client.sendData(numbered(1).value);
    expect(await accepted.getData({ timeoutMs: 15_000 })).toEqual(numbered(1).data);
  });

  stage.inMemory('release takes bytes only', async () => {
    const { accepted } = await stage().pair();
    expect(() => accepted.release('text' as unknown as Buffer)).toThrow(
      expect.objectContaining({ code: 'ERR_SERPY_VALUE' }),
    );
  });

  test('a receive queue that is full in bytes stops the peer', async () => {
    const { client, accepted } = await stage().pair({}, { receiveQueue: { maxBytes: 1000 } });
    const samples = Array.from({ length: 40 }, (_, n) => numbered(n, 400));
    for (const { value } of samples) await client.sendData(value);
    await waitFor(() => accepted.stats().receiveQueueBytes >= 1000);
    for (let turn = 0; turn < 20; turn++) await nextTurn();
    expect(accepted.stats().receiveQueueBytes).toBeLessThan(2000);
    for (const { data } of samples) expect(await accepted.getData()).toEqual(data);
  });

  test('a connection with a full receive queue closes, and its messages can still be read', async () => {
    const { client, accepted } = await stage().pair({}, { receiveQueue: { maxMessages: 2 } });
    for (let n = 0; n < 6; n++) await client.sendData(numbered(n).value);
    await waitFor(() => accepted.stats().receiveQueueMessages === 2);
    await accepted.close();
    expect(await accepted.getData()).toEqual(numbered(0).data);
    expect(await accepted.getData()).toEqual(numbered(1).data);
  });

  test("whenFull 'drop-oldest': the latest are kept, drops are counted and reported once", async () => {
    const { client, accepted } = await stage().pair({}, { receiveQueue: { maxMessages: 2, whenFull: 'drop-oldest' } });
    const warnings = record(accepted, ['warning']);
    for (let n = 1; n <= 5; n++) await client.sendData(numbered(n).value);
    await waitFor(() => accepted.stats().messagesReceived === 5);
    expect(accepted.stats().droppedReceiving).toBe(3);
    expect([...accepted]).toEqual([numbered(4).data, numbered(5).data]);
    await waitFor(() => warnings.length > 0);
    expect(warnings).toMatchObject([{ info: { code: 'ERR_SERPY_DROPPED' } }]);
  });

  test("whenFull 'drop-newest': the first are kept, drops are counted and reported once", async () => {
    const { client, accepted } = await stage().pair({}, { receiveQueue: { maxMessages: 2, whenFull: 'drop-newest' } });
    const warnings = record(accepted, ['warning']);
    for (let n = 1; n <= 5; n++) await client.sendData(numbered(n).value);
    await waitFor(() => accepted.stats().messagesReceived === 5);
    expect(accepted.stats().droppedReceiving).toBe(3);
    expect([...accepted]).toEqual([numbered(1).data, numbered(2).data]);
    await waitFor(() => warnings.length > 0);
    expect(warnings).toMatchObject([{ info: { code: 'ERR_SERPY_DROPPED' } }]);
  });

  test("whenFull 'error': the connection ends with an error, and the queued messages can be read", async () => {
    const { client, accepted } = await stage().pair({}, { receiveQueue: { maxMessages: 2, whenFull: 'error' } });
    for (let n = 1; n <= 5; n++) client.sendData(numbered(n).value).catch(() => {}); // the connection may end before the last
    await waitFor(() => accepted.state === 'closed');
    expect(accepted.closeInfo).toMatchObject({ reason: 'queue-full', error: { code: 'ERR_SERPY_QUEUE_FULL' } });
    expect(await accepted.getData()).toEqual(numbered(1).data);
    expect(await accepted.getData()).toEqual(numbered(2).data);
    await expect(accepted.getData()).rejects.toMatchObject({
      code: 'ERR_SERPY_CLOSED',
      cause: { code: 'ERR_SERPY_QUEUE_FULL' },
    });
  });

  test('a message over maxMessageBytes ends the connection at the receiver, which names size and limit', async (context) => {
    if (stage().subject.lasting) return context.skip();
    const { client, accepted } = await stage().pair({}, { maxMessageBytes: 1000 });
    await client.sendData(numbered(1, 5000).value);
    await waitFor(() => accepted.state === 'closed');
    expect(accepted.closeInfo).toMatchObject({
      reason: 'protocol',
      error: { code: 'ERR_SERPY_TOO_LARGE', limitBytes: 1000, message: expect.stringContaining('maxMessageBytes') },
    });
  });
}
