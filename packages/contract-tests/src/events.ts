/** Statements about events, warnings and listeners. */
import { subscribe, unsubscribe } from 'node:diagnostics_channel';
import { once } from 'node:events';
import { setImmediate as nextTurn } from 'node:timers/promises';
import type { ProtocolTypes } from 'serpy-core';
import { expect, test } from 'vitest';
import { record, type TestBedSource, waitFor } from './stage.js';

/** The uncaught exceptions during an action, until the expected number has come. */
async function uncaught(count: number, action: () => Promise<void>): Promise<unknown[]> {
  const usual = process.listeners('uncaughtException');
  const caught: unknown[] = [];
  const catcher = (error: unknown) => caught.push(error);
  process.removeAllListeners('uncaughtException');
  process.on('uncaughtException', catcher);
  try {
    await action();
    await waitFor(() => caught.length >= count);
  } finally {
    process.off('uncaughtException', catcher);
    for (const listener of usual) process.on('uncaughtException', listener);
  }
  return caught;
}

export function eventStatements<T extends ProtocolTypes>(stage: TestBedSource<T>): void {
  const numbered = (n: number) => stage().subject.numbered(n);

  test('a listener that throws does not affect the connection, and its error is not lost', async () => {
    const events = ['connect', 'disconnect', 'reconnecting', 'reconnect', 'close'] as const;
    const errors = events.map((event) => new Error(event));
    const caught = await uncaught(events.length + 1, async () => {
      const { server, address } = await stage().started();
      const client = stage().connection({ autoRestart: true, reconnect: { baseDelayMs: 1, minDelayMs: 0 } });
      events.forEach((event, index) => {
        client.once(event, () => {
          throw errors[index];
        });
      });
      await client.connect(address.host, address.port);
      (await server.getConnection()).destroy();
      const accepted = await server.getConnection();
      await client.sendData(numbered(1).value);
      expect(await accepted.getData()).toEqual(numbered(1).data);
      server.on('close', () => {
        throw errors[0];
      });
      await client.close();
      await server.closeServer();
    });
    expect(caught).toEqual([...errors, errors[0]]);
  });

  test('a listener that throws does not affect the events of other connections', async () => {
    const caught = await uncaught(1, async () => {
      const { server, address } = await stage().started();
      server.once('connection', () => {
        throw new Error('broken program');
      });
      const first = await stage().connection().connect(address.host, address.port);
      const second = await stage().connection().connect(address.host, address.port);
      await first.sendData(numbered(1).value);
      await second.sendData(numbered(2).value);
      const accepted = [await server.getConnection(), await server.getConnection()];
      const data = await Promise.all(accepted.map((each) => each.getData()));
      expect(data).toHaveLength(2);
      for (const n of [1, 2]) expect(data).toContainEqual(numbered(n).data); // the order of the servers' first messages
    });
    expect(caught).toHaveLength(1);
  });

  stage.inMemory('a warning without a listener goes to the process, once for each kind', async () => {
    const { client } = await stage().stranded({ sendQueue: { maxMessages: 1, whenFull: 'drop-newest' } });
    await client.sendData(numbered(1).value);
    await client.sendData(numbered(2).value);
    await nextTurn(); // a program that awaits the connection can add its listener until then
    expect(stage().processWarnings).toEqual(['ERR_SERPY_DROPPED']);
    client.destroy(); // one more of that kind: the message in the queue
    await nextTurn();
    expect(stage().processWarnings).toEqual(['ERR_SERPY_DROPPED']);
  });

  stage.inMemory('a warning that somebody listens for does not go to the process', async () => {
    const { client } = await stage().stranded({ sendQueue: { maxMessages: 1, whenFull: 'drop-newest' } });
    const warnings = record(client, ['warning']);
    await client.sendData(numbered(1).value);
    await client.sendData(numbered(2).value);
    client.destroy();
    await nextTurn();
    expect(warnings).toHaveLength(2);
    expect(stage().processWarnings).toEqual([]);
  });

  stage.inMemory('a listener of warning may send, close or destroy', async () => {
    const { client } = await stage().stranded({ sendQueue: { maxMessages: 1, whenFull: 'drop-newest' } });
    const warnings = record(client, ['warning']);
    client.on('warning', () => void client.sendData(numbered(3).value).catch(() => {}));
    await client.sendData(numbered(1).value);
    await client.sendData(numbered(2).value);
    expect(warnings).toHaveLength(1);
    expect(client.stats().droppedSending).toBe(2);
  });

  test.each(['close', 'destroy'] as const)(
    '%s() in a listener of warning, when the peer breaks the protocol, ends the connection in the usual order',
    async (ending) => {
      const { server, address } = await stage().started();
      const emitted: string[] = [];
      server.on('connection', (connection) => {
        for (const event of ['disconnect', 'close'] as const) connection.on(event, () => emitted.push(event));
        connection.on('warning', () => void connection[ending]());
      });
      const httpClient = await stage().environment.dial({
        ...address,
        keepAliveMs: 0,
        signal: new AbortController().signal,
      });
      httpClient.start({ received: () => {}, drained: () => {}, ended: () => httpClient.end(), closed: () => {} });
      httpClient.write(Buffer.from('GET / HTTP/1.1\r\nHost: instrument\r\n\r\n'));
      httpClient.flush();
      const rejected = await server.getConnection();
      await waitFor(() => rejected.state === 'closed');
      await server.close();
      await waitFor(() => stage().environment.inUse.length === 0);
      expect(emitted).toEqual(['disconnect', 'close']);
    },
  );

  stage.inMemory('publishes every event on its diagnostics channel', async () => {
    const seen: { name: string; message: unknown }[] = [];
    const onMessage = (message: unknown, name: string | symbol) => seen.push({ name: String(name), message });
    const names = [
      'connection:connect',
      'connection:disconnect',
      'connection:close',
      'server:listening',
      'server:close',
    ];
    for (const name of names) subscribe(`serpy:${name}`, onMessage);
    try {
      const { client, server } = await stage().pair();
      await client.close();
      await server.closeServer();
      const ofClient = seen.filter(({ message }) => (message as { connection?: unknown }).connection === client);
      expect(ofClient).toMatchObject([
        { name: 'serpy:connection:connect', message: { info: { remote: server.address ?? {} } } },
        { name: 'serpy:connection:disconnect', message: { info: { reason: 'local-close' } } },
        { name: 'serpy:connection:close', message: { info: { reason: 'local-close' } } },
      ]);
      const ofServer = seen.filter(({ message }) => (message as { server?: unknown }).server === server);
      expect(ofServer.map(({ name }) => name)).toEqual(['serpy:server:listening', 'serpy:server:close']);
    } finally {
      for (const name of names) unsubscribe(`serpy:${name}`, onMessage);
    }
  });

  test('the state fits the event when the event is emitted', async () => {
    const { server, address } = await stage().started();
    const client = stage().connection({ autoRestart: true, reconnect: { baseDelayMs: 1, minDelayMs: 0 } });
    const states: string[] = [];
    for (const event of ['connect', 'reconnecting', 'reconnect', 'close'] as const) {
      client.on(event, () => states.push(`${event}: ${client.state}`));
    }
    await client.connect(address.host, address.port);
    const again = once(client, 'reconnect');
    (await server.getConnection()).destroy();
    await again;
    await client.close();
    expect(states).toEqual([
      'connect: connected',
      'reconnecting: reconnecting',
      'reconnect: connected',
      'close: closed',
    ]);
  });

  test('a message that is sent in a connect listener is the first to arrive', async () => {
    const { server, address } = await stage().started();
    const client = stage().connection();
    client.on('connect', () => void client.sendData(numbered(1).value));
    await client.connect(address.host, address.port);
    await client.sendData(numbered(2).value);
    const accepted = await server.getConnection();
    expect(await accepted.getData()).toEqual(numbered(1).data);
    expect(await accepted.getData()).toEqual(numbered(2).data);
  });

  test('a welcome that is sent in a connection listener arrives', async () => {
    const { server, address } = await stage().started();
    server.on('connection', (connection) => void connection.sendData(numbered(1).value));
    const client = await stage().connection().connect(address.host, address.port);
    expect(await client.getData()).toEqual(numbered(1).data);
  });
}
