/** Statements about servers: starting, accepting, limits and closing. */
import { once } from 'node:events';
import { setImmediate as nextTurn } from 'node:timers/promises';
import type { Address, ProtocolTypes } from 'serpy-core';
import { expect, test } from 'vitest';
import { record, type TestBedSource, waitFor } from './stage.js';

export function serverStatements<T extends ProtocolTypes>(stage: TestBedSource<T>): void {
  const numbered = (n: number) => stage().subject.numbered(n);

  test('start resolves with the server, which knows its address', async () => {
    const server = stage().server({ port: 0 });
    expect(server.address).toBeUndefined();
    const listening = once(server, 'listening');
    expect(await server.start()).toBe(server);
    expect(await listening).toEqual([server.address]);
    expect(server.address).toMatchObject({ host: '127.0.0.1', port: expect.any(Number) });
    expect(server.address?.port).toBeGreaterThan(0);
  });

  stage.inMemory('start twice is rejected, also while the first is pending', async () => {
    const server = stage().server({ port: 0 });
    const first = server.start();
    await expect(server.start()).rejects.toMatchObject({ code: 'ERR_SERPY_OPTION' });
    await first;
    await expect(server.start()).rejects.toMatchObject({ code: 'ERR_SERPY_OPTION' });
  });

  stage.inMemory('start after close is refused', async () => {
    const { server } = await stage().started();
    await server.close();
    await expect(server.start()).rejects.toMatchObject({ code: 'ERR_SERPY_CLOSED' });
  });

  test('close while starting leaves no listener behind', async () => {
    const server = stage().server({ port: 0 });
    const starting = server.start();
    await server.close();
    await expect(starting).rejects.toMatchObject({ code: 'ERR_SERPY_CLOSED' });
    await waitFor(() => stage().environment.inUse.length === 0);
  });

  test('the error of a port in use explains it, and start can be called again when the port is free', async () => {
    const { server: first, address } = await stage().started();
    const second = stage().server({ port: address.port });
    await expect(second.start()).rejects.toMatchObject({
      code: 'ERR_SERPY_LISTEN',
      message: expect.stringContaining(`cannot listen on 127.0.0.1:${address.port}: another program`),
      cause: { code: 'EADDRINUSE' },
    });
    await first.close();
    await second.start();
    expect(second.address).toEqual(address);
  });

  stage.inMemory('getConnection before start is refused', async () => {
    const server = stage().server({ port: 0 });
    await expect(server.getConnection()).rejects.toMatchObject({ code: 'ERR_SERPY_NOT_CONNECTED' });
  });

  test('getConnection waits at most timeoutMs and until the signal, and then removes no connection', async () => {
    const { server, address } = await stage().started();
    await expect(server.getConnection({ timeoutMs: 10 })).rejects.toMatchObject({ code: 'ERR_SERPY_TIMEOUT' });
    const controller = new AbortController();
    const aborted = server.getConnection({ signal: controller.signal });
    const next = server.getConnection();
    controller.abort();
    await expect(aborted).rejects.toMatchObject({ code: 'ERR_SERPY_ABORTED' });
    const client = await stage().connection().connect(address.host, address.port);
    expect((await next).remote).toEqual(client.local);
  });

  test('serves several getConnection in their order', async () => {
    const { server, address } = await stage().started();
    const waiting = [server.getConnection(), server.getConnection()];
    for (const served of waiting) {
      const client = await stage().connection().connect(address.host, address.port);
      expect((await served).remote).toEqual(client.local);
    }
  });

  stage.inMemory('getConnection is rejected when the server is closed, before and after', async () => {
    const { server } = await stage().started();
    const waiting = server.getConnection();
    await server.close();
    await expect(waiting).rejects.toMatchObject({ code: 'ERR_SERPY_CLOSED' });
    await expect(server.getConnection()).rejects.toMatchObject({ code: 'ERR_SERPY_CLOSED' });
  });

  test('leaving an iterator of a server ends its waiting calls, and it removes no further connection', async () => {
    const { server, address } = await stage().started();
    const iterator = server[Symbol.asyncIterator]();
    const pending = iterator.next();
    await iterator.return?.();
    expect(await pending).toEqual({ done: true, value: undefined });
    const client = await stage().connection().connect(address.host, address.port);
    expect((await server.getConnection({ timeoutMs: 15_000 })).remote).toEqual(client.local);
    expect(await iterator.next()).toEqual({ done: true, value: undefined });
  });

  stage.inMemory('for await over a server before start is refused', async () => {
    const server = stage().server({ port: 0 });
    await expect(server[Symbol.asyncIterator]().next()).rejects.toMatchObject({ code: 'ERR_SERPY_NOT_CONNECTED' });
  });

  test('for await gives the connections as they are accepted and ends when the server is closed', async () => {
    const { server, address } = await stage().started();
    const clients = [
      await stage().connection().connect(address.host, address.port),
      await stage().connection().connect(address.host, address.port),
    ];
    const served: (Address | undefined)[] = [];
    const serving = (async () => {
      for await (const connection of server) served.push(connection.remote);
    })();
    await waitFor(() => served.length === 2);
    await server.close();
    await serving;
    // Silent clients that connect within the same millisecond may be announced in either order.
    const ports = (addresses: (Address | undefined)[]) => addresses.map((each) => each?.port).sort();
    expect(ports(served)).toEqual(ports(clients.map((client) => client.local)));
  });

  test('lists its connections and the readable ones, without closed ones', async () => {
    const { server, address } = await stage().started();
    expect([server.size, [...server], server.getConnectionsList(), server.readableConnections()]).toEqual([
      0,
      [],
      [],
      [],
    ]);
    const connected = () => stage().connection().connect(address.host, address.port);
    const clients = [await connected(), await connected(), await connected()];
    await waitFor(() => server.size === 3);
    const accepted = [...server];
    expect(server.getConnectionsList().every((connection, index) => connection === accepted[index])).toBe(true);
    // By address: silent clients that connect within the same millisecond may be announced in either order.
    const sender = accepted.find((connection) => connection.remote?.port === clients[1]?.local?.port);
    await clients[1]?.sendData(numbered(1).value);
    await waitFor(() => server.readableConnections().length > 0);
    // Compared one by one: a connection is an iterable, and a deep comparison would read its messages.
    expect(server.readableConnections()).toHaveLength(1);
    expect(server.readableConnections()[0]).toBe(sender);
    await sender?.getData();
    expect(server.readableConnections()).toEqual([]);
    await clients[0]?.close();
    clients[2]?.destroy();
    await waitFor(() => server.size === 1);
    expect([...server][0]).toBe(sender);
  });

  test('rejects clients above maxConnections with a clean close, and accepts the next when one has left', async () => {
    const { server, address } = await stage().started({ port: 0, maxConnections: 1 });
    const drops = record(server, ['drop']);
    const first = await stage().connection().connect(address.host, address.port);
    await waitFor(() => server.size === 1);
    const second = stage().connection();
    await second.connect(address.host, address.port).catch(() => {});
    await waitFor(() => second.state === 'closed' || second.state === 'idle');
    expect(second.closeInfo?.reason ?? 'peer-closed').toBe('peer-closed');
    expect(drops).toMatchObject([
      { info: { reason: 'maxConnections', maxConnections: 1, remote: { host: '127.0.0.1' } } },
    ]);
    const accepted = await server.getConnection();
    await first.sendData(numbered(1).value);
    expect(await accepted.getData()).toEqual(numbered(1).data);
    await first.close();
    await waitFor(() => server.size === 0);
    const third = await stage().connection().connect(address.host, address.port);
    expect((await server.getConnection()).remote).toEqual(third.local);
  });

  test('close() keeps the connections and frees the port', async () => {
    const { server, client, accepted, address } = await stage().pair();
    const closed = once(server, 'close');
    await server.close();
    await closed;
    await server.close();
    await client.sendData(numbered(1).value);
    expect(await accepted.getData()).toEqual(numbered(1).data);
    await accepted.sendData(numbered(2).value);
    expect(await client.getData()).toEqual(numbered(2).data);
    expect(server.size).toBe(1);
    const { server: next } = await stage().started({ port: address.port });
    expect(next.address?.port).toBe(address.port);
  });

  test('closeServer() closes all connections, each after its queued messages', async () => {
    const { server, address } = await stage().started();
    const connected = () => stage().connection().connect(address.host, address.port);
    const clients = [await connected(), await connected(), await connected()];
    await waitFor(() => server.size === 3);
    for (const connection of server) void connection.sendData(numbered(1).value);
    await server.closeServer();
    expect(server.size).toBe(0);
    for (const client of clients) {
      expect(await client.getData()).toEqual(numbered(1).data);
      await expect(client.getData()).rejects.toMatchObject({ code: 'ERR_SERPY_CLOSED' });
    }
    await server.closeServer();
  });

  test('await using closes server and connections', async () => {
    let client: { state: string };
    {
      await using server = await stage().server({ port: 0 }).start();
      client = await stage()
        .connection()
        .connect('127.0.0.1', server.address?.port ?? 0);
      await server.getConnection();
    }
    await waitFor(() => client.state === 'closed');
  });

  test('a client that sent a message and left before getConnection is delivered with its message', async () => {
    const { server, address } = await stage().started();
    const client = await stage().connection().connect(address.host, address.port);
    await client.sendData(numbered(1).value);
    await client.close();
    await waitFor(() => server.size === 0);
    const accepted = await server.getConnection();
    expect(accepted.state).toBe('closed');
    expect(await accepted.getData()).toEqual(numbered(1).data);
    await expect(accepted.getData()).rejects.toMatchObject({ code: 'ERR_SERPY_CLOSED' });
  });

  test('a client that left without a message is not delivered', async () => {
    const { server, address } = await stage().started();
    await (await stage().connection().connect(address.host, address.port)).close();
    await nextTurn();
    await waitFor(() => server.size === 0);
    const next = await stage().connection().connect(address.host, address.port);
    expect((await server.getConnection()).remote).toEqual(next.local);
  });

  test('messages that arrive before the first getData are kept', async () => {
    const { server, address } = await stage().started();
    const client = await stage().connection().connect(address.host, address.port);
    for (let n = 0; n < 5; n++) await client.sendData(numbered(n).value);
    await waitFor(() => server.readableConnections().length === 1);
    const accepted = await server.getConnection();
    for (let n = 0; n < 5; n++) expect(await accepted.getData()).toEqual(numbered(n).data);
  });

  test('a client of another protocol affects only its own connection', async () => {
    const { server, client, accepted, address } = await stage().pair();
    const warnings = stage().processWarnings.length;
    const httpClient = await stage().environment.dial({
      ...address,
      keepAliveMs: 0,
      signal: new AbortController().signal,
    });
    let isClosed = false;
    httpClient.start({
      received: () => {},
      drained: () => {},
      ended: () => httpClient.end(),
      closed: () => {
        isClosed = true;
      },
    });
    httpClient.write(Buffer.from('GET / HTTP/1.1\r\nHost: instrument\r\n\r\n'));
    httpClient.flush();
    const rejected = await server.getConnection();
    await waitFor(() => isClosed && rejected.state === 'closed');
    expect(rejected.closeInfo).toMatchObject({ reason: 'protocol', error: { code: 'ERR_SERPY_PROTOCOL' } });
    await client.sendData(numbered(1).value);
    expect(await accepted.getData()).toEqual(numbered(1).data);
    await waitFor(() => stage().processWarnings.length > warnings);
    expect(stage().processWarnings.length).toBe(warnings + 1);
  });
}
