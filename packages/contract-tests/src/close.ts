/** Statements about the end of a connection: at either end, in every state, with calls that wait. */
import { once } from 'node:events';
import { setImmediate as nextTurn } from 'node:timers/promises';
import type { ProtocolTypes } from 'serpy-core';
import { expect, test } from 'vitest';
import { record, type TestBedSource, trackPromise, waitFor } from './stage.js';

export function closeStatements<T extends ProtocolTypes>(stage: TestBedSource<T>): void {
  const numbered = (n: number, sizeBytes?: number) => stage().subject.numbered(n, sizeBytes);

  test('close() sends queued messages first', async () => {
    const { client, accepted } = await stage().pair();
    const samples = Array.from({ length: 50 }, (_, n) => numbered(n, 1000));
    for (const { value } of samples) void client.sendData(value);
    await client.close();
    expect(client.state).toBe('closed');
    expect(client.closeInfo).toMatchObject({ reason: 'local-close', unsentMessages: 0 });
    for (const { data } of samples) expect(await accepted.getData()).toEqual(data);
    await expect(accepted.getData()).rejects.toMatchObject({ code: 'ERR_SERPY_CLOSED' });
    expect(accepted.closeInfo).toMatchObject({ reason: 'peer-closed', error: undefined });
  });

  test('close() at the server sends queued messages first', async () => {
    const { client, accepted } = await stage().pair();
    for (let n = 0; n < 50; n++) void accepted.sendData(numbered(n, 1000).value);
    await accepted.close();
    for (let n = 0; n < 50; n++) expect(await client.getData()).toEqual(numbered(n, 1000).data);
    await expect(client.getData()).rejects.toMatchObject({ code: 'ERR_SERPY_CLOSED' });
  });

  test('close() at both ends at once delivers the messages of both ends', async () => {
    const { client, accepted } = await stage().pair();
    for (let n = 0; n < 10; n++) {
      void client.sendData(numbered(n).value);
      void accepted.sendData(numbered(n).value);
    }
    await Promise.all([client.close(), accepted.close()]);
    const expected = Array.from({ length: 10 }, (_, n) => numbered(n).data);
    expect([...accepted]).toEqual(expected);
    expect([...client]).toEqual(expected);
  });

  test('close() at both ends at once delivers all messages of an end that has many', async () => {
    const { client, accepted } = await stage().pair();
    for (let n = 0; n < 5; n++) void client.sendData(numbered(n, 16_384).value);
    for (let n = 0; n < 60; n++) void accepted.sendData(numbered(n, 16_384).value);
    await Promise.all([client.close(), accepted.close()]);
    expect([...accepted]).toHaveLength(5);
    expect([...client]).toHaveLength(60);
    expect(accepted.closeInfo).toMatchObject({ reason: 'local-close', unsentMessages: 0 });
  });

  test('close() while the peer continues to send closes both ends cleanly', async () => {
    const { client, accepted } = await stage().pair();
    for (let n = 0; n < 20; n++)
      void accepted.sendData(numbered(n, 3000).value, stage().subject.acknowledged).catch(() => {});
    await client.close();
    expect(client.closeInfo).toMatchObject({ reason: 'local-close', error: undefined });
    await waitFor(() => accepted.state === 'closed');
  });

  stage.inMemory('close() can be called again and again', async () => {
    const { client } = await stage().pair();
    const events = record(client, ['close', 'disconnect']);
    const first = client.close();
    expect(client.close()).toBe(first);
    await first;
    await client.close();
    client.destroy();
    expect(events.map(({ name }) => name)).toEqual(['disconnect', 'close']);
  });

  stage.inMemory('wrong options of close() and closeServer() are refused, and nothing has happened', async () => {
    const { client, accepted, server } = await stage().pair();
    const wrong = [
      { options: { reason: 42 }, words: ['reason', 'string', '42'] },
      { options: { reason: null }, words: ['reason', 'string', 'null'] },
      { options: { raeson: 'x' }, words: ['raeson', 'did you mean reason?'] },
      { options: { timeoutMs: 5 }, words: ['timeoutMs', 'reason'] },
      { options: null, words: ['an object', 'reason', 'null'] },
      { options: 'done', words: ['an object', 'reason', "'done'"] },
    ];
    for (const { options, words } of wrong) {
      void client.sendData(numbered(1).value); // the error must come before the queue is sent
      for (const end of [() => client.close(options as never), () => server.closeServer(options as never)]) {
        const error: { code?: unknown; message?: unknown } = await end().catch((refusal) => refusal);
        expect(error.code).toBe('ERR_SERPY_OPTION');
        for (const word of words) expect(error.message).toContain(word);
      }
      expect(client.state).toBe('connected');
      expect(await accepted.getData()).toEqual(numbered(1).data);
    }
    await stage()
      .connection()
      .connect('127.0.0.1', server.address?.port as number); // it still listens
    await client.close({ reason: undefined });
    expect(client.state).toBe('closed');
  });

  test('await using closes at the end of the block', async () => {
    const { address, server } = await stage().pair();
    let client: { state: string };
    {
      await using inside = await stage().connection().connect(address.host, address.port);
      client = inside;
      await inside.sendData(numbered(1).value);
    }
    expect(client.state).toBe('closed');
    const accepted = await server.getConnection();
    expect(await accepted.getData()).toEqual(numbered(1).data);
  });

  stage.inMemory('close() of a connection that was never connected is over at once', async () => {
    const connection = stage().connection();
    await connection.close();
    expect(connection.state).toBe('closed');
    await expect(connection.getData()).rejects.toMatchObject({ code: 'ERR_SERPY_CLOSED' });
  });

  test('close() ends after closeTimeoutMs if the peer reads nothing, and reports the unsent messages', async () => {
    const peer = await stage().silentPeer();
    const client = stage().connection({ closeTimeoutMs: 50 });
    await client.connect(peer.address.host, peer.address.port);
    for (let n = 0; n < 200; n++) void client.sendData(numbered(n, 65_536).value);
    await client.close();
    expect(client.closeInfo).toMatchObject({ reason: 'local-close', error: undefined });
    expect(client.closeInfo?.unsentMessages).toBeGreaterThan(0);
    peer.disconnect();
  });

  test('close() ends after closeTimeoutMs if the peer does not end its stream', async () => {
    const peer = await stage().silentPeer();
    const client = stage().connection({ closeTimeoutMs: 50 });
    await client.connect(peer.address.host, peer.address.port);
    await client.close();
    expect(client.closeInfo).toMatchObject({ reason: 'local-close' });
    peer.disconnect();
  });

  test('destroy() ends a close() that waits', async () => {
    const peer = await stage().silentPeer();
    const client = stage().connection({ closeTimeoutMs: 1_000_000 });
    await client.connect(peer.address.host, peer.address.port);
    stage().network?.clock.stop();
    const closed = client.close();
    await nextTurn();
    expect(client.state).toBe('closing');
    client.destroy();
    await closed;
    expect(client.state).toBe('closed');
    peer.disconnect();
  });

  stage.inMemory('sendData and getData are refused while and after closing', async () => {
    const { client } = await stage().pair();
    const closed = client.close();
    await expect(client.sendData(numbered(1).value)).rejects.toMatchObject({ code: 'ERR_SERPY_CLOSED' });
    await closed;
    await expect(client.sendData(numbered(1).value)).rejects.toMatchObject({ code: 'ERR_SERPY_CLOSED' });
    await expect(client.getData()).rejects.toMatchObject({ code: 'ERR_SERPY_CLOSED' });
    expect(() => client.enableRestart()).toThrow(expect.objectContaining({ code: 'ERR_SERPY_CLOSED' }));
  });

  test('destroy(error) rejects waiting calls, and the error is the cause', async () => {
    const { client, accepted } = await stage().pair();
    const error = new Error('the laser is too hot');
    const waiting = client.getData();
    client.destroy(error);
    await expect(waiting).rejects.toMatchObject({ code: 'ERR_SERPY_CLOSED', cause: error });
    await expect(client.sendData(numbered(1).value)).rejects.toMatchObject({ code: 'ERR_SERPY_CLOSED', cause: error });
    expect(client.closeInfo).toMatchObject({ reason: 'local-close', error });
    await waitFor(() => accepted.state === 'closed');
  });

  stage.inMemory.each(['close', 'destroy'] as const)('%s() rejects calls that wait, each once', async (ending) => {
    if (stage().subject.lasting && ending === 'close') return; // it waits for the link, with what is left to be said
    const { client } = await stage().stranded({ sendQueue: { maxMessages: 1 } });
    await client.sendData(numbered(1).value);
    const waiting = [
      client.getData(),
      client.getData({ timeoutMs: 10_000 }),
      client.sendData(numbered(2).value),
      client.sendData(numbered(3).value, { timeoutMs: 10_000 } as never),
    ].map(trackPromise);
    void client[ending]();
    await nextTurn();
    expect(waiting).toEqual(waiting.map(() => ({ settled: 'rejected', code: 'ERR_SERPY_CLOSED' })));
  });

  stage.inMemory.each(['close', 'destroy'] as const)(
    '%s() during connect rejects it and ends the connection attempt',
    async (ending) => {
      stage().network?.clock.stop();
      const client = stage().connection({}, stage().withUnansweredAttempts());
      const connecting = trackPromise(client.connect('127.0.0.1', 9));
      await nextTurn();
      void client[ending]();
      await nextTurn();
      expect(connecting).toEqual({ settled: 'rejected', code: 'ERR_SERPY_CLOSED' });
      expect(client.state).toBe('closed');
      expect(stage().environment.inUse).toEqual([]);
    },
  );

  test.each(['close', 'destroy'] as const)(
    '%s() right after connect was called leaves nothing behind',
    async (ending) => {
      const { server, address } = await stage().started();
      const client = stage().connection();
      const connecting = trackPromise(client.connect(address.host, address.port));
      void client[ending]();
      await waitFor(() => connecting.settled !== 'no');
      expect(connecting).toEqual({ settled: 'rejected', code: 'ERR_SERPY_CLOSED' });
      await waitFor(() => server.size === 0);
    },
  );

  stage.inMemory.each(['close', 'destroy'] as const)(
    '%s() while waiting to reconnect ends the wait',
    async (ending) => {
      const { client } = await stage().stranded();
      const attempts = stage().environment.attempts;
      void client[ending]();
      expect(client.state).toBe('closed');
      expect(stage().environment.inUse).toEqual([]);
      expect(client.closeInfo).toMatchObject({ reason: 'local-close' });
      stage().letTimePass();
      for (let turn = 0; turn < 10; turn++) await nextTurn();
      expect(stage().environment.attempts).toBe(attempts);
    },
  );

  test.each(['close', 'destroy'] as const)('%s() during a reconnect ends the attempt', async (ending) => {
    const { server, address } = await stage().started();
    const silent = stage().withUnansweredAttempts();
    let attempts = 0;
    const client = stage().connection(
      { autoRestart: true, reconnect: { baseDelayMs: 0, minDelayMs: 0 } },
      { ...silent, dial: (options) => (attempts++ === 0 ? stage().environment.dial(options) : silent.dial(options)) },
    );
    await client.connect(address.host, address.port);
    const accepted = await server.getConnection();
    stage().network?.clock.stop();
    accepted.destroy();
    await waitFor(() => client.state === 'reconnecting');
    stage().letTimePass();
    await waitFor(() => attempts === 2);
    stage().network?.clock.stop();
    void client[ending]();
    expect(client.state).toBe('closed');
    await server.close();
    await waitFor(() => stage().environment.inUse.length === 0);
  });

  test.each(['connect', 'disconnect', 'reconnecting', 'reconnect'] as const)(
    'close() and destroy() in a listener of %s end the connection, once',
    async (event) => {
      for (const ending of ['close', 'destroy'] as const) {
        const { server, address } = await stage().started();
        const client = stage().connection({ autoRestart: true, reconnect: { baseDelayMs: 1, minDelayMs: 0 } });
        const events = record(client, ['close']);
        client.on(event, () => void client[ending]());
        const connecting = client.connect(address.host, address.port).catch((error: { code?: unknown }) => error.code);
        if (event !== 'connect') {
          const accepted = await server.getConnection(); // the server may have no connection of a client that ends at once
          await connecting;
          accepted.destroy();
        }
        await waitFor(() => client.state === 'closed');
        expect(await connecting).toBe(event === 'connect' ? 'ERR_SERPY_CLOSED' : client);
        await server.closeServer();
        expect(events).toMatchObject([{ info: { reason: 'local-close' } }]);
        await expect(client.getData()).rejects.toMatchObject({ code: 'ERR_SERPY_CLOSED' });
      }
    },
  );

  test('a close by the peer ends a connection without auto restart, with the reason', async () => {
    const { client, accepted } = await stage().pair();
    const closed = once(client, 'close');
    await accepted.close();
    expect(await closed).toMatchObject([{ reason: 'peer-closed', error: undefined, unsentMessages: 0 }]);
    await expect(client.sendData(numbered(1).value)).rejects.toMatchObject({ code: 'ERR_SERPY_CLOSED' });
  });

  stage.inMemory('a call in a close listener is refused', async () => {
    const { client } = await stage().pair();
    const refused: Promise<unknown>[] = [];
    client.on('close', () => refused.push(client.sendData(numbered(1).value), client.getData()));
    await client.close();
    const results = await Promise.allSettled(refused);
    expect(results).toMatchObject([{ reason: { code: 'ERR_SERPY_CLOSED' } }, { reason: { code: 'ERR_SERPY_CLOSED' } }]);
  });
}
