/** Statements about requests without a session, where the answer is the next message: no answer is taken for that of another request. */
import { once } from 'node:events';
import type { ConnectionOptions, ProtocolTypes } from 'serpy-core';
import { expect, test } from 'vitest';
import { type Pair, record, type TestBedSource, trackPromise, waitFor } from './stage.js';

const soon = { baseDelayMs: 2, maxDelayMs: 20, minDelayMs: 0 };

export function plainRequestStatements<T extends ProtocolTypes>(stage: TestBedSource<T>): void {
  const numbered = (n: number) => stage().subject.numbered(n);

  /** A client and a server that answers a request n with n + 1000: when `answer` is called, or after the next requests. */
  async function lateAnswerer(options: ConnectionOptions): Promise<Pair<T> & { answer(): void }> {
    const { server, address } = await stage().started();
    const held: (() => void)[] = [];
    server.on('connection', async (connection) => {
      for await (const data of connection) {
        const n = Array.from({ length: 50 }, (_, i) => i).find(
          (i) => JSON.stringify(numbered(i).data) === JSON.stringify(data),
        );
        held.push(() => void connection.sendData(numbered((n ?? 0) + 1000).value));
      }
    });
    const client = await stage().connection(options).connect(address.host, address.port);
    if (stage().subject.clientFirst) await client.sendData(numbered(0).value);
    const accepted = await server.getConnection();
    const answer = () => {
      for (const each of held.splice(0)) each();
    };
    return { server, client, accepted, address, answer };
  }

  /** A request that gets no answer in time. */
  async function timeOut(client: Pair<T>['client'], n: number): Promise<void> {
    await expect(client.request(numbered(n).value, { timeoutMs: 20 })).rejects.toMatchObject({
      code: 'ERR_SERPY_TIMEOUT',
    });
  }

  test('a late answer is not that of the next request: the client reconnects first', async () => {
    const { client, answer } = await lateAnswerer({ autoRestart: true, reconnect: soon });
    const events = record(client, ['disconnect']);
    for (let n = 1; n <= 5; n++) {
      await timeOut(client, n);
      answer(); // too late: on the link that the client has closed
      const next = trackPromise(client.request(numbered(n + 10).value, { timeoutMs: Number.POSITIVE_INFINITY }));
      const value = client.getData({ timeoutMs: 0 }).catch(() => 'nothing');
      await waitFor(() => {
        answer();
        return next.settled !== 'no';
      });
      expect(next.settled).toBe('resolved');
      expect(await value).toBe('nothing');
    }
    expect(events).toHaveLength(5);
    expect(events[0]?.info).toMatchObject({ reason: 'timeout', error: { code: 'ERR_SERPY_OUT_OF_STEP' } });
  });

  test('each request gets its own answer after any number of late ones', async () => {
    const { client, answer } = await lateAnswerer({ autoRestart: true, reconnect: soon });
    for (let n = 1; n <= 5; n++) {
      await timeOut(client, n);
      const next = client.request(numbered(n + 20).value, { timeoutMs: Number.POSITIVE_INFINITY });
      const track = trackPromise(next);
      await waitFor(() => {
        answer();
        return track.settled !== 'no';
      });
      expect(await next).toEqual(numbered(n + 1020).data);
    }
  });

  test('without reconnecting, later requests reject until there is another link, and messages still travel', async () => {
    const { client, answer } = await lateAnswerer({});
    await timeOut(client, 1);
    await expect(client.request(numbered(2).value)).rejects.toMatchObject({ code: 'ERR_SERPY_OUT_OF_STEP' });
    await waitFor(() => {
      answer();
      return client.isDataAvailable();
    });
    expect(await client.getData()).toEqual(numbered(1001).data);
    await client.sendData(numbered(3).value);
    await expect(client.request(numbered(4).value)).rejects.toMatchObject({ code: 'ERR_SERPY_OUT_OF_STEP' });
    answer();
  });

  test('requests that wait when the link gets out of step reject', async () => {
    const { client } = await lateAnswerer({});
    const first = trackPromise(client.request(numbered(1).value, { timeoutMs: 20 }));
    const second = client.request(numbered(2).value, { timeoutMs: Number.POSITIVE_INFINITY });
    await expect(second).rejects.toMatchObject({ code: 'ERR_SERPY_OUT_OF_STEP' });
    expect(first.code).toBe('ERR_SERPY_TIMEOUT');
  });

  test("outOfStep 'drain': the late answer is discarded and counted, and the next request gets its own", async () => {
    const { client, answer, accepted } = await lateAnswerer({ outOfStep: 'drain' });
    const warnings = record(client, ['warning', 'disconnect']);
    stage().network?.clock.stop(); // the wait for a late answer, of 10 s here, ends with time
    const controller = new AbortController();
    const first = trackPromise(client.request(numbered(1).value, { signal: controller.signal }));
    await waitFor(() => accepted.stats().messagesReceived > (stage().subject.clientFirst ? 1 : 0));
    controller.abort();
    const next = client.request(numbered(2).value, { timeoutMs: Number.POSITIVE_INFINITY });
    const track = trackPromise(next);
    await waitFor(() => {
      answer();
      return track.settled !== 'no';
    });
    expect(first.code).toBe('ERR_SERPY_ABORTED');
    expect(await next).toEqual(numbered(1002).data);
    expect(client.stats().droppedReceiving).toBe(1);
    expect(warnings.map(({ info }) => (info as { code?: string }).code)).toEqual(['ERR_SERPY_DROPPED']);
  });

  test("outOfStep 'drain': after a silence the next request is sent without a late answer", async () => {
    const { client, answer, accepted } = await lateAnswerer({ outOfStep: 'drain' });
    await timeOut(client, 1);
    const next = client.request(numbered(2).value, { timeoutMs: 60_000 });
    const received = stage().subject.clientFirst ? 3 : 2;
    const track = trackPromise(next);
    await waitFor(() => accepted.stats().messagesReceived === received || track.settled !== 'no');
    answer(); // of both: the first one to arrive is taken
    await next;
  });

  test("outOfStep 'trust': the next request is sent at once", async () => {
    const { client, accepted } = await stage().pair({ outOfStep: 'trust' });
    accepted.onRequest((value) =>
      JSON.stringify(value) === JSON.stringify(numbered(1).data) ? undefined : numbered(9).value,
    );
    await timeOut(client, 1);
    expect(await client.request(numbered(2).value)).toEqual(numbered(9).data);
  });

  test('a request waits while messages that arrived before it cannot be read, which would be taken for its answer', async () => {
    const { client, accepted } = await stage().pair({ receiveQueue: { maxMessages: 2 } });
    if (stage().subject.clientFirst) await client.sendData(numbered(0).value);
    for (const n of [1, 2, 3]) await accepted.sendData(numbered(n).value);
    await waitFor(() => client.stats().receiveQueueMessages === 2);
    await expect(client.request(numbered(4).value, { timeoutMs: 20 })).rejects.toMatchObject({
      code: 'ERR_SERPY_TIMEOUT',
      message: expect.stringContaining('2 messages that arrived wait to be read'),
    });
    accepted.onRequest(() => numbered(5).value);
    stage().network?.clock.stop(); // it would run through the timeout
    const answer = client.request(numbered(4).value);
    for (const n of [1, 2, 3]) expect(await client.getData()).toEqual(numbered(n).data);
    expect(await answer).toEqual(numbered(5).data);
    stage().letTimePass();
  });

  test('a handler that fails sends nothing and emits a warning', async () => {
    const { client, accepted } = await stage().pair({ outOfStep: 'trust' });
    const warned = once(accepted, 'warning');
    accepted.onRequest(() => {
      throw Object.assign(new Error('it broke\n'), { code: 'EIO' });
    });
    await timeOut(client, 1);
    expect((await warned)[0]).toMatchObject({
      code: 'ERR_SERPY_REQUEST_FAILED',
      peerMessage: 'it broke\\n',
      peerCode: 'EIO',
    });
  });

  test('handlers run one at a time in order, and the peer is throttled meanwhile', async () => {
    const { client, accepted } = await stage().pair();
    const started: unknown[] = [];
    const finish: (() => void)[] = [];
    accepted.onRequest((value) => {
      started.push(value);
      return new Promise<void>((resolve) => finish.push(resolve));
    });
    for (let n = 0; n < 200; n++) await client.sendData(numbered(n).value);
    for (let n = 0; n < 200; n++) {
      await waitFor(() => finish.length > 0);
      expect(started).toEqual([numbered(n).data]);
      started.length = 0;
      finish.shift()?.();
    }
  });

  test('the answer to a request of a link that has ended is dropped', async () => {
    const { client, server } = await stage().pair({ autoRestart: true, reconnect: soon });
    const answers: ((value: T['value']) => void)[] = [];
    const signals: AbortSignal[] = [];
    server.onRequest((_, { signal }) => {
      signals.push(signal);
      return new Promise((resolve) => answers.push(resolve));
    });
    await timeOut(client, 1);
    const second = client.request(numbered(2).value, { timeoutMs: Number.POSITIVE_INFINITY });
    await waitFor(() => answers.length === 2);
    await waitFor(() => signals[0]?.aborted === true);
    answers[0]?.(numbered(1001).value);
    answers[1]?.(numbered(1002).value);
    expect(await second).toEqual(numbered(1002).data);
  });
}
