/** Hubs between real servers and clients. */
import { type Connection, connect, generateKey, listen } from 'serpy';
import { encodeNpy } from 'serpy-arrays';
import { afterEach, describe, expect, test, vi } from 'vitest';
import { type Hub, type HubOptions, openHub } from '../src/index.js';

const closing: (() => unknown)[] = [];

afterEach(async () => {
  for (const close of closing.splice(0).reverse()) await close();
});

async function instrument(port = 0) {
  const server = await listen({ protocol: 'v2', port, closeTimeoutMs: 100 });
  closing.push(() => server.closeServer());
  return {
    server,
    url: `serpy2://127.0.0.1:${server.address.port}`,
    port: server.address.port,
    async send(...values: (string | number | Uint8Array)[]) {
      await vi.waitFor(() => expect(server.size).toBeGreaterThan(0));
      for (const value of values) for (const client of server) await client.sendData(value);
    },
  };
}

async function hubOf(options: HubOptions = {}): Promise<Hub> {
  const hub = await openHub(options);
  closing.push(() => hub.close());
  return hub;
}

async function client(port: number): Promise<Connection<'v2'>> {
  const connection = await connect({ protocol: 'v2', port, closeTimeoutMs: 100 });
  closing.push(() => connection.destroy());
  return connection;
}

async function take(source: AsyncIterator<{ readonly value: unknown }>, count: number): Promise<unknown[]> {
  const values: unknown[] = [];
  for (let at = 0; at < count; at++) values.push((await source.next()).value?.value);
  return values;
}

