/** Statements about links that break, and connections that continue. */
import { once } from 'node:events';
import { setImmediate as nextTurn } from 'node:timers/promises';
import type { ProtocolTypes } from 'serpy-core';
import { expect, test } from 'vitest';
import { record, type TestBedSource, trackPromise, waitFor } from './stage.js';

const soon = { baseDelayMs: 2, maxDelayMs: 20, minDelayMs: 0 };
const lifeEvents = ['connect', 'disconnect', 'reconnecting', 'reconnect', 'close'];

export function reconnectStatements<T extends ProtocolTypes>(stage: TestBedSource<T>): void {
  const numbered = (n: number, sizeBytes?: number) => stage().subject.numbered(n, sizeBytes);

  test('without auto restart a lost link ends the connection', async () => {
    const { client, accepted } = await stage().pair();
    const events = record(client, lifeEvents);
    const waiting = client.getData();
    accepted.destroy();
    await expect(waiting).rejects.toMatchObject({ code: 'ERR_SERPY_CLOSED' });
    expect(client.state).toBe('closed');
    expect(events.map(({ name }) => name)).toEqual(['disconnect', 'close']);
  });

  test('with auto restart a client reconnects, and emits an event for each step in order', async () => {
    const { server, address } = await stage().started();
    const client = stage().connection({ autoRestart: true, reconnect: soon });
    const events = record(client, lifeEvents);
    await client.connect(address.host, address.port);
    expect(client.remote?.port).toBe(address.port);
    const again = once(client, 'reconnect');
    (await server.getConnection()).destroy();
    await again;
    expect(client.isConnected()).toBe(true);
    const accepted = await server.getConnection();
    await client.sendData(numbered(1).value);
    expect(await accepted.getData()).toEqual(numbered(1).data);
    await accepted.sendData(numbered(2).value);
    expect(await client.getData()).toEqual(numbered(2).data);
    await client.close();
    expect(events).toMatchObject([
      { name: 'connect', info: { remote: { port: address.port } } },
      { name: 'disconnect', info: { unacknowledgedMessages: 0 } },
      { name: 'reconnecting', info: { attempt: 1, delayMs: 1 } },
      { name: 'reconnect', info: { attempts: 1, remote: { port: address.port }, downMs: expect.any(Number) } },
      { name: 'disconnect', info: { reason: 'local-close', error: undefined } },
      { name: 'close', info: { reason: 'local-close', error: undefined, unsentMessages: 0 } },
    ]);
    expect(client.stats().reconnects).toBe(1);
  });

  test('a waiting getData continues over a reconnect', async () => {
    const { server, client, accepted } = await stage().pair({ autoRestart: true, reconnect: soon });
    const waiting = client.getData();
    accepted.destroy();
    const second = await server.getConnection();
    await second.sendData(numbered(1).value);
    expect(await waiting).toEqual(numbered(1).data);
  });

  test('a for await continues over reconnects', async () => {
    const { server, client, accepted } = await stage().pair({ autoRestart: true, reconnect: soon });
    const received: unknown[] = [];
    const reading = (async () => {
      for await (const data of client) received.push(data);
    })();
    await accepted.sendData(numbered(0).value);
    await accepted.close();
    for (let n = 1; n <= 3; n++) {
      const next = await server.getConnection();
      await next.sendData(numbered(n).value);
      await next.close();
    }
    await waitFor(() => received.length === 4);
    await client.close();
    await reading;
    expect(received).toEqual([0, 1, 2, 3].map((n) => numbered(n).data));
  });

  test('emits one reconnect for each new link, ten times', async () => {
    const { server, client, accepted } = await stage().pair({
      autoRestart: true,
      reconnect: { ...soon, resetAfterMs: 0 },
    });
    const events = record(client, lifeEvents);
    let current = accepted;
    for (let n = 0; n < 10; n++) {
      const again = once(client, 'reconnect');
      current.destroy();
      await again;
      current = await server.getConnection();
      expect(current.isConnected()).toBe(true);
    }
    expect(events.map(({ name }) => name)).toEqual(
      Array.from({ length: 10 }, () => ['disconnect', 'reconnecting', 'reconnect']).flat(),
    );
    expect(client.stats().reconnects).toBe(10);
    expect(server.size).toBe(1);
  });

  test('ends after maxAttempts attempts, and says why', async () => {
    const { client } = await stage().stranded({ reconnect: { ...soon, maxAttempts: 3 } });
    const events = record(client, ['reconnecting', 'reconnect', 'close']);
    const waiting = client.getData();
    stage().letTimePass();
    await expect(waiting).rejects.toMatchObject({ code: 'ERR_SERPY_CLOSED', cause: { code: 'ERR_SERPY_CONNECT' } });
    expect(events).toMatchObject([
      { name: 'reconnecting', info: { attempt: 2, error: { code: 'ERR_SERPY_CONNECT' } } },
      { name: 'reconnecting', info: { attempt: 3, error: { code: 'ERR_SERPY_CONNECT' } } },
      { name: 'close', info: { reason: 'retries-exhausted', error: { code: 'ERR_SERPY_CONNECT' } } },
    ]);
    expect(client.state).toBe('closed');
  });

  test('a client of a server that accepts and closes at once waits longer each time, and ends after maxAttempts', async () => {
    const { server, address } = await stage().started();
    server.on('connection', (connection) => connection.destroy());
    const client = stage().connection({ autoRestart: true, reconnect: { ...soon, maxAttempts: 4 } });
    const events = record(client, ['reconnecting']);
    const closed = once(client, 'close');
    await client.connect(address.host, address.port).catch(() => {});
    if (client.state !== 'idle') {
      expect(await closed).toMatchObject([{ reason: 'retries-exhausted' }]);
      expect(events.map(({ info }) => (info as { attempt: number }).attempt)).toEqual([1, 2, 3, 4]);
    }
  });

  test('a short link that carries a message resets the count of attempts and the wait', async () => {
    const { server, client, accepted } = await stage().pair({
      autoRestart: true,
      reconnect: { ...soon, maxAttempts: 2 },
    });
    const events = record(client, ['reconnecting', 'close']);
    let current = accepted;
    for (let n = 0; n < 6; n++) {
      await current.sendData(numbered(n).value);
      expect(await client.getData()).toEqual(numbered(n).data);
      await current.close();
      current = await server.getConnection();
    }
    expect(events.map(({ info }) => (info as { attempt: number }).attempt)).toEqual([1, 1, 1, 1, 1, 1]);
  });

  test('enableRestart() works up to and in a listener of disconnect', async () => {
    const { server, client, accepted } = await stage().pair({ reconnect: soon });
    client.once('disconnect', () => client.enableRestart());
    accepted.destroy();
    const second = await server.getConnection();
    await client.sendData(numbered(1).value);
    expect(await second.getData()).toEqual(numbered(1).data);
  });

  test('disableRestart() in a listener of disconnect ends the connection', async () => {
    const { client, accepted } = await stage().pair({ autoRestart: true });
    client.once('disconnect', () => client.disableRestart());
    accepted.destroy();
    await waitFor(() => client.state === 'closed');
    expect(stage().environment.attempts).toBe(1);
  });

  test('disableRestart() during the wait before a reconnect ends the connection', async () => {
    const { client } = await stage().stranded();
    const events = record(client, ['close']);
    const waiting = client.getData();
    client.disableRestart();
    await expect(waiting).rejects.toMatchObject({ code: 'ERR_SERPY_CLOSED' });
    expect(events).toMatchObject([{ info: { reason: 'retries-exhausted' } }]);
    expect(stage().environment.inUse).toEqual([]);
  });

  test('disableRestart() in a listener of reconnecting ends the connection and leaves no timer', async () => {
    const { client, accepted, server } = await stage().pair({ autoRestart: true });
    const events = record(client, ['reconnecting', 'close']);
    client.once('reconnecting', () => client.disableRestart());
    accepted.destroy();
    await waitFor(() => client.state === 'closed');
    expect(events.map(({ name }) => name)).toEqual(['reconnecting', 'close']);
    await server.close();
    await waitFor(() => stage().environment.inUse.length === 0);
  });

  test('disableRestart() while connected keeps the link, and its loss ends the connection', async () => {
    const { client, accepted } = await stage().pair({ autoRestart: true });
    client.disableRestart();
    expect(client.isConnected()).toBe(true);
    accepted.destroy();
    await waitFor(() => client.state === 'closed');
  });

  stage.inMemory('enableRestart is rejected on an accepted connection', async () => {
    const { accepted } = await stage().pair();
    expect(() => accepted.enableRestart()).toThrow(expect.objectContaining({ code: 'ERR_SERPY_OPTION' }));
    accepted.disableRestart();
  });

  test('unread messages of a lost link come before those of the next', async () => {
    const { server, client, accepted } = await stage().pair({ autoRestart: true, reconnect: soon });
    await accepted.sendData(numbered(1).value);
    await waitFor(() => client.isDataAvailable());
    accepted.destroy();
    const second = await server.getConnection();
    await second.sendData(numbered(2).value);
    expect(await client.getData()).toEqual(numbered(1).data);
    expect(await client.getData()).toEqual(numbered(2).data);
  });

  test('auto restart does not repeat a first attempt that fails', async () => {
    const { host, port } = await stage().freeAddress();
    const client = stage().connection({ autoRestart: true });
    await expect(client.connect(host, port)).rejects.toMatchObject({ code: 'ERR_SERPY_CONNECT' });
    expect(client.state).toBe('idle');
    await nextTurn();
    expect(stage().environment.attempts).toBe(1);
  });

  test('a link that is cut at any byte, in any way, never gives half a message or a wrong order', async (context) => {
    if (stage().subject.lasting) return context.skip();
    const network = stage().network;
    if (!network) return context.skip();
    const count = 4;
    const samples = Array.from({ length: count }, (_, n) => numbered(n, 12));
    for (const how of ['fin', 'reset', 'half-close'] as const) {
      for (let afterBytes = 0; ; afterBytes++) {
        const { server, client, accepted } = await stage().pair();
        network.links.at(-1)?.toServer.cutAfter(afterBytes, how);
        const sent = samples.map(({ value }) => trackPromise(client.sendData(value)));
        void client.close();
        await waitFor(() => client.state === 'closed' && accepted.state === 'closed');
        const received = [...accepted];
        expect(received).toEqual(samples.slice(0, received.length).map(({ data }) => data));
        expect(sent.filter(({ settled }) => settled === 'no')).toEqual([]);
        const whole = accepted.stats().bytesReceived === client.stats().bytesSent;
        await server.close();
        if (whole && received.length === count) break;
      }
    }
  });

  test('a link that is cut in the middle of a message does not affect the next link', async (context) => {
    if (stage().subject.lasting) return context.skip();
    const network = stage().network;
    if (!network) return context.skip();
    for (const how of ['fin', 'reset', 'half-close'] as const) {
      for (let afterBytes = 1; afterBytes < 30; afterBytes += 4) {
        const { server, client, accepted } = await stage().pair({ autoRestart: true, reconnect: soon });
        network.links.at(-1)?.toServer.cutAfter(afterBytes, how);
        const again = once(client, 'reconnect');
        await client.sendData(numbered(1, 200).value);
        await again;
        expect([...accepted]).toEqual([]);
        const second = await server.getConnection();
        await client.sendData(numbered(2).value);
        expect(await second.getData()).toEqual(numbered(2).data);
        await client.close();
        await server.closeServer();
      }
    }
  });
}
