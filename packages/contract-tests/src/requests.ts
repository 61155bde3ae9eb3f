/** Statements about requests and answers that every connection fulfills, with a session and without one. */
import { setImmediate as nextTurn } from 'node:timers/promises';
import type { ProtocolTypes } from 'serpy-core';
import { expect, test } from 'vitest';
import { type TestBedSource, trackPromise, waitFor } from './stage.js';

const soon = { baseDelayMs: 2, maxDelayMs: 20, minDelayMs: 0 };

/** The promise and the function that resolves it. */
function gate(): { readonly opened: Promise<void>; open(): void } {
  let open = () => {};
  const opened = new Promise<void>((resolve) => {
    open = resolve;
  });
  return { opened, open };
}

export function requestStatements<T extends ProtocolTypes>(stage: TestBedSource<T>): void {
  const numbered = (n: number, sizeBytes?: number) => stage().subject.numbered(n, sizeBytes);
  const answerTo = (data: T['data'], count = 1000): T['value'] => {
    for (let n = 0; n < count; n++) {
      const sample = numbered(n);
      if (JSON.stringify(sample.data) === JSON.stringify(data)) return numbered(n + count).value;
    }
    return numbered(0).value;
  };

  test('the handler of a server answers every kind of value', async () => {
    const { client, server } = await stage().pair();
    let sample = stage().subject.samples[0];
    server.onRequest(() => sample?.value);
    for (sample of stage().subject.samples) expect(await client.request(sample.value)).toEqual(sample.data);
  });

  test('a handler gets the value, the message and the connection', async () => {
    const { client, accepted, server } = await stage().pair();
    const seen: unknown[] = [];
    server.onRequest((value, { message, connection }) => {
      seen.push(value, (message as { value?: unknown }).value === undefined ? undefined : 'message', connection);
      return numbered(2).value;
    });
    await client.request(numbered(1).value);
    expect(seen).toEqual([numbered(1).data, 'message', accepted]);
  });

  test('requests that are sent without waiting get their own answers', async () => {
    const { client, server } = await stage().pair();
    server.onRequest((value) => answerTo(value));
    const answers = Array.from({ length: 50 }, (_, n) => client.request(numbered(n).value));
    expect(await Promise.all(answers)).toEqual(Array.from({ length: 50 }, (_, n) => numbered(n + 1000).data));
  });

  test('a large request gets a large answer', async () => {
    const { client, server } = await stage().pair();
    const [question, answer] = [numbered(1, 200_000), numbered(2, 300_000)];
    let isEqual = false;
    server.onRequest((value) => {
      isEqual = JSON.stringify(value) === JSON.stringify(question.data);
      return answer.value;
    });
    const data = await client.request(question.value);
    expect(JSON.stringify(data) === JSON.stringify(answer.data)).toBe(true);
    expect(isEqual).toBe(true);
  });

  test('a server asks its clients', async () => {
    const { client, accepted } = await stage().pair();
    client.onRequest((value) => answerTo(value));
    if (stage().subject.clientFirst) await client.sendData(numbered(0).value);
    expect(await accepted.request(numbered(4).value)).toEqual(numbered(1004).data);
  });

  test('a handler that is set after the request arrived answers it', async () => {
    const { client, accepted } = await stage().pair();
    stage().network?.clock.stop(); // it would run through the timeout
    const answer = client.request(numbered(3).value);
    await waitFor(() => accepted.stats().bytesReceived > 0 && client.stats().sendQueueMessages === 0);
    await nextTurn();
    accepted.onRequest((value) => answerTo(value));
    stage().letTimePass();
    expect(await answer).toEqual(numbered(1003).data);
  });

  test('the handler of a connection precedes that of its server, a second one replaces it, and undefined removes it', async () => {
    const { client, accepted, server } = await stage().pair();
    server.onRequest(() => numbered(1).value);
    expect(await client.request(numbered(0).value)).toEqual(numbered(1).data);
    accepted.onRequest(() => numbered(2).value);
    expect(await client.request(numbered(0).value)).toEqual(numbered(2).data);
    accepted.onRequest(() => numbered(3).value);
    expect(await client.request(numbered(0).value)).toEqual(numbered(3).data);
    accepted.onRequest(undefined);
    expect(await client.request(numbered(0).value)).toEqual(numbered(1).data);
  });

  test('the handler of a server is there before the first request of a later client', async () => {
    const { server, address } = await stage().started();
    server.onRequest((value) => answerTo(value));
    const client = await stage().connection().connect(address.host, address.port);
    expect(await client.request(numbered(5).value)).toEqual(numbered(1005).data);
  });

  test('no option drops requests or answers', async () => {
    const drops = { maxMessages: 1, whenFull: 'drop-newest' } as const;
    const { client, accepted } = await stage().pair(
      { sendQueue: { ...drops, whenFull: 'drop-oldest' }, keep: 'latest', whenOffline: 'drop' },
      { sendQueue: drops, receiveQueue: drops, whenOffline: 'drop' },
    );
    accepted.onRequest((value) => answerTo(value));
    const answers = Array.from({ length: 30 }, (_, n) => client.request(numbered(n).value));
    expect(await Promise.all(answers)).toEqual(Array.from({ length: 30 }, (_, n) => numbered(n + 1000).data));
    expect(client.stats().droppedReceiving).toBe(0);
  });

  test('a request waits for the next link if it was not sent', async () => {
    const pair = await stage().stranded({ reconnect: soon, whenOffline: 'drop' });
    const answer = pair.client.request(numbered(6).value, { timeoutMs: 60_000 });
    const { server } = await stage().started({ port: pair.address.port });
    server.onRequest((value) => answerTo(value));
    stage().letTimePass();
    expect(await answer).toEqual(numbered(1006).data);
  });

  test('an unanswered request times out and says that the peer has it', async () => {
    const { client, accepted } = await stage().pair();
    accepted.onRequest(() => new Promise(() => {}));
    await expect(client.request(numbered(1).value, { timeoutMs: 30 })).rejects.toMatchObject({
      code: 'ERR_SERPY_TIMEOUT',
      message: expect.stringContaining('may have executed it'),
    });
  });

  test('a request that was not sent in time is withdrawn', async () => {
    const pair = await stage().stranded({ reconnect: { baseDelayMs: 600_000, maxDelayMs: 600_000 } });
    const answer = pair.client.request(numbered(1).value, { timeoutMs: 20 });
    answer.catch(() => {});
    stage().letTimePass();
    await expect(answer).rejects.toMatchObject({
      code: 'ERR_SERPY_TIMEOUT',
      message: expect.stringContaining('before it could be sent'),
    });
    expect(pair.client.stats().sendQueueMessages).toBe(0);
  });

  test('the signal of a request ends it', async () => {
    const { client, accepted } = await stage().pair();
    const { opened, open } = gate();
    accepted.onRequest(() => {
      open();
      return new Promise(() => {});
    });
    const controller = new AbortController();
    const answer = client.request(numbered(1).value, {
      signal: controller.signal,
      timeoutMs: Number.POSITIVE_INFINITY,
    });
    await opened;
    controller.abort(new Error('enough'));
    await expect(answer).rejects.toMatchObject({ code: 'ERR_SERPY_ABORTED', cause: new Error('enough') });
  });

  test('a request that was sent on a link that broke rejects, and the next one is answered', async () => {
    const { client, accepted, server, address } = await stage().pair({ autoRestart: true, reconnect: soon });
    const { opened, open } = gate();
    accepted.onRequest(() => {
      open();
      return new Promise(() => {});
    });
    const answer = trackPromise(client.request(numbered(1).value, { timeoutMs: Number.POSITIVE_INFINITY }));
    await opened;
    await server.close();
    accepted.destroy();
    const next = await stage().started({ port: address.port });
    await waitFor(() => answer.settled === 'rejected'); // in a session, the next server says that it does not have the request
    expect(answer.code).toBe('ERR_SERPY_LOST');
    next.server.onRequest((value) => answerTo(value));
    expect(await client.request(numbered(2).value)).toEqual(numbered(1002).data);
  });

  test.each(['close', 'destroy'] as const)('%s() here ends all open requests', async (how) => {
    const { client, accepted } = await stage().pair({ closeTimeoutMs: 100 });
    const { opened, open } = gate();
    accepted.onRequest(() => {
      open();
      return new Promise(() => {});
    });
    const answers = [1, 2, 3].map((n) => trackPromise(client.request(numbered(n).value)));
    await opened;
    void client[how]();
    await waitFor(() => answers.every(({ settled }) => settled === 'rejected'));
    for (const { code } of answers) expect(['ERR_SERPY_LOST', 'ERR_SERPY_CLOSED']).toContain(code);
    await expect(client.request(numbered(4).value)).rejects.toMatchObject({ code: 'ERR_SERPY_CLOSED' });
  });

  test('at most 1,024 requests are open at the same time', async () => {
    const { client, accepted } = await stage().pair();
    accepted.onRequest(() => new Promise(() => {}));
    const open = Array.from({ length: 1024 }, () => trackPromise(client.request(numbered(1).value)));
    await expect(client.request(numbered(1).value)).rejects.toMatchObject({ code: 'ERR_SERPY_QUEUE_FULL' });
    client.destroy();
    await waitFor(() => open.every(({ settled }) => settled === 'rejected'));
  });

  stage.inMemory('request before connect() and with wrong arguments rejects', async () => {
    const client = stage().connection();
    await expect(client.request(numbered(1).value)).rejects.toMatchObject({ code: 'ERR_SERPY_NOT_CONNECTED' });
    const pair = await stage().pair();
    const wrong = [{ timeoutMs: -1 }, { timeout: 5 }, { signal: 1 }] as never[];
    for (const options of wrong) {
      await expect(pair.client.request(numbered(1).value, options)).rejects.toMatchObject({ code: 'ERR_SERPY_OPTION' });
    }
    await expect(pair.client.request(Symbol('no') as never)).rejects.toMatchObject({ code: 'ERR_SERPY_VALUE' });
    await expect(pair.client.request(numbered(1).value, { signal: AbortSignal.abort() })).rejects.toMatchObject({
      code: 'ERR_SERPY_ABORTED',
    });
    for (const handler of [null, 'answer', {}] as never[]) {
      expect(() => pair.client.onRequest(handler)).toThrow(expect.objectContaining({ code: 'ERR_SERPY_OPTION' }));
      expect(() => pair.server.onRequest(handler)).toThrow(expect.objectContaining({ code: 'ERR_SERPY_OPTION' }));
    }
  });

  stage.inMemory('outOfStep takes three values', () => {
    expect(() => stage().connection({ outOfStep: 'ignore' as never })).toThrow(
      expect.objectContaining({ code: 'ERR_SERPY_OPTION' }),
    );
  });
}
