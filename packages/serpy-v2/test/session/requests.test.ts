/** Requests in a session: many at the same time, in both directions, each executed once and answered once. */
import { once } from 'node:events';
import { buffer } from 'node:stream/consumers';
import type { MemoryNetwork } from 'serpy-core/testing';
import type { Connection, ConnectionOptions, Server, ServerOptions } from 'serpy-v2';
import { expect, test } from 'vitest';
import { stages } from './stage.js';

const stage = stages();
const noTimeout = { timeoutMs: Number.POSITIVE_INFINITY };
let network: MemoryNetwork;
let server: Server;
let client: Connection;
let accepted: Connection;

async function pair(options: ConnectionOptions = {}, serverOptions: Partial<ServerOptions> = {}) {
  network = stage().network;
  const reconnect = { baseDelayMs: 1, maxDelayMs: 5, minDelayMs: 0 };
  ({ server, client, accepted } = await stage().pair({ reconnect, ...options }, serverOptions));
}

/** A handler that holds its answers until they are released, in any order. */
function holding() {
  const held = new Map<unknown, (answer: string) => void>();
  const signals = new Map<unknown, AbortSignal>();
  const handler = (value: unknown, { signal }: { signal: AbortSignal }) => {
    signals.set(value, signal);
    return new Promise<string>((resolve) => held.set(value, resolve));
  };
  return { held, signals, handler };
}

async function until(condition: () => boolean): Promise<void> {
  while (!condition()) await new Promise((resolve) => setImmediate(resolve));
}

test('answers come in any order, and each goes to its request', async () => {
  await pair();
  const { held, handler } = holding();
  server.onRequest(handler);
  const answers = Array.from({ length: 100 }, (_, n) => client.request(n, noTimeout));
  await until(() => held.size === 100);
  for (const [value, resolve] of [...held].reverse()) resolve(`answer ${value}`);
  expect(await Promise.all(answers)).toEqual(answers.map((_, n) => `answer ${n}`));
});

test('both ends ask at the same time, beside messages and streams', async () => {
  await pair();
  server.onRequest((value) => `server ${value}`);
  client.onRequest((value) => `client ${value}`);
  const stream = client.sendStream([Buffer.alloc(1_000_000, 7)]);
  const results = [];
  for (let n = 0; n < 100; n++) {
    results.push(client.request(n, noTimeout), accepted.request(n, noTimeout));
    void client.sendData(`message ${n}`);
    void accepted.sendData(`message ${n}`);
  }
  expect((await buffer(await accepted.getStream())).length).toBe(1_000_000);
  const expected = Array.from({ length: 100 }, (_, n) => [`server ${n}`, `client ${n}`]).flat();
  expect(await Promise.all(results)).toEqual(expected);
  for (let n = 0; n < 100; n++) {
    expect(await client.getData()).toBe(`message ${n}`);
    expect(await accepted.getData()).toBe(`message ${n}`);
  }
  expect(await stream).toBe(true);
});

test('a handler may ask the peer back before it answers', async () => {
  await pair();
  client.onRequest((value) => `${value}!`);
  server.onRequest(async (value, { connection }) => `${await connection.request(`who says ${value}`, noTimeout)}`);
  expect(await client.request('hello', noTimeout)).toBe('who says hello!');
});

test('an array is asked and answered', async () => {
  await pair();
  server.onRequest((value) => value as Buffer);
  const data = new Float64Array(10_000).map((_, n) => n / 3);
  const answer = (await client.request({ data, shape: [100, 100] }, noTimeout)) as Buffer;
  const elements = answer.subarray(answer.length - data.byteLength);
  expect(Buffer.from(data.buffer).equals(elements)).toBe(true);
  expect(elements.byteOffset % 8).toBe(0);
});

