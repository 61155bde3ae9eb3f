/** Statements about the exchange of messages. */
import { setImmediate as nextTurn } from 'node:timers/promises';
import { isDeepStrictEqual } from 'node:util';
import { type JsonReading, json, type ProtocolTypes } from 'serpy-core';
import { expect, test } from 'vitest';
import { type TestBedSource, trackPromise, waitFor } from './stage.js';

export function exchangeStatements<T extends ProtocolTypes>(stage: TestBedSource<T>): void {
  test('carries every kind of value, both ways', async () => {
    const { client, accepted } = await stage().pair();
    for (const { value, data } of stage().subject.samples) {
      expect(await client.sendData(value)).toBe(true);
      expect(await accepted.getData()).toEqual(data);
      expect(await accepted.sendData(value)).toBe(true);
      expect(await client.getData()).toEqual(data);
    }
  });

  test('carries JSON, which message.json() reads', async () => {
    const { client, accepted } = await stage().pair();
    const value = { text: 'µ \u{1f52c} "quoted"\n', list: [1, 0.5, null, true] };
    await client.sendData(json(value) as T['value']);
    expect(((await accepted.getMessage()) as JsonReading).json()).toEqual(value);
    await accepted.sendData('{"gain": 3' as T['value']);
    const message = (await client.getMessage()) as JsonReading;
    expect(() => message.json()).toThrow(expect.objectContaining({ code: 'ERR_SERPY_VALUE', position: 10 }));
  });

  test('keeps the order of messages that are sent without waiting, in both directions at once', async () => {
    const { client, accepted } = await stage().pair();
    const samples = Array.from({ length: 200 }, (_, n) => stage().subject.numbered(n));
    const sent = samples.flatMap(({ value }) => [client.sendData(value), accepted.sendData(value)]);
    expect(await Promise.all(sent)).toEqual(sent.map(() => true));
    for (const { data } of samples) {
      expect(await accepted.getData()).toEqual(data);
      expect(await client.getData()).toEqual(data);
    }
  });

  test('carries a message of many chunks', async () => {
    const { client, accepted } = await stage().pair();
    const { value, data } = stage().subject.numbered(7, 300_000);
    await client.sendData(value);
    expect(isDeepStrictEqual(await accepted.getData(), data)).toBe(true);
  });

  test('serves several getData at once in their order', async () => {
    const { client, accepted } = await stage().pair();
    const samples = [0, 1, 2, 3].map((n) => stage().subject.numbered(n));
    const received = samples.map(() => accepted.getData());
    for (const { value } of samples) await client.sendData(value);
    expect(await Promise.all(received)).toEqual(samples.map(({ data }) => data));
  });

  stage.inMemory('getData gives up after timeoutMs, and what comes later goes to the next call', async () => {
    const { client, accepted } = await stage().pair();
    await expect(accepted.getData({ timeoutMs: 20 })).rejects.toMatchObject({ code: 'ERR_SERPY_TIMEOUT' });
    const { value, data } = stage().subject.numbered(1);
    await client.sendData(value);
    expect(await accepted.getData({ timeoutMs: 10_000 })).toEqual(data);
  });

  stage.inMemory('getData with timeoutMs 0 takes what is there', async () => {
    const { client, accepted } = await stage().pair();
    await expect(accepted.getData({ timeoutMs: 0 })).rejects.toMatchObject({ code: 'ERR_SERPY_TIMEOUT' });
    const { value, data } = stage().subject.numbered(1);
    await client.sendData(value);
    await waitFor(() => accepted.isDataAvailable());
    expect(await accepted.getData({ timeoutMs: 0 })).toEqual(data);
  });

  stage.inMemory('getData ends when its signal is aborted, and takes nothing', async () => {
    const { client, accepted } = await stage().pair();
    const reason = new Error('enough');
    const controller = new AbortController();
    const aborted = accepted.getData({ signal: controller.signal });
    const next = accepted.getData();
    controller.abort(reason);
    await expect(aborted).rejects.toMatchObject({ code: 'ERR_SERPY_ABORTED', cause: reason });
    const { value, data } = stage().subject.numbered(1);
    await client.sendData(value);
    expect(await next).toEqual(data);
    await client.sendData(value);
    await waitFor(() => accepted.isDataAvailable());
    await expect(accepted.getData({ signal: controller.signal })).rejects.toMatchObject({ code: 'ERR_SERPY_ABORTED' });
    expect(accepted.isDataAvailable()).toBe(true);
  });

  stage.inMemory('sendData with an aborted signal sends nothing', async () => {
    const { client, accepted } = await stage().pair();
    const { value } = stage().subject.numbered(1);
    await expect(client.sendData(value, { signal: AbortSignal.abort() } as never)).rejects.toMatchObject({
      code: 'ERR_SERPY_ABORTED',
    });
    const next = stage().subject.numbered(2);
    await client.sendData(next.value);
    expect(await accepted.getData()).toEqual(next.data);
  });

  test('gives the remaining messages after the peer closed, then rejects', async () => {
    const { client, accepted } = await stage().pair();
    const samples = [0, 1, 2].map((n) => stage().subject.numbered(n));
    for (const { value } of samples) await client.sendData(value);
    await client.close();
    await waitFor(() => accepted.state === 'closed');
    for (const { data } of samples) expect(await accepted.getData()).toEqual(data);
    await expect(accepted.getData()).rejects.toMatchObject({ code: 'ERR_SERPY_CLOSED' });
    expect(accepted.isDataAvailable()).toBe(false);
  });

  test('for await gives all messages and ends when the connection is closed', async () => {
    const { client, accepted } = await stage().pair();
    const samples = Array.from({ length: 20 }, (_, n) => stage().subject.numbered(n));
    for (const { value } of samples) void client.sendData(value);
    void client.close();
    const received: unknown[] = [];
    for await (const data of accepted) received.push(data);
    expect(received).toEqual(samples.map(({ data }) => data));
  });

  test('messages() gives the same as getMessage and ends when the connection is closed', async () => {
    const { client, accepted } = await stage().pair();
    const { value } = stage().subject.numbered(1);
    await client.sendData(value);
    const first = await accepted.getMessage();
    await client.sendData(value);
    void client.close();
    const received: unknown[] = [];
    for await (const message of accepted.messages()) received.push(message);
    expect(received).toEqual([first]);
  });

  test('a waiting for await ends when its connection is closed or destroyed', async () => {
    const { client, accepted } = await stage().pair();
    const drained = async (connection: AsyncIterable<unknown>) => {
      let count = 0;
      for await (const _ of connection) count++;
      return count;
    };
    const both = [drained(client), drained(accepted)];
    await nextTurn();
    accepted.destroy();
    await client.close();
    expect(await Promise.all(both)).toEqual([0, 0]);
  });

  test('leaving a for await keeps the connection open and reads no more than was given', async () => {
    const { client, accepted } = await stage().pair();
    const samples = [0, 1, 2].map((n) => stage().subject.numbered(n));
    for (const { value } of samples) await client.sendData(value);
    for await (const data of accepted) {
      expect(data).toEqual(samples[0]?.data);
      break;
    }
    expect(accepted.isConnected()).toBe(true);
    expect(await accepted.getData()).toEqual(samples[1]?.data);
  });

  test('a synchronous for gives the messages that have arrived', async () => {
    const { client, accepted } = await stage().pair();
    expect([...accepted]).toEqual([]);
    const samples = [0, 1, 2].map((n) => stage().subject.numbered(n));
    for (const { value } of samples) await client.sendData(value);
    await waitFor(() => accepted.stats().receiveQueueMessages === 3);
    expect([...accepted]).toEqual(samples.map(({ data }) => data));
    expect(accepted.isDataAvailable()).toBe(false);
  });

  test('counts messages and bytes, and the numbers of both ends agree', async () => {
    const { client, accepted } = await stage().pair();
    const count = 30;
    for (let n = 0; n < count; n++) await client.sendData(stage().subject.numbered(n, 100).value);
    await waitFor(() => accepted.stats().messagesReceived === count);
    expect(client.stats()).toMatchObject({ messagesSent: count, messagesReceived: 0, sendQueueMessages: 0 });
    expect(accepted.stats()).toMatchObject({ messagesSent: 0, receiveQueueMessages: count, badFrames: 0 });
    expect(accepted.stats().bytesReceived).toBe(client.stats().bytesSent);
    expect(accepted.stats().bytesReceived).toBeGreaterThanOrEqual(100 * count);
    expect(accepted.stats().receiveQueueBytes).toBeGreaterThan(0);
    for (let n = 0; n < count; n++) await accepted.getData();
    expect(accepted.stats()).toMatchObject({ receiveQueueMessages: 0, receiveQueueBytes: 0 });
    await waitFor(() => accepted.stats().bytesSent === client.stats().bytesReceived);
    await client.close();
    const { connectedMs } = client.stats();
    expect(connectedMs).toBeGreaterThanOrEqual(0);
    await nextTurn();
    expect(client.stats().connectedMs).toBe(connectedMs);
  });

  test('a waiting call settles once, whatever else happens', async () => {
    const { client, accepted } = await stage().pair();
    const controller = new AbortController();
    const received = trackPromise(accepted.getData({ signal: controller.signal, timeoutMs: 10_000 }));
    await client.sendData(stage().subject.numbered(1).value);
    await waitFor(() => received.settled !== 'no');
    controller.abort();
    accepted.destroy();
    await nextTurn();
    expect(received.settled).toBe('resolved');
  });
}
