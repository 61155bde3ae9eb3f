/** Statements about the send queue: its bounds, and what happens at them. The link is down, so that no message leaves the queue. */
import { setImmediate as nextTurn } from 'node:timers/promises';
import type { Connection, ProtocolTypes } from 'serpy-core';
import { expect, test } from 'vitest';
import { record, type TestBedSource, trackPromise, waitFor } from './stage.js';

/** Short waits for clients that reconnect. */
const soon = { baseDelayMs: 20, maxDelayMs: 20, minDelayMs: 0 };

export function sendQueueStatements<T extends ProtocolTypes>(stage: TestBedSource<T>): void {
  const numbered = (n: number) => stage().subject.numbered(n);

  /** Starts the server again and reads all messages of the client. */
  async function takeAll(client: Connection<T>, port: number): Promise<unknown[]> {
    const { server } = await stage().started({ port });
    stage().letTimePass();
    const accepted = await server.getConnection();
    await waitFor(() => client.isConnected());
    const closed = client.close();
    const received: unknown[] = [];
    for await (const data of accepted) received.push(data);
    await closed;
    return received;
  }

  stage.inMemory.each(['drop-oldest', 'drop-newest'] as const)(
    'a loop that awaits each send leaves time for everything else, also where each succeeds at once (%s)',
    async (whenFull) => {
      const { client } = await stage().stranded({ reconnect: soon, sendQueue: { maxMessages: 2, whenFull } });
      client.on('warning', () => {});
      let turned = false;
      setImmediate(() => {
        turned = true;
      });
      let sends = 0;
      for (; !turned && sends < 10_000; sends++) await client.sendData(numbered(1).value);
      expect(turned).toBe(true);
      expect(sends).toBeLessThan(2000);
      client.destroy();
    },
  );

  stage.inMemory('an unawaited send does not cause an unhandled rejection when the connection is over', async () => {
    const unhandled: unknown[] = [];
    const listener = (reason: unknown) => unhandled.push(reason);
    process.on('unhandledRejection', listener);
    const { client } = await stage().stranded({ reconnect: soon, sendQueue: { maxMessages: 1 } });
    void client.sendData(numbered(1).value);
    void client.sendData(numbered(2).value); // waits for room
    client.on('warning', () => {});
    client.destroy();
    void client.sendData(numbered(3).value);
    await nextTurn();
    await nextTurn();
    process.off('unhandledRejection', listener);
    expect(unhandled).toEqual([]);
    await expect(client.sendData(numbered(4).value)).rejects.toMatchObject({ code: 'ERR_SERPY_CLOSED' });
  });

  test('messages sent while the link is down arrive after it is back, in order', async () => {
    const { client, address } = await stage().stranded({ reconnect: soon });
    const samples = [1, 2, 3, 4, 5].map(numbered);
    for (const { value } of samples) expect(await client.sendData(value)).toBe(true);
    expect(client.stats().sendQueueMessages).toBe(5);
    expect(await takeAll(client, address.port)).toEqual(samples.map(({ data }) => data));
  });

  test("whenFull 'block': sendData waits until there is room, in order", async () => {
    const { client, address } = await stage().stranded({ sendQueue: { maxMessages: 2 }, reconnect: soon });
    const samples = [1, 2, 3, 4, 5].map(numbered);
    const sent = samples.map(({ value }) => trackPromise(client.sendData(value)));
    await waitFor(() => sent[1]?.settled === 'resolved');
    expect(sent.map(({ settled }) => settled)).toEqual(['resolved', 'resolved', 'no', 'no', 'no']);
    expect(client.stats().sendQueueMessages).toBe(2);
    const { server } = await stage().started({ port: address.port });
    stage().letTimePass();
    const accepted = await server.getConnection();
    for (const { data } of samples) expect(await accepted.getData()).toEqual(data);
    expect(sent.map(({ settled }) => settled)).toEqual(sent.map(() => 'resolved'));
  });

  test("whenFull 'block': sendData rejects after timeoutMs, and its message is not sent later", async () => {
    const { client, address } = await stage().stranded({ sendQueue: { maxMessages: 1 }, reconnect: soon });
    await client.sendData(numbered(1).value);
    const refused = client.sendData(numbered(2).value, { timeoutMs: 5 } as never);
    const error = expect(refused).rejects.toMatchObject({
      code: 'ERR_SERPY_QUEUE_FULL',
      message: expect.stringContaining('timeoutMs'),
    });
    stage().letTimePass();
    await error;
    expect(await takeAll(client, address.port)).toEqual([numbered(1).data]);
  });

  test("whenFull 'block': sendData rejects when its signal is aborted, and its message is not sent later", async () => {
    const { client, address } = await stage().stranded({ sendQueue: { maxMessages: 1 }, reconnect: soon });
    await client.sendData(numbered(1).value);
    const controller = new AbortController();
    const refused = client.sendData(numbered(2).value, { signal: controller.signal } as never);
    const third = client.sendData(numbered(3).value);
    controller.abort();
    await expect(refused).rejects.toMatchObject({ code: 'ERR_SERPY_ABORTED' });
    const { server } = await stage().started({ port: address.port });
    stage().letTimePass();
    const accepted = await server.getConnection();
    expect(await third).toBe(true);
    expect(await accepted.getData()).toEqual(numbered(1).data);
    expect(await accepted.getData()).toEqual(numbered(3).data);
  });

  test("whenFull 'error': sendData rejects at once", async () => {
    const { client, address } = await stage().stranded({
      sendQueue: { maxMessages: 1, whenFull: 'error' },
      reconnect: soon,
    });
    await client.sendData(numbered(1).value);
    await expect(client.sendData(numbered(2).value)).rejects.toMatchObject({ code: 'ERR_SERPY_QUEUE_FULL' });
    expect(client.stats().droppedSending).toBe(0);
    expect(await takeAll(client, address.port)).toEqual([numbered(1).data]);
  });

  test("whenFull 'drop-oldest': the latest are kept, drops are counted and reported once", async () => {
    const { client, address } = await stage().stranded({
      sendQueue: { maxMessages: 2, whenFull: 'drop-oldest' },
      reconnect: soon,
    });
    const warnings = record(client, ['warning']);
    for (let n = 1; n <= 5; n++) expect(await client.sendData(numbered(n).value)).toBe(true);
    expect(client.stats()).toMatchObject({ droppedSending: 3, sendQueueMessages: 2 });
    expect(warnings).toMatchObject([{ info: { code: 'ERR_SERPY_DROPPED' } }]);
    expect(await takeAll(client, address.port)).toEqual([numbered(4).data, numbered(5).data]);
  });

  test("whenFull 'drop-newest': the first are kept, sendData resolves false, drops are counted and reported once", async () => {
    const { client, address } = await stage().stranded({
      sendQueue: { maxMessages: 2, whenFull: 'drop-newest' },
      reconnect: soon,
    });
    const warnings = record(client, ['warning']);
    const sent: boolean[] = [];
    for (let n = 1; n <= 5; n++) sent.push(await client.sendData(numbered(n).value));
    expect(sent).toEqual([true, true, false, false, false]);
    expect(client.stats()).toMatchObject({ droppedSending: 3, sendQueueMessages: 2 });
    expect(warnings).toMatchObject([{ info: { code: 'ERR_SERPY_DROPPED' } }]);
    expect(await takeAll(client, address.port)).toEqual([numbered(1).data, numbered(2).data]);
  });

  stage.inMemory('the bound in bytes holds, and an empty queue takes one message of any size', async () => {
    const { client } = await stage().stranded({ sendQueue: { maxBytes: 1000, whenFull: 'error' } });
    expect(await client.sendData(stage().subject.numbered(1, 5000).value)).toBe(true);
    await expect(client.sendData(numbered(2).value)).rejects.toMatchObject({ code: 'ERR_SERPY_QUEUE_FULL' });
  });

  stage.inMemory('a message over maxMessageBytes is refused at the sender', async () => {
    const { client, accepted } = await stage().pair({ maxMessageBytes: 1000 });
    await expect(client.sendData(stage().subject.numbered(1, 2000).value)).rejects.toMatchObject({
      code: 'ERR_SERPY_TOO_LARGE',
      limitBytes: 1000,
    });
    await client.sendData(numbered(2).value);
    expect(await accepted.getData()).toEqual(numbered(2).data);
  });

  stage.inMemory('tells how many accepted messages were not sent when the connection ends', async (context) => {
    if (stage().subject.lasting) return context.skip();
    const { client } = await stage().stranded({ sendQueue: { maxMessages: 2 } });
    const warnings = record(client, ['warning']);
    await client.sendData(numbered(1).value);
    await client.sendData(numbered(2).value);
    const waiting = client.sendData(numbered(3).value);
    void client.close();
    await expect(waiting).rejects.toMatchObject({ code: 'ERR_SERPY_CLOSED' });
    expect(client.closeInfo).toMatchObject({ reason: 'local-close', unsentMessages: 2 });
    expect(warnings).toMatchObject([{ info: { code: 'ERR_SERPY_DROPPED', messages: 2 } }]);
  });
}