test('a handler that throws or rejects is an error at the peer, with its message and code', async () => {
  await pair();
  server.onRequest(async (value) => {
    if (value === 'thrown') throw Object.assign(new Error('the shutter\nis stuck'), { code: 'ESHUTTER' });
    if (value === 'text') throw 'only text';
    if (value === 'long') throw new Error('x'.repeat(100_000));
    if (value === 'odd') throw Object.create(null);
    return Symbol('no value') as never;
  });
  await expect(client.request('thrown', noTimeout)).rejects.toMatchObject({
    code: 'ERR_SERPY_REQUEST_FAILED',
    message: 'the peer did not answer the request: the shutter\\nis stuck',
    peerMessage: 'the shutter\\nis stuck',
    peerCode: 'ESHUTTER',
  });
  await expect(client.request('text', noTimeout)).rejects.toMatchObject({
    peerMessage: 'only text',
    peerCode: undefined,
  });
  const long = await client.request('long', noTimeout).catch((error) => error);
  expect(long.peerMessage.length).toBeLessThanOrEqual(1024);
  await expect(client.request('odd', noTimeout)).rejects.toMatchObject({ code: 'ERR_SERPY_REQUEST_FAILED' });
  await expect(client.request('value', noTimeout)).rejects.toMatchObject({ peerCode: 'ERR_SERPY_VALUE' });
});

test('a handler without a value is an error at the peer', async () => {
  await pair();
  server.onRequest(() => {});
  await expect(client.request('x', noTimeout)).rejects.toMatchObject({
    code: 'ERR_SERPY_REQUEST_FAILED',
    message: expect.stringContaining('returned no value'),
  });
});

test('without a handler a request waits for one second, and then says what to do', async () => {
  await pair();
  network.clock.stop();
  let error: unknown;
  const asked = client.request('x', noTimeout).catch((reason) => {
    error = reason;
  });
  await network.clock.advance(900);
  expect(error).toBeUndefined();
  await network.clock.advance(200);
  await asked;
  expect(error).toMatchObject({
    code: 'ERR_SERPY_REQUEST_FAILED',
    message: expect.stringContaining('call onRequest there'),
  });
});

test.each(['timeout', 'signal'])(
  'a request that is given up (%s) aborts its handler, and a late answer is ignored',
  async (how) => {
    await pair();
    const { held, signals, handler } = holding();
    server.onRequest(handler);
    const controller = new AbortController();
    const options = how === 'timeout' ? { timeoutMs: 5 } : { signal: controller.signal, ...noTimeout };
    network.clock.stop();
    const asked = client.request('slow', options);
    asked.catch(() => {});
    await until(() => held.size === 1);
    if (how === 'signal') controller.abort();
    else await network.clock.advance(10);
    await expect(asked).rejects.toMatchObject({ code: how === 'timeout' ? 'ERR_SERPY_TIMEOUT' : 'ERR_SERPY_ABORTED' });
    await until(() => signals.get('slow')?.aborted === true);
    held.get('slow')?.('too late');
    const next = client.request('next', noTimeout);
    await until(() => held.size === 2);
    held.get('next')?.('in time');
    expect(await next).toBe('in time');
    expect(client.isDataAvailable()).toBe(false);
  },
);

test('a request is executed once and answered once over links that break', async () => {
  await pair();
  const executed: unknown[] = [];
  server.onRequest(async (value) => {
    executed.push(value);
    if (executed.length % 7 === 0) network.links.at(-1)?.reset();
    await new Promise((resolve) => setImmediate(resolve));
    return `done ${value}`;
  });
  const answers = await Promise.all(Array.from({ length: 100 }, (_, n) => client.request(n, noTimeout)));
  expect(answers).toEqual(Array.from({ length: 100 }, (_, n) => `done ${n}`));
  expect(executed).toEqual(Array.from({ length: 100 }, (_, n) => n));
  expect(client.stats().reconnects).toBeGreaterThan(3);
});