describe('a hub', () => {
  test('costs the instrument one connection for any number of consumers', async () => {
    const { url, send, server } = await instrument();
    const hub = await hubOf({ sources: { cam: url } });
    const consumers = Array.from({ length: 20 }, () => hub.consume({ policy: 'all' }));
    await send('a', 'b');
    for (const consumer of consumers) expect(await take(consumer, 2)).toEqual(['a', 'b']);
    expect(server.size).toBe(1);
  });

  test('gives a consumer that comes late the newest message of each kind at once', async () => {
    const { url, send } = await instrument();
    const hub = await hubOf({ sources: { cam: url } });
    const image = encodeNpy({ data: Uint16Array.of(1, 2), shape: [1, 2] });
    const first = hub.consume({ policy: 'all' });
    await send(1, 2, 'old', 'new', image);
    await take(first, 5);
    const late = hub.consume();
    expect(await take(late, 3)).toEqual([2, 'new', image]);
    expect(hub.consume({ replay: false }).stats().waiting).toBe(0);
  });

  test('a consumer that does not read costs the others nothing, and holds one message of each kind', async () => {
    const hub = await hubOf();
    const values = numbers(20_000);
    const frozen = hub.consume();
    const dropping = hub.consume({ policy: 'all', whenFull: 'drop-oldest', maxMessages: 10 });
    const healthy = hub.consume({ policy: 'all' });
    await hub.add('values', values);
    expect(await take(healthy, 20_000)).toEqual(Array.from({ length: 20_000 }, (_, n) => n));
    expect(frozen.stats()).toMatchObject({ waiting: 1, dropped: 19_999 });
    expect(dropping.stats()).toMatchObject({ waiting: 10, dropped: 19_990 });
  });

  test('a consumer with back-pressure throttles its source until it reads', async () => {
    let produced = 0;
    async function* values() {
      for (; produced < 100; produced++) yield produced;
    }
    const hub = await hubOf();
    const slow = hub.consume({ policy: 'all', maxMessages: 5 });
    const other = hub.consume();
    await hub.add('values', values());
    await vi.waitFor(() => expect(slow.stats().waiting).toBe(5));
    expect(produced).toBeLessThan(10);
    expect(await take(slow, 100)).toEqual(Array.from({ length: 100 }, (_, n) => n));
    expect(other.stats().waiting).toBe(1);
  });

  test('closes a consumer that throttles its source for too long, and the source continues', async () => {
    const hub = await hubOf({ stallTimeoutMs: 30 });
    const stalled = hub.consume({ policy: 'all', maxMessages: 5 });
    const healthy = hub.consume({ policy: 'all' });
    await hub.add('values', numbers(100));
    expect(await take(healthy, 100)).toHaveLength(100);
    await expect(stalled.next()).rejects.toMatchObject({ code: 'ERR_SERPY_QUEUE_FULL' });
    expect(hub.size).toBe(1);
  });

  test('connects to an instrument that starts later, and again after it was away', async () => {
    const first = await instrument();
    await first.server.closeServer();
    const hub = await hubOf({ sources: { cam: first.url } });
    const source = hub.sources.get('cam');
    await vi.waitFor(() => expect(source?.status().problem).toMatch(/./));
    expect(source?.status()).toMatchObject({ state: 'connecting', url: first.url });
    const consumer = hub.consume({ policy: 'all' });
    const second = await instrument(first.port);
    await second.send('hello');
    expect(await take(consumer, 1)).toEqual(['hello']);
    expect(source?.status()).toMatchObject({ state: 'connected', problem: undefined, protocol: 'v2', messages: 1 });
    await second.server.closeServer();
    await vi.waitFor(() => expect(source?.status().state).toBe('reconnecting'));
    const third = await instrument(first.port);
    await third.send('again');
    expect(await take(consumer, 1)).toEqual(['again']);
    expect(source?.status().reconnects).toBeGreaterThan(0);
  });

  test('shows no key in the address of a source', async () => {
    const hub = await hubOf();
    await hub.add('cam', { protocol: 'v2', host: '127.0.0.1', port: 9, key: generateKey() });
    expect(hub.sources.get('cam')?.status().url).toBe('serpy2+tls://127.0.0.1:9');
  });

  test('refuses wrong options and names', async () => {
    await expect(openHub({ source: 'x' } as HubOptions)).rejects.toThrow('did you mean sources?');
    await expect(openHub({ stallTimeoutMs: 0 })).rejects.toMatchObject({ code: 'ERR_SERPY_OPTION' });
    await expect(openHub({ sources: { cam: 'http://x' } })).rejects.toMatchObject({ code: 'ERR_SERPY_OPTION' });
    const hub = await hubOf({ sources: { a: numbers(1) } });
    await expect(hub.add('a', numbers(1))).rejects.toThrow("there is a source 'a' already");
    expect(() => hub.consume({ sources: ['b'] })).toThrow("there is no source 'b': the sources are a");
  });

  test('ends its consumers when it closes, after what waits for them', async () => {
    const hub = await hubOf({ sources: { a: numbers(3) } });
    const consumer = hub.consume({ policy: 'all', replay: false });
    await hub.add('b', numbers(3));
    await vi.waitFor(() => expect(consumer.stats().waiting).toBeGreaterThan(2));
    await hub.close();
    const values: unknown[] = [];
    for await (const { value } of consumer) values.push(value);
    expect(values.length).toBeGreaterThan(2);
    await expect(hub.add('c', numbers(1))).rejects.toThrow('the hub is closed');
  });

  test('reports an iterable that fails, and its other sources continue', async () => {
    const hub = await hubOf();
    await hub.add('bad', failing());
    await vi.waitFor(() =>
      expect(hub.sources.get('bad')?.status()).toMatchObject({ state: 'closed', problem: 'no sensor' }),
    );
    await hub.add('good', numbers(1));
    expect(await take(hub.consume({ sources: ['good'] }), 1)).toEqual([0]);
  });
});

