/** Streams: any number of bytes between the messages, over links that break, with bounded memory. */
import { once } from 'node:events';
import { Readable } from 'node:stream';
import { buffer } from 'node:stream/consumers';
import type { MemoryNetwork } from 'serpy-core/testing';
import type { Connection, ConnectionOptions, Server, ServerOptions } from 'serpy-v2';
import { expect, test } from 'vitest';
import { stages } from './stage.js';

const stage = stages();
let network: MemoryNetwork;
let server: Server;
let client: Connection;
let accepted: Connection;

async function pair(options: ConnectionOptions = {}, serverOptions: Partial<ServerOptions> = {}) {
  network = stage().network;
  const reconnect = { baseDelayMs: 1, maxDelayMs: 5, minDelayMs: 0 };
  ({ server, client, accepted } = await stage().pair({ reconnect, ...options }, serverOptions));
}

/** Chunks of sizes that fit nothing. */
function* chunks(count: number, size = 10_007) {
  for (let n = 0; n < count; n++) yield Buffer.alloc(size + (n % 13), n);
}
const whole = (count: number, size?: number) => Buffer.concat([...chunks(count, size)]);

test('a stream arrives as it was sent, and sendStream says so when it has', async () => {
  await pair();
  const bytes = whole(200);
  const sent = client.sendStream(Readable.from(chunks(200)), { sizeBytes: bytes.length });
  const stream = await accepted.getStream();
  expect(stream.sizeBytes).toBe(bytes.length);
  expect((await buffer(stream)).equals(bytes)).toBe(true);
  expect(await sent).toBe(true);
});

test('the size need not be known, and a stream may be empty', async () => {
  await pair();
  const sent = accepted.sendStream([]);
  const stream = await client.getStream();
  expect(stream.sizeBytes).toBeUndefined();
  expect((await buffer(stream)).length).toBe(0);
  expect(await sent).toBe(true);
});

test('messages go their way between the parts of a stream, and streams side by side', async () => {
  await pair();
  let release: () => void = () => {};
  const held = new Promise<void>((resolve) => {
    release = resolve;
  });
  async function* slow() {
    yield Buffer.from('begun, ');
    await held;
    yield Buffer.from('and done');
  }
  const first = client.sendStream(slow());
  const second = client.sendStream([Buffer.from('the second')]);
  await client.sendData('a message');
  expect(await accepted.getData()).toBe('a message');
  const [one, two] = [await accepted.getStream(), await accepted.getStream()];
  expect(String(await buffer(two))).toBe('the second');
  release();
  expect(String(await buffer(one))).toBe('begun, and done');
  expect(await Promise.all([first, second])).toEqual([true, true]);
});

test('a stream continues over links that break', async () => {
  await pair();
  const bytes = whole(300, 30_000);
  let cuts = 0;
  async function* cutting() {
    for (const chunk of chunks(300, 30_000)) {
      yield chunk;
      if (++cuts % 40 === 0) network.links.at(-1)?.reset();
    }
  }
  const sent = client.sendStream(cutting());
  expect((await buffer(await accepted.getStream())).equals(bytes)).toBe(true);
  expect(await sent).toBe(true);
  expect(client.stats().reconnects).toBeGreaterThan(3);
});

test('a receiver that does not read a stream throttles the sender, in bounded memory', async () => {
  await pair({}, { receiveQueue: { maxBytes: 2_000_000 } });
  let made = 0;
  function* endless() {
    for (;;) {
      made += 100_000;
      yield Buffer.alloc(100_000, 1);
    }
  }
  const sent = client.sendStream(endless());
  sent.catch(() => {});
  const stream = await accepted.getStream();
  const seen = new Set<number>();
  while (!seen.has(made)) {
    seen.add(made);
    await network.clock.advance(1000);
  }
  expect(made).toBeLessThan(2_000_000 + 16 * 258_048 + 1_000_000);
  stream.destroy();
});

test('both ends report its progress', async () => {
  await pair();
  const reported: unknown[] = [];
  client.on('progress', (info) => reported.push(info));
  accepted.on('progress', (info) => reported.push(info));
  const sent = client.sendStream([Buffer.alloc(300_000)], { sizeBytes: 300_000 });
  await buffer(await accepted.getStream());
  await sent;
  for (const direction of ['send', 'receive']) {
    expect(reported).toContainEqual({ direction, of: 'stream', number: 0, doneBytes: 258_048, totalBytes: 300_000 });
    expect(reported).toContainEqual({ direction, of: 'stream', number: 0, doneBytes: 300_000, totalBytes: 300_000 });
  }
});

test.each([
  ['more', 10],
  ['only 20', 30],
])('a stream that has %s bytes than were announced fails at both ends', async (words, sizeBytes) => {
  await pair();
  const sent = client.sendStream([Buffer.alloc(20)], { sizeBytes });
  const stream = await accepted.getStream();
  await expect(buffer(stream)).rejects.toMatchObject({ code: 'ERR_SERPY_TRUNCATED' });
  await expect(sent).rejects.toMatchObject({ code: 'ERR_SERPY_VALUE', message: expect.stringContaining(words) });
});

