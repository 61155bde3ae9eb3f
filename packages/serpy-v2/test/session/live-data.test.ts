/** Live data in sessions: what a queue has dropped counts as taken, and what was accepted arrives although later messages are dropped. */
import type { MemoryNetwork } from 'serpy-core/testing';
import type { Connection, ConnectionOptions, ServerOptions } from 'serpy-v2';
import { describe, expect, test } from 'vitest';
import { stages } from './stage.js';

const stage = stages();
let network: MemoryNetwork;
let client: Connection;

async function pair(options: ConnectionOptions = {}, serverOptions: Partial<ServerOptions> = {}) {
  network = stage().network;
  const made = await stage().pair(options, serverOptions);
  client = made.client;
  return made.accepted;
}

/** Resolves when the condition holds. */
async function until(condition: () => boolean): Promise<void> {
  for (let turn = 0; !condition(); turn++) {
    if (turn > 10_000) throw new Error('the condition never came true');
    await new Promise((resolve) => setImmediate(resolve));
  }
}

test("keep 'latest': what newer messages replace counts as taken, and what waits as received", async () => {
  const accepted = await pair({}, { keep: 'latest' });
  const replaced = [1, 2, 3].map((n) => client.sendData(n, { acknowledge: 'consumed' }));
  let last: boolean | undefined;
  expect(await client.sendData(4, { acknowledge: 'received' })).toBe(true);
  const waiting = client.sendData(5, { acknowledge: 'consumed' }).then((taken) => {
    last = taken;
  });
  expect(await Promise.all(replaced)).toEqual([true, true, true]);
  expect(last).toBeUndefined();
  expect(await accepted.getData()).toBe(5);
  await waiting;
  expect(last).toBe(true);
  expect(accepted.stats().droppedReceiving).toBe(4);
});

test("keep 'latest': neither window nor replay buffer of the sender fills up while the program reads nothing", async () => {
  const accepted = await pair(
    { replayQueue: { maxMessages: 100 }, sendQueue: { maxMessages: 10 } },
    { keep: 'latest' },
  );
  for (let n = 0; n < 5000; n++) await client.sendData(n);
  await client.sendData(5000, { acknowledge: 'received' });
  expect(accepted.stats()).toMatchObject({ receiveQueueMessages: 1, droppedReceiving: 5000 });
  expect(await accepted.getData()).toBe(5000);
});

test('keep by kind: a replaced message counts as taken only when a later one is, and never takes an earlier one with it', async () => {
  const accepted = await pair({}, { keep: { numbers: 'latest' } });
  const taken: unknown[] = [];
  const watch = (value: string | number) =>
    void client.sendData(value, { acknowledge: 'consumed' }).then(() => taken.push(value));
  for (const value of ['text', 1, 2, 'more']) watch(value);
  expect(await client.sendData(3, { acknowledge: 'received' })).toBe(true);
  await until(() => accepted.stats().droppedReceiving === 2);
  expect(await client.sendData(4, { acknowledge: 'received' })).toBe(true);
  expect(taken).toEqual([]);
  expect(await accepted.getData()).toBe('text');
  await until(() => taken.length > 0);
  expect(taken).toEqual(['text']);
  expect(await accepted.getData()).toBe('more');
  await until(() => taken.length === 4);
  expect(taken).toEqual(['text', 1, 2, 'more']);
  expect([...accepted]).toEqual([4]);
});

test('keep by kind: a message beyond the bytes of the receive queue is still replaced by the next', async () => {
  const accepted = await pair({}, { keep: { bytes: 'latest' }, receiveQueue: { maxBytes: 1000 } });
  for (let n = 0; n < 50; n++) await client.sendData(Buffer.alloc(100_000, n));
  await client.sendData('end', { acknowledge: 'received' });
  expect(accepted.stats()).toMatchObject({ receiveQueueMessages: 2, droppedReceiving: 49 });
  expect((await accepted.getData()) as Buffer).toHaveLength(100_000);
  expect(await accepted.getData()).toBe('end');
});

