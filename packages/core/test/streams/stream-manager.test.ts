/** What the streams of a connection do with what comes, whatever that is: sans sockets, and without another end. */
import { PassThrough } from 'node:stream';
import { expect, test } from 'vitest';
import type { InboundMessage, StreamPart } from '../../src/protocol/message.js';
import { StreamManager, type StreamsHost } from '../../src/streams/stream-manager.js';
import { systemEnvironment } from '../../src/system-environment.js';

/** Streams whose parts are sent and never acknowledged, unless they are. */
function stage() {
  const sent: StreamPart[] = [];
  const taken: InboundMessage[] = [];
  const session = {};
  const owner: StreamsHost = {
    clock: systemEnvironment.clock,
    epoch: session,
    settings: { receiveQueue: { maxMessages: 2, maxBytes: 1_000_000 }, maxOpenStreams: 1024 },
    sendPart(part) {
      sent.push(part);
      return part.kind === 'begin' ? Promise.resolve(true) : new Promise(() => {});
    },
    consumed: (received) => taken.push(received),
    sessionHost: { progress() {}, warn() {} },
  };
  const streams = new StreamManager(owner);
  const hear = (part: StreamPart) => streams.received({ sizeBytes: 17, part }, part);
  return { streams, hear, sent, taken };
}

test('a peer whose streams are refused, and who does not hear of it, is told of so many and no more', () => {
  const { hear, sent, taken } = stage();
  for (let id = 0; id < 5000; id++) hear({ kind: 'begin', id, totalBytes: undefined });
  expect(sent.length).toBe(1024);
  expect(sent[0]).toMatchObject({ kind: 'stop', id: 2 });
  expect(taken.length).toBe(4998);
});

test('what belongs to no stream that there is says nothing, and is taken', () => {
  const { hear, sent, taken } = stage();
  const parts: readonly StreamPart[] = [
    { kind: 'data', id: 7, offset: 0, data: Buffer.alloc(3) },
    { kind: 'end', id: 7, offset: 3 },
    { kind: 'abort', id: 7, reason: 'why not' },
    { kind: 'stop', id: 7, reason: 'too late' },
  ];
  for (const part of parts) hear(part);
  expect(taken.map(({ part }) => part)).toEqual(parts);
  expect(sent).toEqual([]);
});

test('a stop is heard by the stream that goes out, and not by the one of the same number that comes in', async () => {
  const { streams, hear, sent } = stage();
  const source = new PassThrough();
  const outcome = streams.send(source, {});
  hear({ kind: 'begin', id: 0, totalBytes: undefined });
  const incoming = await streams.get({});
  hear({ kind: 'stop', id: 0, reason: 'enough' });
  await expect(outcome).rejects.toMatchObject({
    code: 'ERR_SERPY_STREAM_CANCELLED',
    message: expect.stringContaining('enough'),
  });
  expect(source.destroyed).toBe(true);
  expect(incoming.destroyed).toBe(false);
  expect(sent.map(({ kind }) => kind)).toEqual(['begin', 'abort']);
  incoming.destroy();
  expect(sent.at(-1)).toMatchObject({ kind: 'stop', id: 0 });
});

test('what listens to a stream does not run while the session is at work', async () => {
  const { streams, hear } = stage();
  hear({ kind: 'begin', id: 0, totalBytes: undefined });
  const stream = await streams.get({});
  const heard: string[] = [];
  stream.on('data', (chunk) => heard.push(String(chunk))).on('end', () => heard.push('the end'));
  await new Promise(setImmediate);
  hear({ kind: 'data', id: 0, offset: 0, data: Buffer.from('one') });
  expect(heard).toEqual([]);
  hear({ kind: 'data', id: 0, offset: 3, data: Buffer.from('two') });
  hear({ kind: 'end', id: 0, offset: 6 });
  expect(heard).toEqual([]);
  await new Promise(setImmediate);
  expect(heard).toEqual(['one', 'two', 'the end']);
});