test('a source that fails makes the stream fail at both ends, with its reason', async () => {
  await pair();
  async function* failing() {
    yield Buffer.from('some');
    throw new Error('the camera was unplugged');
  }
  const sent = client.sendStream(failing());
  const stream = await accepted.getStream();
  await expect(buffer(stream)).rejects.toMatchObject({ message: expect.stringContaining('the camera was unplugged') });
  await expect(sent).rejects.toThrow('the camera was unplugged');
});

test('a signal ends it at both ends', async () => {
  await pair();
  const aborter = new AbortController();
  async function* endless() {
    for (;;) {
      yield Buffer.alloc(100);
      await new Promise((resolve) => setImmediate(resolve));
    }
  }
  const sent = client.sendStream(endless(), { signal: aborter.signal });
  const read = buffer(await accepted.getStream());
  aborter.abort();
  await expect(sent).rejects.toMatchObject({ code: 'ERR_SERPY_ABORTED' });
  await expect(read).rejects.toMatchObject({ code: 'ERR_SERPY_TRUNCATED' });
});

test('a connection that is closed ends the streams on it', async () => {
  await pair();
  async function* waiting() {
    yield Buffer.alloc(100);
    await new Promise(() => {});
  }
  client.sendStream(waiting()).catch(() => {});
  const stream = await accepted.getStream();
  const next = accepted.getStream();
  client.destroy();
  accepted.destroy();
  await expect(buffer(stream)).rejects.toMatchObject({ code: 'ERR_SERPY_TRUNCATED' });
  await expect(next).rejects.toMatchObject({ code: 'ERR_SERPY_CLOSED' });
});

test('a session that is lost ends the streams in it, at both ends', async () => {
  await pair();
  let goOn: () => void = () => {};
  const held = new Promise<void>((resolve) => {
    goOn = resolve;
  });
  async function* halting() {
    yield Buffer.alloc(100);
    await held;
    yield Buffer.alloc(100);
  }
  const up = client.sendStream(halting());
  const lost = expect(up).rejects.toMatchObject({ code: 'ERR_SERPY_LOST' });
  const down = expect(accepted.sendStream(halting())).rejects.toMatchObject({ code: 'ERR_SERPY_CLOSED' });
  const read = expect(buffer(await client.getStream())).rejects.toMatchObject({ code: 'ERR_SERPY_TRUNCATED' });
  await accepted.getStream();
  const back = once(client, 'reconnect');
  await server.close();
  accepted.destroy();
  network.links.at(-1)?.reset();
  await stage().server();
  await back;
  await read;
  goOn();
  await lost;
  await down;
});

test('a plain peer has no streams, and the error says what to do', async () => {
  await pair({ session: 'off' });
  await expect(client.sendStream([Buffer.alloc(1)])).rejects.toMatchObject({
    code: 'ERR_SERPY_OPTION',
    message: expect.stringContaining("session: 'prefer'"),
  });
  client.destroy();
  await server.close();
  ({ client } = await stage().pair({}, { port: 5001, session: 'off' }));
  await expect(client.sendStream([Buffer.alloc(1)])).rejects.toMatchObject({ code: 'ERR_SERPY_OPTION' });
});

test.each([
  ['a text', 'text', {}, 'ERR_SERPY_VALUE'],
  ['bytes', Buffer.alloc(3), {}, 'ERR_SERPY_VALUE'],
  ['nothing', undefined, {}, 'ERR_SERPY_VALUE'],
  ['numbers', [1, 2], {}, 'ERR_SERPY_VALUE'],
  ['a wrong size', [], { sizeBytes: -1 }, 'ERR_SERPY_OPTION'],
  ['a wrong option', [], { size: 3 }, 'ERR_SERPY_OPTION'],
])('%s is refused in a sentence', async (_what, source, options, code) => {
  await pair();
  await expect(client.sendStream(source as never, options as object)).rejects.toMatchObject({ code });
});

test('streams that the program does not take throttle the peer before there are too many', async () => {
  await pair({}, { receiveQueue: { maxMessages: 10 } });
  const begun: unknown[] = [];
  accepted.on('progress', (info) => begun.push(info));
  for (let n = 0; n < 50; n++) client.sendStream([]).catch(() => {});
  await network.settled();
  expect(begun.length).toBeGreaterThan(3);
  expect(begun.length).toBeLessThanOrEqual(10);
});

test.each([
  ['drop-oldest', { receiveQueue: { maxBytes: 1_000_000, whenFull: 'drop-oldest' as const } }],
  ['drop-newest', { receiveQueue: { maxBytes: 1_000_000, whenFull: 'drop-newest' as const } }],
])(
  'a stream that is not read fails before it takes too much memory, where the queue drops (%s)',
  async (_name, options) => {
    await pair({}, options);
    const sent = client.sendStream(chunks(60, 100_000));
    const stream = await accepted.getStream();
    await expect(sent).rejects.toMatchObject({
      code: 'ERR_SERPY_STREAM_CANCELLED',
      message: expect.stringContaining("'block'"),
    });
    expect(stream.doneBytes).toBeLessThan(2_000_000);
    await expect(buffer(stream)).rejects.toMatchObject({ code: 'ERR_SERPY_DROPPED' });
  },
);
