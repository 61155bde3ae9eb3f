/** How the stream manager handles received parts, valid or not: without sockets and without a peer. */
import { PassThrough } from 'node:stream';
import { expect, test } from 'vitest';
import type { InboundMessage, StreamPart } from '../../src/protocol/message.js';
import { StreamManager, type StreamsHost } from '../../src/streams/stream-manager.js';
import { systemEnvironment } from '../../src/system-environment.js';

/** A stream manager whose parts are never acknowledged, except for `begin`. */
function stage() {
  const sent: StreamPart[] = [];
  const consumed: InboundMessage[] = [];
  const session = {};
  const host: StreamsHost = {
    clock: systemEnvironment.clock,
    epoch: session,
    settings: { receiveQueue: { maxMessages: 2, maxBytes: 1_000_000 }, maxOpenStreams: 1024 },
    sendPart(part) {
      sent.push(part);
      return part.kind === 'begin' ? Promise.resolve(true) : new Promise(() => {});
    },
    consumed: (received) => consumed.push(received),
    sessionHost: { progress() {}, warn() {} },
  };
  const streams = new StreamManager(host);
  const receive = (part: StreamPart) => streams.received({ sizeBytes: 17, part }, part);
  return { streams, receive, sent, consumed };
}

test('a peer whose streams are refused, and that does not acknowledge it, gets a limited number of cancellations', () => {
  const { receive, sent, consumed } = stage();
  for (let id = 0; id < 5000; id++) receive({ kind: 'begin', id, totalBytes: undefined });
  expect(sent.length).toBe(1024);
  expect(sent[0]).toMatchObject({ kind: 'stop', id: 2 });
  expect(consumed.length).toBe(4998);
});

test('parts of unknown streams are consumed without an answer', () => {
  const { receive, sent, consumed } = stage();
  const parts: readonly StreamPart[] = [
    { kind: 'data', id: 7, offset: 0, data: Buffer.alloc(3) },
    { kind: 'end', id: 7, offset: 3 },
    { kind: 'abort', id: 7, reason: 'why not' },
    { kind: 'stop', id: 7, reason: 'too late' },
  ];
  for (const part of parts) receive(part);
  expect(consumed.map(({ part }) => part)).toEqual(parts);
  expect(sent).toEqual([]);
});

test('a stop ends the outbound stream, and not the inbound one of the same number', async () => {
  const { streams, receive, sent } = stage();
  const source = new PassThrough();
  const outcome = streams.send(source, {});
  receive({ kind: 'begin', id: 0, totalBytes: undefined });
  const incoming = await streams.get({});
  receive({ kind: 'stop', id: 0, reason: 'enough' });
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

test('listeners of a stream do not run while the session is at work', async () => {
  const { streams, receive } = stage();
  receive({ kind: 'begin', id: 0, totalBytes: undefined });
  const stream = await streams.get({});
  const events: string[] = [];
  stream.on('data', (chunk) => events.push(String(chunk))).on('end', () => events.push('the end'));
  await new Promise(setImmediate);
  receive({ kind: 'data', id: 0, offset: 0, data: Buffer.from('one') });
  expect(events).toEqual([]);
  receive({ kind: 'data', id: 0, offset: 3, data: Buffer.from('two') });
  receive({ kind: 'end', id: 0, offset: 6 });
  expect(events).toEqual([]);
  await new Promise(setImmediate);
  expect(events).toEqual(['one', 'two', 'the end']);
});
