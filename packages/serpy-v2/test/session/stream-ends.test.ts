/** How streams end before their end: at once, with a typed error, at both ends, and with nothing left behind. */
import { getEventListeners, once } from 'node:events';
import { createReadStream } from 'node:fs';
import { PassThrough, Readable } from 'node:stream';
import { buffer } from 'node:stream/consumers';
import { ReadableStream } from 'node:stream/web';
import type { MemoryNetwork } from 'serpy-core/testing';
import type { Connection, ConnectionOptions, Server, ServerOptions } from 'serpy-v2';
import { expect, onTestFinished, test } from 'vitest';
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

interface Stalled {
  readonly source: AsyncIterable<Uint8Array>;
  /** Whether it was let go of. */
  released(): boolean;
}

/** Sources that give some bytes and then nothing more, and do not end. */
const stalled: Readonly<Record<string, () => Stalled>> = {
  'a Readable': () => {
    const source = new PassThrough();
    source.write('abc');
    return { source, released: () => source.destroyed };
  },
  'a ReadableStream': () => {
    let isReleased = false;
    const source = new ReadableStream<Uint8Array>({
      start: (controller) => controller.enqueue(Buffer.from('abc')),
      cancel: () => {
        isReleased = true;
      },
    });
    return { source, released: () => isReleased };
  },
  'an iterator': () => {
    let [given, isReleased] = [false, false];
    const next = () => {
      if (given) return new Promise<never>(() => {});
      given = true;
      return Promise.resolve({ value: Buffer.from('abc') });
    };
    const returned = () => {
      isReleased = true;
      return new Promise<never>(() => {}); // it hangs, as that of a generator in the middle of an await does
    };
    const source = { [Symbol.asyncIterator]: () => ({ next, return: returned }) };
    return { source, released: () => isReleased };
  },
};

/** A stream that is under way, with a source that gives nothing more. */
async function begun(options = {}, make = stalled['a Readable'] as () => Stalled) {
  const { source, released } = make();
  const sent = client.sendStream(source, options);
  sent.catch(() => {});
  const stream = await accepted.getStream();
  await once(stream, 'readable');
  return { sent, stream, released };
}

/** Does something at a moment when there is no link. */
async function offline(end: Connection, act: () => void) {
  const lost = new Promise<void>((resolve) => {
    end.once('disconnect', () => {
      act();
      resolve();
    });
  });
  network.links.at(-1)?.reset();
  await lost;
}

test.each(Object.entries(stalled))('a signal ends a stream whose source (%s) gives nothing', async (_name, make) => {
  await pair();
  const aborter = new AbortController();
  const { sent, stream, released } = await begun({ signal: aborter.signal }, make);
  aborter.abort(new Error('enough'));
  await expect(sent).rejects.toMatchObject({
    code: 'ERR_SERPY_ABORTED',
    message: 'sendStream was aborted by its signal',
    cause: { message: 'enough' },
  });
  expect(released()).toBe(true);
  await expect(buffer(stream)).rejects.toMatchObject({
    code: 'ERR_SERPY_TRUNCATED',
    message: expect.stringContaining('sendStream was aborted'),
  });
  await client.sendData('and on');
  expect(await accepted.getData()).toBe('and on');
});

test('close() ends a stream whose source gives nothing, tells the receiver, and closes at once', async () => {
  await pair();
  const { sent, stream, released } = await begun();
  const failed = expect(buffer(stream)).rejects.toMatchObject({
    code: 'ERR_SERPY_TRUNCATED',
    message: expect.stringContaining('close() was called'),
  });
  const beforeMs = network.clock.now();
  const closed = client.close();
  await expect(sent).rejects.toMatchObject({
    code: 'ERR_SERPY_CLOSED',
    message: expect.stringMatching(/^sendStream failed: /),
  });
  expect(released()).toBe(true);
  await failed;
  await closed;
  expect(network.clock.now() - beforeMs).toBeLessThan(5000);
  expect(client.closeInfo).toMatchObject({ reason: 'local-close', unsentMessages: 0, unacknowledgedMessages: 0 });
});

/** A stream whose source has given everything, and of which the end is not acknowledged. */
async function allSent() {
  const source = new PassThrough();
  source.write('abc');
  const { sent, stream } = await begun({}, () => ({ source, released: () => source.destroyed }));
  network.links.at(-1)?.stall();
  source.end('def');
  await once(source, 'close');
  await new Promise((resolve) => setImmediate(resolve));
  return { sent, stream };
}