describe('a server of a hub', () => {
  test('forwards numbers, texts, bytes and arrays to each client, as the policy says', async () => {
    const { url, send } = await instrument();
    const hub = await hubOf({ sources: { cam: url } });
    const { address, stats } = await hub.serve({ protocol: 'v2', port: 0 }, { consumers: { policy: 'all' } });
    const clients = await Promise.all([client(address.port), client(address.port)]);
    await vi.waitFor(() => expect(stats().clients).toBe(2));
    const image = encodeNpy({ data: Float32Array.of(1, 2, 3, 4), shape: [2, 2] });
    await send(5, 2.5, 'text', image);
    for (const each of clients) {
      const messages = [];
      for (let at = 0; at < 4; at++) messages.push(await each.getMessage());
      expect(messages.map(({ type }) => type)).toEqual(['int', 'float', 'str', 'bytes']);
      expect(messages.at(-1)?.value).toEqual(image);
    }
  });

  test('gives a client that comes late the newest message of each kind', async () => {
    const { url, send } = await instrument();
    const hub = await hubOf({ sources: { cam: url } });
    const { address } = await hub.serve('serpy2://127.0.0.1:0');
    const watch = hub.consume({ policy: 'all' });
    await send(1, 'text', 2);
    await take(watch, 3);
    const late = await client(address.port);
    expect([await late.getData(), await late.getData()]).toEqual([2, 'text']);
  });

  test('a client that does not read misses messages, and the others get all', async () => {
    const image = encodeNpy({ data: new Uint8Array(1_000_000), shape: [1000, 1000] });
    const gate = gated(image, 60);
    const hub = await hubOf({ sources: { cam: gate.values } });
    const server = await hub.serve({ protocol: 'v2', port: 0 });
    const all = await hub.serve({ protocol: 'v2', port: 0 }, { consumers: { policy: 'all' } });
    const frozen = await connect({ protocol: 'v2', port: server.address.port, receiveQueue: { maxMessages: 1 } });
    closing.push(() => frozen.destroy());
    const healthy = await client(all.address.port);
    await vi.waitFor(() => expect(server.stats().clients + all.stats().clients).toBe(2));
    gate.open();
    for (let at = 0; at < 60; at++) expect(await healthy.getData()).toHaveLength(image.length);
    await vi.waitFor(() => expect(server.stats().dropped).toBeGreaterThan(20));
    expect(all.stats()).toMatchObject({ dropped: 0, forwarded: 60 });
  });

  test('ignores and counts what clients send: the instrument gets nothing', async () => {
    const { url, server } = await instrument();
    const hub = await hubOf({ sources: { cam: url } });
    const served = await hub.serve({ protocol: 'v2', port: 0 });
    const talker = await client(served.address.port);
    for (let at = 0; at < 50; at++) await talker.sendData('reset');
    await vi.waitFor(() => expect(served.stats().ignored).toBe(50));
    for (const connection of server) expect(connection.stats().messagesReceived).toBe(0);
  });

  test('sends requests of clients to the instrument one at a time, and each answer to the client that asked', async () => {
    const { url, server } = await instrument();
    let [running, most] = [0, 0];
    server.onRequest(async (value) => {
      most = Math.max(most, ++running);
      await new Promise((resolve) => setImmediate(resolve));
      running--;
      return `${String(value)}!`;
    });
    const hub = await hubOf({ sources: { cam: url } });
    const served = await hub.serve({ protocol: 'v2', port: 0 }, { requests: true });
    await vi.waitFor(() => expect(hub.sources.get('cam')?.connection?.inSession).toBe(true));
    const clients = await Promise.all([client(served.address.port), client(served.address.port)]);
    const questions = clients.flatMap((each, at) => [each.request(`a${at}`), each.request(`b${at}`)]);
    expect(await Promise.all(questions)).toEqual(['a0!', 'b0!', 'a1!', 'b1!']);
    expect(most).toBe(1);
    await server.closeServer();
    await vi.waitFor(() => expect(hub.sources.get('cam')?.status().state).toBe('reconnecting'));
    await expect(clients[0]?.request('c')).rejects.toMatchObject({ code: 'ERR_SERPY_REQUEST_FAILED' });
  });

  test('refuses requests by default, and where there are several sources', async () => {
    const { url } = await instrument();
    const hub = await hubOf({ sources: { a: url, b: url } });
    for (const requests of [true, false]) {
      const { address } = await hub.serve({ protocol: 'v2', port: 0 }, { requests });
      const asking = (await client(address.port)).request('x', { timeoutMs: 5000 });
      await expect(asking).rejects.toMatchObject({ code: 'ERR_SERPY_REQUEST_FAILED' });
    }
  });

  test('forgets a client that disconnects', async () => {
    const hub = await hubOf({ sources: { a: numbers(1) } });
    const served = await hub.serve({ protocol: 'v2', port: 0 });
    const one = await client(served.address.port);
    await vi.waitFor(() => expect(served.stats().clients).toBe(1));
    await one.close();
    await vi.waitFor(() => expect([served.stats().clients, hub.size]).toEqual([0, 0]));
  });

  test('refuses a policy with an error for the program, before a client connects', async () => {
    const hub = await hubOf();
    await expect(hub.serve({ protocol: 'v2', port: 0 }, { consumers: { maxMessages: 0 } })).rejects.toMatchObject({
      code: 'ERR_SERPY_OPTION',
    });
  });
});