describe('a receive queue that drops acknowledges what it has dropped, counts it and warns of it', () => {
  /** Sends a message of which it is noted when it was taken or dropped. */
  function watched(value: string, taken: string[]): Promise<void> {
    return client.sendData(value, { acknowledge: 'consumed' }).then((result) => {
      taken.push(`${value} ${result}`);
    });
  }

  test("'drop-newest': as received at once, and as processed when all before it has been taken", async () => {
    const accepted = await pair({}, { receiveQueue: { maxMessages: 1, whenFull: 'drop-newest' } });
    const warnings: unknown[] = [];
    accepted.on('warning', ({ code }) => warnings.push(code));
    const taken: string[] = [];
    const both = [watched('kept', taken), watched('dropped', taken)];
    expect(await client.sendData('dropped too', { acknowledge: 'received' })).toBe(true);
    expect(await client.sendData('and too', { acknowledge: 'consumed', timeoutMs: 1000 })).toBe(false);
    expect(taken).toEqual([]);
    expect(accepted.stats()).toMatchObject({ receiveQueueMessages: 1, droppedReceiving: 3 });
    expect(warnings).toEqual(['ERR_SERPY_DROPPED']);
    expect(await accepted.getData()).toBe('kept');
    await Promise.all(both); // without a further message
    expect(taken).toEqual(['kept true', 'dropped true']);
    expect(accepted.isDataAvailable()).toBe(false);
    expect(await client.close()).toBeUndefined();
    expect(accepted.closeInfo).toMatchObject({ clean: true });
  });

  test("'drop-newest': messages behind a dropped one need not be read, and do not count as consumed", async () => {
    const accepted = await pair({}, { receiveQueue: { maxMessages: 2, whenFull: 'drop-newest' } });
    const taken: string[] = [];
    const first = [watched('1', taken), watched('2', taken), watched('dropped', taken)];
    await client.sendData('dropped too', { acknowledge: 'received' });
    expect(await accepted.getData()).toBe('1');
    const last = watched('3', taken);
    await client.sendData('dropped at last', { acknowledge: 'received' });
    expect(taken).toEqual(['1 true']);
    expect(await accepted.getData()).toBe('2');
    await Promise.all(first);
    expect(await client.sendData('4', { acknowledge: 'received' })).toBe(true);
    expect(taken).toEqual(['1 true', '2 true', 'dropped true']);
    expect([...accepted]).toEqual(['3', '4']);
    await last;
  });

  test("'drop-newest': also what was dropped before a link broke", async () => {
    const reconnect = { baseDelayMs: 1, maxDelayMs: 1 };
    const accepted = await pair({ reconnect }, { receiveQueue: { maxMessages: 1, whenFull: 'drop-newest' } });
    const taken: string[] = [];
    const both = [watched('kept', taken), watched('dropped', taken)];
    await client.sendData('dropped too', { acknowledge: 'received' });
    network.links.at(-1)?.reset();
    expect([...accepted]).toEqual(['kept']);
    await Promise.all(both);
    expect(taken).toEqual(['kept true', 'dropped true']);
  });

  test("'drop-oldest': as processed as soon as it is dropped", async () => {
    const accepted = await pair({}, { receiveQueue: { maxMessages: 1, whenFull: 'drop-oldest' } });
    const taken: string[] = [];
    const dropped = watched('dropped', taken);
    const kept = watched('kept', taken);
    await dropped;
    expect(taken).toEqual(['dropped true']);
    expect(accepted.stats()).toMatchObject({ receiveQueueMessages: 1, droppedReceiving: 1 });
    expect(await accepted.getData()).toBe('kept');
    await kept;
  });
});

test.each([
  ['client', () => client],
  ['server', (accepted: Connection) => accepted],
])(
  "whenOffline 'drop' at the %s: what was accepted is sent again, what comes while the peer is away is dropped",
  async (_, end) => {
    const reconnect = { baseDelayMs: 1, maxDelayMs: 1 };
    const accepted = await pair({ whenOffline: 'drop', reconnect }, { whenOffline: 'drop' });
    await client.sendData('begin', { acknowledge: 'consumed', timeoutMs: 0 });
    const [sender, receiver] = end(accepted) === client ? [client, accepted] : [accepted, client];
    const warnings: unknown[] = [];
    sender.on('warning', ({ code }) => warnings.push(code));
    expect([...accepted]).toEqual(['begin']);
    network.links.at(-1)?.stall();
    for (let n = 1; n <= 3; n++) expect(await sender.sendData(n)).toBe(true); // on a wire that nobody hears
    network.clock.stop();
    network.links.at(-1)?.reset();
    await until(() => sender.state === 'reconnecting');
    for (let n = 4; n <= 6; n++) expect(await sender.sendData(n)).toBe(false);
    expect(sender.stats().droppedSending).toBe(3);
    expect(warnings).toEqual(['ERR_SERPY_DROPPED']);
    network.clock.runFreely();
    await until(() => sender.state === 'connected');
    expect(await sender.sendData(7)).toBe(true);
    const received = [];
    for (let n = 0; n < 4; n++) received.push(await receiver.getData());
    expect(received).toEqual([1, 2, 3, 7]);
  },
);

test("whenOffline 'drop': the next outage is reported, also if the link was up only for a short time", async () => {
  const accepted = await pair({ whenOffline: 'drop', reconnect: { baseDelayMs: 1, maxDelayMs: 1 } });
  const warnings: unknown[] = [];
  client.on('warning', ({ code }) => warnings.push(code));
  client.on('reconnecting', () => void client.sendData('dropped'));
  network.links.at(-1)?.stall();
  await client.sendData('kept');
  for (let outage = 1; outage <= 3; outage++) {
    client.once('reconnect', () => network.links.at(-1)?.stall());
    network.links.at(-1)?.reset();
    await until(() => client.stats().reconnects === outage);
    expect(warnings).toHaveLength(outage);
  }
  network.links.at(-1)?.reset();
  expect(await accepted.getData()).toBe('kept');
  expect(accepted.isDataAvailable()).toBe(false);
});

test("whenOffline 'drop': close() does not wait for a peer that would get nothing but what is dropped", async () => {
  const limits = { maxMessages: 2, maxBytes: 100 };
  await pair({ whenOffline: 'drop' }, { receiveQueue: limits });
  // Two of them, each with 14 bytes before it, fill the queue and what is read ahead.
  const size = (64 * 1024 + limits.maxBytes) / 2 - 14;
  const sent = [1, 2, 3, 4].map((n) =>
    client.sendData(Buffer.alloc(size, n), n < 3 ? { acknowledge: 'received' } : {}),
  );
  expect(await Promise.all(sent)).toEqual([true, true, true, true]);
  expect(client.stats().sendQueueMessages).toBe(2); // the window is full, and what is on the wire has arrived
  network.clock.stop();
  const closed = client.close();
  expect(client.state).toBe('closing');
  network.links.at(-1)?.reset();
  await closed; // time stands still
  expect(client.closeInfo).toMatchObject({ unsentMessages: 2, unacknowledgedMessages: 0 });
});