test('close() lets a stream arrive whose source has given everything', async () => {
  await pair();
  const { sent, stream } = await allSent();
  const closed = client.close();
  network.links.at(-1)?.release();
  expect(await sent).toBe(true);
  expect(String(await buffer(stream))).toBe('abcdef');
  await closed;
});

test('destroy() ends a stream whose source gives nothing', async () => {
  await pair();
  const { sent, released } = await begun();
  client.destroy(new Error('the end'));
  await expect(sent).rejects.toMatchObject({
    code: 'ERR_SERPY_CLOSED',
    message: expect.stringMatching(/^sendStream failed: /),
  });
  expect(released()).toBe(true);
});

test('a peer that is gone for good ends a stream whose source gives nothing', async () => {
  await pair({ autoRestart: false });
  const { sent, released } = await begun();
  accepted.destroy();
  await expect(sent).rejects.toMatchObject({ code: 'ERR_SERPY_CLOSED' });
  expect(released()).toBe(true);
});

test('a session that is lost ends a stream whose source gives nothing', async () => {
  await pair();
  const { sent, released } = await begun();
  await server.close();
  accepted.destroy();
  await stage().server();
  await expect(sent).rejects.toMatchObject({
    code: 'ERR_SERPY_LOST',
    message: expect.stringContaining('send it again'),
  });
  expect(released()).toBe(true);
  expect(client.state).not.toBe('closed');
});

test('a stream of which all was sent, and whose acknowledgement never comes, may or may not have arrived', async () => {
  await pair();
  const { sent } = await allSent();
  client.destroy();
  await expect(sent).rejects.toMatchObject({
    code: 'ERR_SERPY_LOST',
    message: expect.stringContaining('may or may not have arrived'),
  });
});

test('what of a stream is not on the wire is taken back when it ends', async () => {
  await pair();
  const aborter = new AbortController();
  let sent: Promise<boolean> | undefined;
  await offline(client, () => {
    sent = client.sendStream([Buffer.alloc(9)], { signal: aborter.signal });
    sent.catch(() => {});
    expect(client.stats().sendQueueMessages).toBe(1);
    aborter.abort();
    expect(client.stats().sendQueueMessages).toBe(1); // the word that it was given up
  });
  await expect(sent).rejects.toMatchObject({ code: 'ERR_SERPY_ABORTED' });
  await expect(accepted.getStream({ timeoutMs: 1000 })).rejects.toMatchObject({ code: 'ERR_SERPY_TIMEOUT' });
  expect(client.stats()).toMatchObject({ sendQueueMessages: 0, unacknowledgedMessages: 0 });
});

test('a part that is dropped for want of a link ends a stream whose source gives nothing', async () => {
  await pair({ whenOffline: 'drop' });
  client.on('warning', () => {});
  const source = new PassThrough({ highWaterMark: 10_000_000 });
  source.write('abc');
  const { sent } = await begun({}, () => ({ source, released: () => source.destroyed }));
  network.links.at(-1)?.stall();
  source.write(Buffer.alloc(3_000_000));
  while (client.stats().sendQueueMessages < 3) await new Promise((resolve) => setImmediate(resolve));
  network.links.at(-1)?.reset();
  await expect(sent).rejects.toMatchObject({
    code: 'ERR_SERPY_DROPPED',
    message: expect.stringMatching(/^a part of the stream/),
  });
  expect(source.destroyed).toBe(true);
});

test('a part that a newer message replaces is reported as one of a stream', async () => {
  await pair({ sendQueue: { maxMessages: 1, whenFull: 'drop-oldest' } });
  client.on('warning', () => {});
  let sent: Promise<boolean> | undefined;
  await offline(client, () => {
    sent = client.sendStream(new PassThrough());
    sent.catch(() => {});
    client.sendData('newer');
  });
  await expect(sent).rejects.toMatchObject({
    code: 'ERR_SERPY_DROPPED',
    message: expect.stringMatching(/^a part of the stream/),
  });
});

test('parts of streams are counted as messages neither by who sends nor by who gets them', async () => {
  await pair();
  const sent = client.sendStream([Buffer.alloc(1_000_000)]);
  await buffer(await accepted.getStream());
  await sent;
  await client.sendData('one', { acknowledge: 'received' });
  expect([client.stats().messagesSent, accepted.stats().messagesReceived]).toEqual([1, 1]);
});

test('to leave a loop over a stream is no failure', async () => {
  await pair();
  const { sent, stream } = await begun();
  for await (const _ of stream) break;
  await expect(sent).rejects.toMatchObject({
    code: 'ERR_SERPY_STREAM_CANCELLED',
    message: expect.stringContaining('its program destroyed it'),
  });
});