test('a session that is lost ends the requests that were sent, and aborts their handlers', async () => {
  await pair();
  const { held, signals, handler } = holding();
  accepted.onRequest(handler);
  const asked = client.request('x', noTimeout);
  asked.catch(() => {});
  await until(() => held.size === 1);
  await server.close();
  accepted.destroy();
  const next = await stage().server();
  next.onRequest((value) => `new ${value}`);
  await expect(asked).rejects.toMatchObject({ code: 'ERR_SERPY_LOST' });
  expect(signals.get('x')?.aborted).toBe(true);
  held.get('x')?.('of the old session');
  expect(await client.request('y', noTimeout)).toBe('new y');
});

test('a request that was not sent survives the loss of its session', async () => {
  await pair();
  await server.close();
  accepted.destroy();
  await once(client, 'disconnect');
  const asked = client.request('later', noTimeout);
  const next = await stage().server();
  next.onRequest((value) => `new ${value}`);
  expect(await asked).toBe('new later');
});

test('a request that was not sent is sent without a session if the next server has none', async () => {
  await pair();
  await server.close();
  accepted.destroy();
  await once(client, 'disconnect');
  const asked = [client.request('one', noTimeout), client.request('two', noTimeout)];
  const next = await stage().server({ session: 'off' });
  next.onRequest((value) => `plain ${value}`);
  expect(await Promise.all(asked)).toEqual(['plain one', 'plain two']);
});

test('bytes that the program changes after request are sent as they were, with a session and without one', async () => {
  await pair();
  await server.close();
  accepted.destroy();
  await once(client, 'disconnect');
  const bytes = Buffer.from('before');
  const asked = client.request(bytes, noTimeout);
  bytes.fill('x');
  const next = await stage().server({ session: 'off' });
  next.onRequest((value) => `${value}`);
  expect(await asked).toBe('before');
});

test('unanswered requests count as unread messages: their sender waits, and nothing is lost', async () => {
  await pair({}, { receiveQueue: { maxMessages: 10 } });
  const { held, handler } = holding();
  accepted.onRequest(handler);
  const asked = Array.from({ length: 1000 }, (_, n) => client.request(n, noTimeout));
  for (let n = 0; n < 200; n++) await new Promise((resolve) => setImmediate(resolve));
  expect(held.size).toBeLessThanOrEqual(10);
  let done = 0;
  while (done < 1000) {
    for (const [value, resolve] of held) {
      held.delete(value);
      done++;
      resolve(`done ${value}`);
    }
    await new Promise((resolve) => setImmediate(resolve));
  }
  expect(await Promise.all(asked)).toEqual(asked.map((_, n) => `done ${n}`));
});

test('at most 256 handlers run at the same time', async () => {
  await pair();
  let [running, most] = [0, 0];
  server.onRequest(async (value) => {
    most = Math.max(most, ++running);
    await new Promise((resolve) => setImmediate(resolve));
    running--;
    return value as number;
  });
  await Promise.all(Array.from({ length: 1024 }, (_, n) => client.request(n, noTimeout)));
  expect(most).toBe(256);
});

test('requests do not change what sendData reports about consumed messages', async () => {
  await pair();
  server.onRequest((value) => value as string);
  const first = client.sendData('first', { acknowledge: 'consumed' });
  expect(await client.request('between', noTimeout)).toBe('between');
  const second = client.sendData('second', { acknowledge: 'consumed' });
  expect(await accepted.getData()).toBe('first');
  expect(await first).toBe(true);
  expect(await accepted.getData()).toBe('second');
  expect(await second).toBe(true);
});

test('a request that is too large for the peer, or whose answer is, fails alone', async () => {
  await pair({ maxMessageBytes: 10_000 }, { maxMessageBytes: 1000 });
  server.onRequest(() => 'x'.repeat(5000));
  await client.request('establish', noTimeout).catch(() => {});
  await expect(client.request('x'.repeat(2000), noTimeout)).rejects.toMatchObject({ code: 'ERR_SERPY_TOO_LARGE' });
  await expect(client.request('ask', noTimeout)).rejects.toMatchObject({ peerCode: 'ERR_SERPY_TOO_LARGE' });
});