async function* numbers(count: number): AsyncGenerator<number> {
  for (let number = 0; number < count; number++) yield number;
}

/** Values that begin when the gate opens. */
function gated<T>(value: T, count: number) {
  let open = () => {};
  const opened = new Promise<void>((resolve) => {
    open = resolve;
  });
  async function* values() {
    await opened;
    for (let at = 0; at < count; at++) {
      yield value;
      await new Promise((resolve) => setImmediate(resolve));
    }
  }
  return { values: values(), open };
}

async function* failing(): AsyncGenerator<number> {
  yield 1;
  throw new Error('no sensor');
}

describe('metadata of messages', () => {
  const about = { name: 'camera', unit: 'counts', axes: ['y', 'x'] };

  test('reach consumers in this program and clients with a session; others get the message without them', async () => {
    const { url, server } = await instrument();
    const hub = await hubOf({ sources: { cam: url } });
    const consumer = hub.consume({ policy: 'all' });
    const serving = await hub.serve({ protocol: 'auto', port: 0 }, { consumers: { policy: 'all' } });
    const readers = [
      await connect({ protocol: 'v2', port: serving.address.port, closeTimeoutMs: 100 }),
      await connect({ protocol: 'v2', session: 'off', port: serving.address.port, closeTimeoutMs: 100 }),
    ];
    for (const reader of readers) {
      closing.push(() => reader.destroy());
      await reader.sendData('here');
    }
    await vi.waitFor(() => expect(server.size).toBe(1));
    await vi.waitFor(() => expect(serving.stats().clients).toBe(2));
    for (const client of server) {
      await client.sendData({ data: Uint16Array.of(1, 2), shape: [1, 2] }, { about });
      await client.sendData(21.5, { about: { unit: 'K' } });
    }
    for (let at = 0; at < 2; at++)
      expect((await consumer[Symbol.asyncIterator]().next()).value?.about).toEqual(at === 0 ? about : { unit: 'K' });
    const [inSession, without] = readers as [Connection<'v2'>, Connection<'v2'>];
    expect((await inSession.getMessage()).about).toEqual(about);
    expect(await inSession.getMessage()).toMatchObject({ value: 21.5, about: { unit: 'K' } });
    expect((await without.getMessage()).about).toBeUndefined();
    expect(await without.getMessage()).toMatchObject({ value: 21.5 });
  });

  test('a consumer of the latest has the newest of each name; a peer cannot fill the memory with names', async () => {
    const { url, server } = await instrument();
    const hub = await hubOf({ sources: { lab: url } });
    const early = hub.consume();
    await vi.waitFor(() => expect(server.size).toBe(1));
    for (const client of server) {
      await client.sendData(1, { about: { name: 'temperature' } });
      await client.sendData(2, { about: { name: 'pressure' } });
      await client.sendData(3, { about: { name: 'temperature' } });
      for (let n = 0; n < 500; n++) await client.sendData(n, { about: { name: `name ${n}` } });
      await client.sendData('last');
    }
    await vi.waitFor(() => expect(hub.sources.get('lab')?.status().messages).toBe(504));
    expect(early.stats().waiting).toBe(64 + 1 + 1);
    const late = hub.consume();
    expect(await take(late[Symbol.asyncIterator](), 2)).toEqual([3, 2]);
    expect(late.stats().waiting).toBe(64 + 1 + 1 - 2);
  });
});