test('a stream that is not awaited does not end the program when its connection ends', async () => {
  await pair();
  const unhandled: unknown[] = [];
  const note = (error: unknown) => unhandled.push(error);
  process.on('unhandledRejection', note);
  client.sendStream(new PassThrough());
  client.destroy();
  client.sendStream(new PassThrough());
  await new Promise((resolve) => setImmediate(resolve));
  process.off('unhandledRejection', note);
  expect(unhandled).toEqual([]);
});

test.each([
  ['there is no session', 'ERR_SERPY_OPTION', { session: 'off' as const }, {}],
  ['the size is wrong', 'ERR_SERPY_VALUE', {}, { sizeBytes: 1 }],
  ['its signal was aborted before', 'ERR_SERPY_ABORTED', {}, { signal: AbortSignal.abort() }],
  ['a part was refused', 'ERR_SERPY_QUEUE_FULL', { sendQueue: { maxMessages: 1, whenFull: 'error' as const } }, {}],
  ['a part was dropped', 'ERR_SERPY_DROPPED', { sendQueue: { maxMessages: 1, whenFull: 'drop-newest' as const } }, {}],
])('a source is let go of where %s', async (_what, code, connectionOptions, options) => {
  await pair(connectionOptions);
  client.on('warning', () => {});
  for (const make of Object.values(stalled)) {
    const { source, released } = make();
    if (code.endsWith('FULL') || code.endsWith('DROPPED')) {
      for (let n = 0; n < 3; n++) client.sendData('fills it', { acknowledge: 'received' }).catch(() => {});
    }
    await expect(client.sendStream(source, options)).rejects.toMatchObject({ code });
    expect(released()).toBe(true);
  }
});

test.each([
  [
    'fails before anybody has read it',
    () => Readable.from([]).destroy(new Error('the disk is gone')),
    'the disk is gone',
  ],
  ['cannot be opened', () => createReadStream('/there/is/no/such/file'), 'ENOENT'],
])('a Readable that %s makes sendStream reject, and ends no program', async (_what, make, words) => {
  await pair();
  const uncaught: unknown[] = [];
  const note = (error: unknown) => uncaught.push(error);
  process.on('uncaughtException', note);
  onTestFinished(() => void process.off('uncaughtException', note));
  await expect(client.sendStream(make())).rejects.toThrow(words);
  client.destroy();
  const opening = createReadStream('/there/is/no/such/file');
  await expect(client.sendStream(opening)).rejects.toMatchObject({ code: 'ERR_SERPY_CLOSED' });
  while (!opening.closed) await new Promise(setImmediate);
  expect(uncaught).toEqual([]);
});

test('close() sends a stream to its end whose source has given everything, also what waits for room', async () => {
  await pair({ sendQueue: { maxMessages: 4 } }, { receiveQueue: { maxMessages: 4 } });
  const sent = client.sendStream(Array.from({ length: 12 }, () => Buffer.alloc(10, 7)));
  const stream = await accepted.getStream();
  await network.settled();
  const closed = client.close();
  expect((await buffer(stream)).length).toBe(120);
  expect(await sent).toBe(true);
  await closed;
});

test('close() says to the receiver what ended the stream, also where its parts had waited', async () => {
  await pair({ sendQueue: { maxMessages: 4 } }, { receiveQueue: { maxMessages: 4 } });
  function* endless() {
    for (;;) yield 'chunk';
  }
  const sent = expect(client.sendStream(endless())).rejects.toMatchObject({ code: 'ERR_SERPY_CLOSED' });
  const stream = await accepted.getStream();
  await network.settled();
  const closed = client.close();
  await expect(buffer(stream)).rejects.toThrow('the sender aborted a stream before it was complete: ');
  await sent;
  await closed;
});

test('a source is let go of where there is no connection', async () => {
  await pair();
  await client.close();
  for (const [connection, code] of [
    [client, 'ERR_SERPY_CLOSED'],
    [stage().client(), 'ERR_SERPY_NOT_CONNECTED'],
  ] as const) {
    const source = new PassThrough();
    await expect(connection.sendStream(source)).rejects.toMatchObject({ code });
    expect(source.destroyed).toBe(true);
  }
});

