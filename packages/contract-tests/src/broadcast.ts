/** Statements about `broadcast`: who gets a message, and what happens where one client does not read. */
import { isDeepStrictEqual } from 'node:util';
import type { Address, Connection, ConnectionOptions, ProtocolTypes, Server, SlowPeers } from 'serpy-core';
import { expect, test } from 'vitest';
import { record, type ServerOptions, type TestBedSource, trackPromise, waitFor } from './stage.js';

/** Large enough that a few of them fill what the system buffers. */
const largeBytes = 65_536;

export function broadcastStatements<T extends ProtocolTypes>(stage: TestBedSource<T>): void {
  const numbered = (n: number, sizeBytes?: number) => stage().subject.numbered(n, sizeBytes);

  /** `toEqual` takes milliseconds for large bytes. */
  const isLarge = (n: number, data: unknown) => isDeepStrictEqual(data, numbered(n, largeBytes).data);

  interface Crowd {
    readonly server: Server<T, Connection<T>>;
    readonly address: Address;
    readonly clients: Connection<T>[];
    readonly accepted: Connection<T>[];
  }

  async function join({ server, address }: Pick<Crowd, 'server' | 'address'>, options: ConnectionOptions = {}) {
    const client = await stage().connection(options).connect(address.host, address.port);
    return { client, accepted: await server.getConnection() };
  }

  async function crowd(count: number, options: Omit<ServerOptions, 'port'> = {}): Promise<Crowd> {
    const started = await stage().started({ port: 0, ...options });
    const pairs: Awaited<ReturnType<typeof join>>[] = [];
    while (pairs.length < count) pairs.push(await join(started));
    return { ...started, clients: pairs.map(({ client }) => client), accepted: pairs.map(({ accepted }) => accepted) };
  }

  /** One client that reads, and one that does not and whose send queue is full of broadcast messages, the last of which has the number `last`. */
  async function withSlowClient(slowPeers?: SlowPeers) {
    const { server, address, clients } = await crowd(1, { sendQueue: { maxMessages: 4 }, writeTimeoutMs: 0 });
    const { client: frozen, accepted: slow } = await join({ server, address }, { receiveQueue: { maxMessages: 1 } });
    const warnings = record(slow, ['warning']);
    const reader = clients[0] as Connection<T>;
    let last = 0;
    const next = async (policy = slowPeers) => {
      last++;
      const result = await server.broadcast(numbered(last, largeBytes).value, { slowPeers: policy });
      expect(isLarge(last, await reader.getData())).toBe(true);
      return result;
    };
    while ((await next('drop-newest')).dropped === 0) if (last > 5000) throw new Error('the queue never fills up');
    return { server, slow, frozen, warnings, next, last: () => last };
  }

  /** All messages that a client gets until the server closes its connection. */
  async function rest(client: Connection<T>, slow: Connection<T>): Promise<unknown[]> {
    const received: unknown[] = [];
    const reading = (async () => {
      for await (const data of client) received.push(data);
    })();
    await slow.close();
    await reading;
    return received;
  }

  test('a broadcast reaches every client, and resolves with their number', async () => {
    const { server, clients } = await crowd(3);
    for (const { value, data } of stage().subject.samples) {
      expect(await server.broadcast(value)).toEqual({ queued: 3, dropped: 0 });
      for (const client of clients) expect(await client.getData()).toEqual(data);
    }
  });

  test('except and filter select the clients', async () => {
    const { server, clients, accepted } = await crowd(3);
    const [first, second] = accepted as [Connection<T>, Connection<T>];
    const send = (n: number, options: object) => server.broadcast(numbered(n).value, options);
    expect(await send(1, { except: first })).toEqual({ queued: 2, dropped: 0 });
    expect(await send(2, { except: [first, second] })).toEqual({ queued: 1, dropped: 0 });
    expect(await send(3, { except: new Set(accepted) })).toEqual({ queued: 0, dropped: 0 });
    const filter = (connection: Connection<T>) => connection === second;
    expect(await send(4, { filter })).toEqual({ queued: 1, dropped: 0 });
    expect(await send(5, { filter, except: second })).toEqual({ queued: 0, dropped: 0 });
    await send(6, {});
    for (const [i, expected] of [[6], [1, 4, 6], [1, 2, 6]].entries()) {
      for (const n of expected) expect(await clients[i]?.getData()).toEqual(numbered(n).data);
    }
  });

  test('ordinary and broadcast messages arrive in the order of their calls', async () => {
    const { server, clients, accepted } = await crowd(1);
    for (let n = 1; n <= 40; n += 2) {
      void server.broadcast(numbered(n).value);
      void accepted[0]?.sendData(numbered(n + 1).value);
    }
    for (let n = 1; n <= 40; n++) expect(await clients[0]?.getData()).toEqual(numbered(n).data);
  });

  test("slowPeers 'drop-oldest', the default: a client that does not read misses the oldest messages, the others none", async () => {
    const { slow, frozen, warnings, next, last } = await withSlowClient();
    const before = slow.stats();
    for (let i = 1; i <= 10; i++) expect(await next()).toEqual({ queued: 2, dropped: 0 });
    expect(slow.stats()).toMatchObject({ sendQueueMessages: 4, droppedSending: before.droppedSending + 10 });
    expect(warnings).toMatchObject([
      { info: { code: 'ERR_SERPY_DROPPED', message: expect.stringContaining('broadcast') } },
    ]);
    const received = await rest(frozen, slow);
    expect(received.slice(-4).map((data, i) => isLarge(last() - 3 + i, data))).toEqual([true, true, true, true]);
  });

  test("slowPeers 'drop-oldest' drops no ordinary message, but the new one if nothing else can be dropped", async () => {
    const { slow, frozen, next } = await withSlowClient();
    const ordinary = [1001, 1002, 1003, 1004].map((n) => numbered(n));
    const sent = ordinary.map(({ value }) => trackPromise(slow.sendData(value))); // they wait for room
    for (let i = 0; i < 3; i++) await next();
    await waitFor(() => sent.every(({ settled }) => settled === 'resolved'));
    expect(await next()).toEqual({ queued: 1, dropped: 1 });
    const received = await rest(frozen, slow);
    expect(received.slice(-4)).toEqual(ordinary.map(({ data }) => data));
  });

  test("slowPeers 'drop-newest': a client that does not read misses the newest messages, and one warning reports a run", async () => {
    const { slow, frozen, warnings, next, last } = await withSlowClient('drop-newest');
    const newest = last() - 1;
    for (let i = 1; i <= 5; i++) expect(await next()).toEqual({ queued: 1, dropped: 1 });
    expect(slow.stats()).toMatchObject({ sendQueueMessages: 4, droppedSending: 6 });
    expect(warnings).toMatchObject([{ info: { code: 'ERR_SERPY_DROPPED' } }]);
    const received = await rest(frozen, slow);
    expect(received.every((data, i) => isLarge(i + 1, data))).toBe(true);
    expect(received).toHaveLength(newest);
  });

  test('a client that reads again gets all messages, and its next run of drops is reported again', async () => {
    const { slow, frozen, warnings, next, last } = await withSlowClient('drop-newest');
    const reader = frozen[Symbol.asyncIterator]();
    for (let n = 1; n < last(); n++) expect(isLarge(n, (await reader.next()).value)).toBe(true);
    await waitFor(() => slow.stats().sendQueueMessages === 0);
    if (stage().subject.lasting) return; // in a session a run ends with the next acknowledgement, whenever that is
    while ((await next()).dropped === 0) if (last() > 10_000) throw new Error('the queue never fills up');
    await waitFor(() => warnings.length === 2);
    expect(warnings).toMatchObject([{ info: { code: 'ERR_SERPY_DROPPED' } }, { info: { code: 'ERR_SERPY_DROPPED' } }]);
  });

  test("slowPeers 'disconnect' closes the connection with an error that says why", async () => {
    const { server, slow, next } = await withSlowClient();
    expect(await next('disconnect')).toEqual({ queued: 1, dropped: 1 });
    expect(slow.closeInfo?.error).toMatchObject({
      code: 'ERR_SERPY_QUEUE_FULL',
      message: expect.stringMatching(/^the peer was too slow for broadcast, which closed the connection/),
    });
    expect(slow.stats().droppedSending).toBe(2);
    expect(await next('disconnect')).toEqual({ queued: 1, dropped: 0 });
    expect(server.getConnectionsList()).toHaveLength(1);
  });

  test('a listener of the warning that closes the connection does no harm', async () => {
    const { server, address, clients } = await crowd(1, { sendQueue: { maxMessages: 1 }, writeTimeoutMs: 0 });
    const { accepted: slow } = await join({ server, address }, { receiveQueue: { maxMessages: 1 } });
    slow.on('warning', () => slow.destroy());
    for (let n = 1; slow.state !== 'closed'; n++) {
      await server.broadcast(numbered(n, largeBytes).value);
      expect(isLarge(n, await clients[0]?.getData())).toBe(true);
      if (n > 5000) throw new Error('the queue never fills up');
    }
    expect(await server.broadcast(numbered(1).value)).toEqual({ queued: 1, dropped: 0 });
  });

  test('a value that cannot be sent is refused once for all, and nothing is sent', async () => {
    const { server, clients } = await crowd(2);
    const refused = { code: 'ERR_SERPY_VALUE' };
    await expect(server.broadcast(undefined as never)).rejects.toMatchObject(refused);
    await expect(server.broadcast(Symbol() as never, { except: server }))
      .rejects.toMatchObject(refused)
      .catch(() => {});
    const { value, data } = numbered(1);
    await server.broadcast(value);
    for (const client of clients) expect(await client.getData()).toEqual(data);
    const empty = await stage().started();
    await expect(empty.server.broadcast(undefined as never)).rejects.toMatchObject(refused);
    expect(await empty.server.broadcast(value)).toEqual({ queued: 0, dropped: 0 });
  });

  stage.inMemory('a message beyond the maxMessageBytes of the server is refused', async () => {
    const { server } = await crowd(1, { maxMessageBytes: 100 });
    await expect(server.broadcast(numbered(1, 101).value)).rejects.toMatchObject({ code: 'ERR_SERPY_TOO_LARGE' });
  });

  stage.inMemory('wrong options, a server that was not started and a closed one are refused', async () => {
    const { server, accepted } = await crowd(1);
    const { value } = numbered(1);
    for (const [options, words] of [
      [{ excpet: accepted }, /did you mean except/],
      [{ except: 'all' }, /except takes a connection/],
      [{ except: [1] }, /except takes a connection/],
      [{ except: null }, /except takes a connection/],
      [{ filter: true }, /filter takes a function/],
      [{ slowPeers: 'wait' }, /slowPeers takes 'drop-oldest' or 'drop-newest' or 'disconnect'/],
      [{ send: 1 }, /send takes an object/],
      [null, /the options of broadcast/],
    ] as const) {
      await expect(server.broadcast(value, options as never)).rejects.toMatchObject({
        code: 'ERR_SERPY_OPTION',
        message: expect.stringMatching(words),
      });
    }
    const fresh = stage().server({ port: 0 });
    await expect(fresh.broadcast(value)).rejects.toMatchObject({ code: 'ERR_SERPY_NOT_CONNECTED' });
    await server.closeServer();
    await expect(server.broadcast(value)).rejects.toMatchObject({ code: 'ERR_SERPY_CLOSED' });
  });

  stage.inMemory('a filter that throws rejects the broadcast, and nothing is sent', async () => {
    const { server, clients } = await crowd(2);
    let calls = 0;
    const filter = () => {
      if (++calls === 2) throw new RangeError('no');
      return true;
    };
    await expect(server.broadcast(numbered(1).value, { filter })).rejects.toThrow('no');
    await server.broadcast(numbered(2).value);
    for (const client of clients) expect(await client.getData()).toEqual(numbered(2).data);
  });

  test('a loop that awaits each broadcast leaves time for everything else', async () => {
    const { server } = await crowd(1);
    let turned = false;
    setImmediate(() => {
      turned = true;
    });
    for (let i = 0; i < 3; i++) await server.broadcast(numbered(1).value);
    expect(turned).toBe(true);
  });
}
