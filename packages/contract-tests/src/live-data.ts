/** Statements about live data: a receiver that needs only the newest message, and a sender whose messages are useless after an outage. */
import { once } from 'node:events';
import type { Connection, ConnectionOptions, ProtocolTypes } from 'serpy-core';
import { expect, test } from 'vitest';
import { type Pair, record, type TestBedSource, trackPromise, waitFor } from './stage.js';

/** Short waits for clients that reconnect. */
const soon = { baseDelayMs: 2, maxDelayMs: 20, minDelayMs: 0 };

const dropped = { name: 'warning', info: { code: 'ERR_SERPY_DROPPED' } };

export function liveDataStatements<T extends ProtocolTypes>(stage: TestBedSource<T>): void {
  const numbered = (n: number, sizeBytes?: number) => stage().subject.numbered(n, sizeBytes);

  async function sendAll(connection: Connection<T>, from: number, to: number): Promise<void> {
    for (let n = from; n <= to; n++) await connection.sendData(numbered(n).value);
  }

  test("keep 'latest': only the newest message waits, drops are counted and reported once for each link", async () => {
    const { client, accepted } = await stage().pair({}, { keep: 'latest' });
    const warnings = record(accepted, ['warning']);
    for (const last of [5, 10, 15]) {
      await sendAll(client, last - 4, last);
      await waitFor(() => accepted.stats().messagesReceived === last);
      expect(accepted.stats()).toMatchObject({ receiveQueueMessages: 1, droppedReceiving: (last * 4) / 5 });
      expect([...accepted]).toEqual([numbered(last).data]);
    }
    await waitFor(() => warnings.length > 0);
    expect(warnings).toMatchObject([dropped]);
  });

  test("keep 'latest': drops are reported again on the next link", async () => {
    const { server, client, accepted } = await stage().pair({ keep: 'latest', autoRestart: true, reconnect: soon });
    const warnings = record(client, ['warning']);
    let peer = accepted;
    for (const times of [1, 2, 3]) {
      await sendAll(peer, 1, 4);
      await waitFor(() => client.stats().messagesReceived === times * 4);
      await waitFor(() => warnings.length === times);
      expect([...client]).toEqual([numbered(4).data]);
      const again = once(client, 'reconnect');
      peer.destroy();
      await again;
      peer = await server.getConnection();
    }
    expect(warnings).toMatchObject([dropped, dropped, dropped]);
    expect(client.stats().droppedReceiving).toBe(9);
  });

  test("keep 'latest': nothing is dropped while getData waits, and the sender is never throttled", async () => {
    const { client, accepted } = await stage().pair({}, { keep: 'latest' });
    const waiting = accepted.getData();
    await client.sendData(numbered(0).value);
    expect(await waiting).toEqual(numbered(0).data);
    expect(accepted.stats().droppedReceiving).toBe(0);
    const count = 2500; // more than any queue holds
    await sendAll(client, 1, count);
    await waitFor(() => accepted.stats().messagesReceived === count + 1);
    expect(client.stats().sendQueueMessages).toBe(0);
    expect(await accepted.getData()).toEqual(numbered(count).data);
    expect(accepted.stats().droppedReceiving).toBe(count - 1);
  });

  stage.inMemory("keep 'latest' and the bounds of receiveQueue contradict each other", () => {
    for (const receiveQueue of [{ whenFull: 'block' }, { whenFull: 'drop-oldest' }, { maxMessages: 1 }] as const) {
      const refused = expect.objectContaining({
        code: 'ERR_SERPY_OPTION',
        message: expect.stringMatching(/^the options keep: 'latest' and receiveQueue\.\w+ contradict each other: /),
      });
      expect(() => stage().connection({ keep: 'latest', receiveQueue })).toThrow(refused);
      expect(() => stage().server({ port: 0, keep: 'latest', receiveQueue })).toThrow(refused);
    }
    stage().connection({ keep: 'all', receiveQueue: { whenFull: 'block' } });
    stage().connection({ keep: 'latest', receiveQueue: {} });
  });

  /** Starts the server of a stranded client again. */
  async function rescued({ client, address }: Pair<T>): Promise<Connection<T>> {
    const { server } = await stage().started({ port: address.port });
    stage().letTimePass();
    const accepted = await server.getConnection();
    await waitFor(() => client.isConnected());
    await server.close();
    return accepted;
  }

  test("whenOffline 'drop': without a link sendData resolves false; only messages of the next link arrive", async () => {
    const pair = await stage().stranded({ whenOffline: 'drop', reconnect: soon });
    const { client } = pair;
    const warnings = record(client, ['warning']);
    for (let n = 1; n <= 5; n++) expect(await client.sendData(numbered(n).value)).toBe(false);
    expect(client.stats()).toMatchObject({ droppedSending: 5, sendQueueMessages: 0 });
    expect(warnings).toMatchObject([{ info: { code: 'ERR_SERPY_DROPPED', messages: 1 } }]);
    const accepted = await rescued(pair);
    expect(await client.sendData(numbered(6).value)).toBe(true);
    expect(await accepted.getData()).toEqual(numbered(6).data);
    expect(accepted.stats().messagesReceived).toBe(1);
  });

  test("whenOffline 'drop': drops are reported once for each outage", async () => {
    const { server, client, accepted } = await stage().pair({
      whenOffline: 'drop',
      autoRestart: true,
      reconnect: soon,
    });
    const events = record(client, ['disconnect', 'warning', 'reconnect']);
    client.on('reconnecting', () => {
      for (let n = 1; n <= 3; n++) void client.sendData(numbered(n).value);
    });
    let peer = accepted;
    for (let outage = 0; outage < 3; outage++) {
      const again = once(client, 'reconnect');
      peer.destroy();
      await again;
      peer = await server.getConnection();
    }
    expect(events.map(({ name }) => name)).toEqual(
      Array.from({ length: 3 }, () => ['disconnect', 'warning', 'reconnect']).flat(),
    );
    expect(client.stats().droppedSending).toBe(9);
  });

  /** A client with unread messages in flight and in its queue. */
  async function stuck(options: ConnectionOptions = {}) {
    const peer = await stage().silentPeer();
    const client = stage().connection({
      whenOffline: 'drop',
      autoRestart: true,
      writeTimeoutMs: 0, // in memory the peer pauses for hours
      sendQueue: { maxMessages: 4 },
      reconnect: { baseDelayMs: 600_000, maxDelayMs: 600_000 },
      ...options,
    });
    await client.connect(peer.address.host, peer.address.port);
    const sent: ReturnType<typeof trackPromise>[] = [];
    const results: (boolean | undefined)[] = [];
    for (let n = 0; sent.filter(({ settled }) => settled === 'no').length < 3; n++) {
      const promise = client.sendData(numbered(n, 65_536).value);
      sent.push(trackPromise(promise));
      promise.then(
        (accepted) => {
          results[n] = accepted;
        },
        () => {},
      );
      await Promise.resolve();
      if (n > 10_000) throw new Error('the queue never fills up');
    }
    stage().network?.clock.stop();
    return { peer, client, sent, results };
  }

  test("whenOffline 'drop': messages that are queued or wait for room when the link breaks are dropped", async () => {
    const { peer, client, sent, results } = await stuck();
    const { sendQueueMessages, messagesSent } = client.stats();
    expect(sendQueueMessages).toBe(4);
    const events = record(client, ['disconnect', 'reconnecting', 'warning']);
    peer.disconnect();
    await waitFor(() => client.state === 'reconnecting' && sent.every(({ settled }) => settled === 'resolved'));
    expect(results.filter((accepted) => !accepted)).toHaveLength(sent.length - messagesSent - 4);
    expect(client.stats()).toMatchObject({ sendQueueMessages: 0, droppedSending: sent.length - messagesSent });
    expect(await client.sendData(numbered(1).value)).toBe(false);
    // Messages that were in flight may not have arrived, which the event of the link reports.
    expect(events.map(({ name }) => name)).toEqual(['disconnect', 'warning', 'reconnecting', 'warning']);
    expect(events[1]).toMatchObject({ info: { code: 'ERR_SERPY_LOST' } });
    expect(events.at(-1)).toMatchObject({ info: { code: 'ERR_SERPY_DROPPED', messages: sent.length - messagesSent } });
  });

  test.each(['close', 'destroy', 'disableRestart'] as const)(
    "whenOffline 'drop': %s() in the listener of its warning ends the connection and leaves no timer",
    async (ending) => {
      const { peer, client } = await stuck();
      client.on('warning', ({ code }) => {
        if (code === 'ERR_SERPY_DROPPED') void client[ending]();
      });
      peer.disconnect();
      await waitFor(() => client.state === 'closed');
      expect(client.closeInfo).toMatchObject({ unsentMessages: 0 });
      await waitFor(() => stage().environment.inUse.length === 0);
    },
  );

  test("whenOffline 'drop': the end of the connection reports unsent messages, as without the option", async () => {
    const { peer, client, sent } = await stuck({ autoRestart: false });
    const { messagesSent } = client.stats();
    const warnings = record(client, ['warning']);
    peer.disconnect();
    await waitFor(() => client.state === 'closed' && sent.every(({ settled }) => settled !== 'no'));
    expect(client.closeInfo).toMatchObject({ unsentMessages: 4 });
    expect(sent.filter(({ code }) => code === 'ERR_SERPY_CLOSED')).toHaveLength(sent.length - messagesSent - 4);
    expect(warnings.filter(({ info }) => (info as { code: string }).code === 'ERR_SERPY_DROPPED')).toHaveLength(1);
  });

  stage.inMemory(
    "whenOffline 'drop': before connect() sendData is rejected, and during the first connection attempt it drops",
    async () => {
      const client = stage().connection({ whenOffline: 'drop' }, stage().withUnansweredAttempts());
      await expect(client.sendData(numbered(1).value)).rejects.toMatchObject({ code: 'ERR_SERPY_NOT_CONNECTED' });
      const connecting = client.connect('127.0.0.1', 5000);
      expect(await client.sendData(numbered(1).value)).toBe(false);
      await expect(client.sendData(numbered(1).value, { signal: AbortSignal.abort() } as never)).rejects.toMatchObject({
        code: 'ERR_SERPY_ABORTED',
      });
      await expect(client.sendData(undefined as never)).rejects.toMatchObject({ code: 'ERR_SERPY_VALUE' });
      expect(client.stats().droppedSending).toBe(1);
      client.destroy();
      await expect(connecting).rejects.toMatchObject({ code: 'ERR_SERPY_CLOSED' });
    },
  );

  test("whenOffline 'drop': with a link nothing is dropped", async () => {
    const { client, accepted } = await stage().pair({ whenOffline: 'drop' }, { whenOffline: 'drop' });
    for (let n = 1; n <= 100; n++) expect(await client.sendData(numbered(n).value)).toBe(true);
    for (let n = 1; n <= 100; n++) expect(await accepted.getData()).toEqual(numbered(n).data);
    expect(await accepted.sendData(numbered(1).value)).toBe(true);
    expect(await client.getData()).toEqual(numbered(1).data);
    expect(client.stats().droppedSending + accepted.stats().droppedSending).toBe(0);
  });
}