test('a generator that has given a chunk too many runs its finally', async () => {
  await pair();
  let isReleased = false;
  function* chunks() {
    try {
      for (;;) yield Buffer.alloc(10);
    } finally {
      isReleased = true;
    }
  }
  await expect(client.sendStream(chunks(), { sizeBytes: 15 })).rejects.toMatchObject({ code: 'ERR_SERPY_VALUE' });
  expect(isReleased).toBe(true);
});

test.each([
  [{ signal: 5 }, 'ERR_SERPY_OPTION', 'signal takes an AbortSignal'],
  [{ signal: null }, 'ERR_SERPY_OPTION', 'signal takes an AbortSignal'],
  [{ signal: { aborted: false } }, 'ERR_SERPY_OPTION', 'signal takes an AbortSignal'],
  [{ sizeBytes: 1.5 }, 'ERR_SERPY_OPTION', 'sizeBytes'],
])('wrong options (%o) are reported in a sentence, and leave the source alone', async (options, code, message) => {
  await pair();
  const source = new PassThrough();
  const sent = client.sendStream(source, options as object);
  await expect(sent).rejects.toMatchObject({ code, message: expect.stringContaining(message) });
  expect(source.destroyed).toBe(false);
});

test('a stream that somebody else reads is refused in a sentence', async () => {
  await pair();
  const source = new ReadableStream<Uint8Array>();
  source.getReader();
  await expect(client.sendStream(source)).rejects.toMatchObject({
    code: 'ERR_SERPY_VALUE',
    message: expect.stringContaining('locked'),
  });
});

test('a ReadableStream is sent whole, and is free again', async () => {
  await pair();
  const source = new ReadableStream<Uint8Array>({
    start(controller) {
      controller.enqueue(Buffer.from('one, '));
      controller.enqueue(Buffer.from('two'));
      controller.close();
    },
  });
  const sent = client.sendStream(source);
  expect(String(await buffer(await accepted.getStream()))).toBe('one, two');
  expect(await sent).toBe(true);
  expect(source.locked).toBe(false);
});

test('a signal has one listener for a whole stream, and none after it', async () => {
  await pair();
  const { signal } = new AbortController();
  let most = 0;
  function* chunks() {
    for (let n = 0; n < 40; n++) {
      most = Math.max(most, getEventListeners(signal, 'abort').length);
      yield Buffer.alloc(258_048);
    }
  }
  const sent = client.sendStream(chunks(), { signal });
  await buffer(await accepted.getStream());
  expect(await sent).toBe(true);
  expect(most).toBe(1);
  expect(getEventListeners(signal, 'abort')).toEqual([]);
});

test('no warning of the process comes of the parts that are under way', async () => {
  await pair({}, { receiveQueue: { maxBytes: 1_000_000 } });
  const warnings: Error[] = [];
  const note = (warning: Error) => warnings.push(warning);
  process.on('warning', note);
  const aborter = new AbortController();
  const sent = client.sendStream([Buffer.alloc(10_000_000)], { signal: aborter.signal });
  await accepted.getStream();
  await network.settled();
  aborter.abort();
  await expect(sent).rejects.toMatchObject({ code: 'ERR_SERPY_ABORTED' });
  await new Promise((resolve) => setImmediate(resolve));
  process.off('warning', note);
  expect(warnings).toEqual([]);
});

test('a receiver that destroys its stream stops the sender, who reads no further', async () => {
  await pair();
  let given = 0;
  const source = Readable.from(
    (function* () {
      for (;;) {
        given++;
        yield Buffer.alloc(100_000);
      }
    })(),
  );
  const sent = client.sendStream(source);
  const stream = await accepted.getStream();
  for await (const _ of stream) break;
  await expect(sent).rejects.toMatchObject({
    code: 'ERR_SERPY_STREAM_CANCELLED',
    message: expect.stringContaining('peer'),
  });
  expect(source.destroyed).toBe(true);
  expect(given).toBeLessThan(200);
  await client.sendData('and on', { acknowledge: 'consumed', timeoutMs: 60_000 });
});

test('a sender hears what the stream of the receiver was destroyed with, also while its source gives nothing', async () => {
  await pair();
  const { sent, stream } = await begun();
  stream.destroy(new Error('the disk is full'));
  await expect(sent).rejects.toMatchObject({
    code: 'ERR_SERPY_STREAM_CANCELLED',
    message: expect.stringContaining('the disk is full'),
  });
});

test('each direction counts its streams for itself: to stop one leaves the other alone', async () => {
  await pair();
  const { sent, stream } = await begun();
  const back = accepted.sendStream([Buffer.from('the other way')]);
  const other = await client.getStream();
  stream.destroy();
  await expect(sent).rejects.toMatchObject({ code: 'ERR_SERPY_STREAM_CANCELLED' });
  expect(String(await buffer(other))).toBe('the other way');
  expect(await back).toBe(true);
});

test('a stream that was dropped, as too many wait, stops its sender', async () => {
  await pair({}, { receiveQueue: { maxMessages: 2, whenFull: 'drop-newest' } });
  accepted.on('warning', () => {});
  const kept = [client.sendStream([]), client.sendStream([])];
  const third = client.sendStream(new PassThrough());
  await expect(third).rejects.toMatchObject({
    code: 'ERR_SERPY_STREAM_CANCELLED',
    message: expect.stringContaining('2 streams wait for getStream at the receiver'),
  });
  expect(await Promise.all(kept)).toEqual([true, true]);
});

test('a receiver of all announced bytes may leave the stream: the sender has sent it', async () => {
  await pair();
  const source = new PassThrough();
  source.write('abc');
  const sent = client.sendStream(source, { sizeBytes: 3 });
  for await (const _ of await accepted.getStream()) break;
  source.end();
  expect(await sent).toBe(true);
});

test.each(['drop-oldest', 'drop-newest', 'error'] as const)(
  'the other end hears of the end of a stream also where the send queue is full (%s)',
  async (whenFull) => {
    const sendQueue = { maxMessages: 3, whenFull };
    await pair({ sendQueue }, { sendQueue });
    const fill = (end: Connection) => {
      for (let n = 0; n < 9; n++) end.sendData(n).catch(() => {});
    };
    for (const end of [client, accepted]) end.on('warning', () => {});
    const aborter = new AbortController();
    const up = await begun({ signal: aborter.signal });
    await offline(client, () => {
      fill(client);
      aborter.abort();
      fill(client);
    });
    await expect(up.sent).rejects.toMatchObject({ code: 'ERR_SERPY_ABORTED' });
    await expect(buffer(up.stream)).rejects.toMatchObject({ code: 'ERR_SERPY_TRUNCATED' });
    const next = await begun();
    await offline(accepted, () => {
      fill(accepted);
      next.stream.destroy();
      fill(accepted);
    });
    await expect(next.sent).rejects.toMatchObject({ code: 'ERR_SERPY_STREAM_CANCELLED' });
  },
);

test('an error with a very long message is reported in part', async () => {
  await pair();
  const source = new PassThrough();
  const sent = client.sendStream(source);
  const stream = await accepted.getStream();
  source.destroy(new Error('é'.repeat(300_000)));
  await expect(sent).rejects.toThrow('é');
  const failure = await buffer(stream).catch((error) => error);
  expect(failure).toMatchObject({ code: 'ERR_SERPY_TRUNCATED', message: expect.stringContaining('ééé') });
  expect(failure.message.length).toBeLessThan(2000);
  expect(client.stats().reconnects).toBe(0);
});

test('progress tells streams from messages, whose numbers may be the same', async () => {
  await pair();
  const reported = new Set<string>();
  for (const end of [client, accepted]) {
    end.on('progress', ({ direction, of, number }) => reported.add(`${direction} ${of} ${number}`));
  }
  await client.sendData(Buffer.alloc(300_000));
  await accepted.getData();
  const sent = client.sendStream([Buffer.alloc(300_000)]);
  await buffer(await accepted.getStream());
  await sent;
  expect([...reported].sort()).toEqual(['receive message 0', 'receive stream 0', 'send message 0', 'send stream 0']);
});

test.each([
  ['close', () => client.close()],
  ['destroy', () => client.destroy()],
])('the parts of a stream are no messages that were not sent: %s()', async (_name, end) => {
  await pair({ closeTimeoutMs: 100 });
  const warnings: unknown[] = [];
  client.on('warning', (warning) => warnings.push(warning));
  const { sent } = await begun({}, () => {
    const source = new PassThrough({ highWaterMark: 10_000_000 });
    source.write('abc');
    setImmediate(() => source.write(Buffer.alloc(5_000_000)));
    return { source, released: () => source.destroyed };
  });
  network.links.at(-1)?.stall();
  await new Promise((resolve) => setImmediate(resolve));
  await new Promise((resolve) => setImmediate(resolve));
  expect(client.stats().sendQueueMessages + client.stats().unacknowledgedMessages).toBeGreaterThan(2);
  await end();
  await expect(sent).rejects.toMatchObject({ code: 'ERR_SERPY_CLOSED' });
  expect(client.closeInfo?.unsentMessages).toBe(0);
  expect(warnings).toEqual([]);
});
