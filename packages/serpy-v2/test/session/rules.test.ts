/** How a session handles received records: duplicates, gaps, corruption, and peers that violate the protocol. */

import { describe, expect, test } from 'vitest';
import type { Handshake } from '../../src/handshake/handshake.js';
import { SessionRegistry } from '../../src/session/session-registry.js';
import { frameType, headerBytes, streamType } from '../../src/wire/constants.js';
import { writeHeader } from '../../src/wire/header.js';
import { fieldsOf, helloOf, helloOfVersion2, helloWithField, valueAt } from '../handshake/changed-hello.js';
import { ack, ackRequested, consumedRequested, data, frame, record, typeOf, uint64 } from '../reliable/wire.js';
import { begun, End, exchange } from './talk.js';

/** The bytes that a text occupies in the stream. */
const sizeOf = (text: string) => headerBytes + text.length;

test.each([
  ['comes twice', 0],
  ['is left out', 2 * sizeOf('one')],
  ['begins a byte too late', sizeOf('one') + 1],
])('bytes of the stream of which a part %s end the link, and nothing of it is delivered', (_what, offset) => {
  const { server } = begun();
  server.hear(Buffer.concat([data(0, 'one'), data(offset, 'two')]));
  expect(server.values).toEqual(['one']);
  expect(server.error).toMatchObject({ code: 'ERR_SERPY_CHECKSUM', message: expect.stringContaining('expected') });
  expect(server.session.resumable?.resumableMs).toBeGreaterThan(0);
});

test('every single bit that is another ends the link or is delivered nowhere', () => {
  const right = data(0, 'measured');
  for (let bit = 0; bit < right.length * 8; bit++) {
    const { server } = begun();
    const damaged = Buffer.from(right);
    damaged[bit >> 3] = (damaged[bit >> 3] as number) ^ (1 << (bit & 7));
    server.hear(damaged);
    expect(server.values, `bit ${bit}`).toEqual([]);
  }
});

test('a record that is longer than any is damaged: nothing waits for its end', () => {
  for (const type of [typeOf.data, typeOf.ack, 0x33, 0xb3]) {
    const { server } = begun();
    const long = record(type);
    long.writeUIntLE(type === typeOf.data ? 1024 * 1024 + 1 : 2049, 0, 3);
    server.hear(long);
    expect(server.error).toMatchObject({ code: 'ERR_SERPY_CHECKSUM', message: expect.stringContaining('length') });
  }
});

test('a record of a type that is not known is skipped, unless it must be known', () => {
  const { server } = begun();
  server.hear(Buffer.concat([record(0x33, Buffer.alloc(100)), data(0, 'after it')]));
  expect(server.values).toEqual(['after it']);
  server.hear(record(0x93, Buffer.alloc(100)));
  expect(server.error).toMatchObject({ code: 'ERR_SERPY_PROTOCOL', message: expect.stringContaining('type 147') });
  expect(server.session.resumable?.resumableMs ?? 0).toBe(0);
});

test.each([
  ['an ACK', typeOf.ack, 23],
  ['a CLOSE', typeOf.close, 7],
  ['a RETRACT', typeOf.retract, 7],
])('%s that is too short ends the session', (_what, type, bytes) => {
  const { server } = begun();
  server.hear(record(type, Buffer.alloc(bytes)));
  expect(server.error).toMatchObject({ code: 'ERR_SERPY_PROTOCOL', message: expect.stringContaining('too short') });
  expect(server.session.resumable?.resumableMs ?? 0).toBe(0);
});

test('bytes that changed places are noticed', () => {
  const { server } = begun();
  const right = data(0, 'ab');
  [right[right.length - 1], right[right.length - 2]] = [
    right[right.length - 2] as number,
    right[right.length - 1] as number,
  ];
  server.hear(right);
  expect(server.values).toEqual([]);
  expect(server.error).toMatchObject({ code: 'ERR_SERPY_CHECKSUM' });
});

test('an acknowledgement of what was never sent ends the session', () => {
  const { client } = begun();
  client.say('one');
  client.takeBytes();
  client.hear(ack(sizeOf('one') + 1, 0, 1_000_000));
  expect(client.error).toMatchObject({ code: 'ERR_SERPY_PROTOCOL', message: expect.stringContaining('never sent') });
  expect(client.session.resumable?.resumableMs ?? 0).toBe(0);
});

test('an acknowledgement that is older than another changes nothing', () => {
  const ends = begun();
  ends.client.say('one', 'received');
  exchange(ends);
  expect(ends.client.acknowledged).toHaveLength(1);
  ends.client.hear(ack(0, 0, 10));
  expect(ends.client.error).toBeUndefined();
  expect(ends.client.session.canSend).toBe(true);
});

test.each([
  ['messages', { maxMessages: 3, maxBytes: 1_000_000, whenFull: 'block' as const }],
  ['bytes', { maxMessages: 1000, maxBytes: 9, whenFull: 'block' as const }],
])(
  'a queue that is full of %s is not filled further; a little is read ahead, and the peer sends no more',
  (_what, receiveQueue) => {
    const ends = begun({}, { receiveQueue });
    ends.server.takes = false;
    const text = 'abc'.repeat(1000);
    let said = 0;
    for (; ends.client.session.canSend; said++) {
      ends.client.say(text);
      exchange(ends);
    }
    expect(said).toBeLessThan((64 * 1024 + 3 * 4096) / text.length + 4);
    expect(ends.server.values).toHaveLength(receiveQueue.maxMessages === 3 ? 3 : 1);
    ends.server.takeAll();
    exchange(ends);
    ends.server.wait(25);
    exchange(ends);
    ends.client.proceed();
    exchange(ends);
    ends.server.takeAll();
    expect(ends.server.values).toHaveLength(said);
    expect(ends.client.session.canSend).toBe(true);
  },
);

test('what the peer says about itself passes a full queue', () => {
  const ends = begun({}, { receiveQueue: { maxMessages: 1, maxBytes: 1_000_000, whenFull: 'block' } });
  ends.server.takes = false;
  ends.client.say('one');
  ends.client.say('two');
  exchange(ends);
  expect(ends.server.values).toEqual(['one']);
  ends.server.hear(record(typeOf.ping, uint64(7)));
  expect(ends.server.takeBytes().includes(record(typeOf.pong, uint64(7)))).toBe(true);
});

test('a peer that sends more than it was allowed to ends its session', () => {
  const { server } = begun({}, { receiveQueue: { maxMessages: 2, maxBytes: 1_000_000, whenFull: 'block' } });
  server.takes = false;
  const text = 'x'.repeat(36_900);
  server.hear(Buffer.concat([data(0, 'one'), data(sizeOf('one'), text), data(sizeOf('one') + sizeOf(text), text)]));
  expect(server.values).toEqual(['one', text]);
  expect(server.error).toMatchObject({ code: 'ERR_SERPY_PROTOCOL', message: expect.stringContaining('allowed') });
  expect(server.session.resumable?.resumableMs ?? 0).toBe(0);
});

test('a message that is larger than the queue arrives whole', () => {
  const ends = begun({}, { receiveQueue: { maxMessages: 1, maxBytes: 1, whenFull: 'block' } });
  ends.server.takes = false;
  ends.client.say(Buffer.alloc(1_000_000, 1));
  for (let turn = 0; turn < 10; turn++) {
    exchange(ends);
    ends.client.proceed();
  }
  expect(ends.server.values).toHaveLength(1);
  expect((ends.server.values[0] as Buffer).equals(Buffer.alloc(1_000_000, 1))).toBe(true);
});

test('a message that is announced larger than it may be is refused before anything is kept for it', () => {
  const { server } = begun({}, { maxMessageBytes: 1000 });
  server.hear(record(typeOf.data, frame('x'.repeat(1001)).subarray(0, 50)));
  expect(server.error).toMatchObject({ code: 'ERR_SERPY_TOO_LARGE', sizeBytes: 1001, limitBytes: 1000 });
});

test('the sender knows how much the peer accepts', () => {
  const { client } = begun({}, { maxMessageBytes: 1000 });
  expect(() => client.say(Buffer.alloc(1001))).toThrow(expect.objectContaining({ code: 'ERR_SERPY_TOO_LARGE' }));
});

test.each([
  ['what does not begin as a message does', record(typeOf.data, Buffer.alloc(14))],
  ['a type that does not exist', data(0, [0x31, Buffer.of(1)])],
  ['text that is none', data(0, [0x21, Buffer.of(0xff)])],
  [
    'a part of a stream that is larger than any',
    record(typeOf.data, frame([streamType, Buffer.alloc(262_145)]).subarray(0, 14)),
  ],
  ['the end of a message that it has sent', record(typeOf.retract, uint64(0))],
])('a peer that sends %s ends its session', (_what, bytes) => {
  const { server } = begun();
  server.hear(bytes);
  expect(server.values).toEqual([]);
  expect(server.error?.code).toMatch(/ERR_SERPY_(PROTOCOL|TOO_LARGE)/);
  expect(server.session.resumable?.resumableMs ?? 0).toBe(0);
});

test('a silent peer gets a ping, and its link closes after peerTimeoutMs', () => {
  const { client } = begun({ pingIntervalMs: 5000, peerTimeoutMs: 15_000 });
  client.wait(60);
  client.takeBytes();
  client.wait(5000);
  expect(client.takeBytes()[3]).toBe(typeOf.ping);
  client.wait(5000);
  expect(client.takeBytes()[3]).toBe(typeOf.ping);
  expect(() => client.wait(5000)).toThrow(expect.objectContaining({ code: 'ERR_SERPY_PEER_TIMEOUT' }));
});

test('what is sent is no sign of life, what comes is, whatever it is', () => {
  const { client } = begun({ pingIntervalMs: 0, peerTimeoutMs: 15_000 });
  client.wait(10_000);
  client.hear(ack(0, 0, 1000).subarray(0, 1));
  client.wait(10_000);
  client.say('one');
  expect(() => client.wait(5000)).toThrow(expect.objectContaining({ code: 'ERR_SERPY_PEER_TIMEOUT' }));
});

test('a length that was damaged on the way does not swallow signs of life for ever', () => {
  const { server } = begun({}, { pingIntervalMs: 5000, peerTimeoutMs: 15_000 });
  const damaged = data(0, 'short');
  damaged.writeUIntLE(200_000, 0, 3);
  server.hear(damaged);
  const ping = record(typeOf.ping, uint64(1));
  const wait = () => {
    for (let sinceMs = 0; sinceMs < 60_000; sinceMs += 5000) {
      server.wait(5000);
      server.hear(ping);
    }
  };
  expect(wait).toThrow(expect.objectContaining({ code: 'ERR_SERPY_PEER_TIMEOUT' }));
  expect(server.session.resumable?.resumableMs).toBeGreaterThan(0);
});

test('a large message on a slow line is no damaged length', () => {
  const { server } = begun({}, { pingIntervalMs: 5000, peerTimeoutMs: 15_000 });
  const slow = data(0, 'x'.repeat(4000));
  let said = 0;
  for (let at = 0; at < slow.length; at += 300) {
    server.wait(4000); // too short for a PING
    server.hear(slow.subarray(at, at + 300));
    if (server.takeBytes()[3] === typeOf.ack) said++;
  }
  expect(said).toBeGreaterThan(2); // its sender, which cannot ask before the end of it, hears that the link is alive
  expect(server.values).toEqual(['x'.repeat(4000)]);
  expect(server.error).toBeUndefined();
});

/** Breaks the link of both ends and reconnects: a new connection at the server hands its link over. */
function comeBack(
  ends: { client: End; server: End },
  sessions: SessionRegistry<never>,
  spoil = (hello: Buffer) => hello,
) {
  const { client, server } = ends;
  client.session.linkDown();
  server.session.linkDown();
  client.takeBytes();
  server.takeBytes();
  const fresh = new End('server', {}, sessions);
  let resumed = false;
  server.resumed = () => {
    resumed = true;
    server.up();
  };
  client.up();
  fresh.up();
  fresh.hear(spoil(client.takeBytes()));
  return { fresh, resumed };
}

function withSessions() {
  const sessions = new SessionRegistry<never>();
  const ends = { client: new End('client', {}), server: new End('server', {}, sessions) };
  ends.client.up();
  ends.server.up();
  exchange(ends);
  return { ends, sessions };
}

test('a client that reconnects resumes at its position, and what it did not receive is sent again', () => {
  const { ends, sessions } = withSessions();
  ends.client.say('one');
  exchange(ends);
  ends.client.say('lost on the way');
  ends.server.say('also lost');
  const { resumed } = comeBack(ends, sessions);
  expect(resumed).toBe(true);
  exchange(ends);
  ends.client.proceed();
  ends.server.proceed();
  exchange(ends);
  expect(ends.server.values).toEqual(['one', 'lost on the way']);
  expect(ends.client.values).toEqual(['also lost']);
});

test('resuming before the first message, and twice without one, repeats nothing', () => {
  const { ends, sessions } = withSessions();
  for (let i = 0; i < 2; i++) {
    expect(comeBack(ends, sessions).resumed).toBe(true);
    exchange(ends);
  }
  ends.client.say('one');
  ends.server.say('two');
  exchange(ends);
  expect([ends.server.values, ends.client.values]).toEqual([['one'], ['two']]);
});

test('a proof is valid once: an intercepted proof cannot take over a session', () => {
  const { ends, sessions } = withSessions();
  let overheard: Buffer = Buffer.alloc(0);
  comeBack(ends, sessions, (hello) => {
    overheard = Buffer.from(hello);
    return hello;
  });
  exchange(ends);
  const thief = new End('server', {}, sessions);
  let taken = false;
  ends.server.resumed = () => {
    taken = true;
  };
  thief.up();
  thief.hear(overheard);
  expect(taken).toBe(false);
});

test('a client that a restarted server does not know starts a new session and reports which messages are unknown', () => {
  const { ends } = withSessions();
  ends.client.say('arrived');
  exchange(ends);
  ends.client.wait(60);
  ends.server.wait(60);
  exchange(ends);
  ends.client.say('unknown');
  const waiting = ends.client.say('unknown too', 'received');
  ends.client.session.linkDown();
  ends.client.takeBytes();
  const restarted = new End('server', {}, new SessionRegistry<never>());
  ends.client.up();
  restarted.up();
  exchange({ client: ends.client, server: restarted });
  expect(ends.client.warnings).toMatchObject([
    { code: 'ERR_SERPY_DELIVERY_UNKNOWN', messages: [{ type: 'str', value: 'unknown' }, { value: 'unknown too' }] },
  ]);
  expect(ends.client.rejected).toEqual([waiting]);
  ends.client.say('in the new session');
  exchange({ client: ends.client, server: restarted });
  expect(restarted.values).toEqual(['in the new session']);
});

test('a server that has ended the session states how far it received', () => {
  const { ends, sessions } = withSessions();
  ends.client.say('arrived');
  ends.server.hear(ends.client.takeBytes()); // and its acknowledgement gets lost
  ends.client.say('unknown');
  ends.client.session.linkDown();
  ends.client.takeBytes();
  ends.server.session.linkDown();
  ends.server.session.resumable?.abort();
  const fresh = new End('server', {}, sessions);
  ends.client.up();
  fresh.up();
  exchange({ client: ends.client, server: fresh });
  expect(ends.client.warnings).toMatchObject([{ messages: [{ value: 'unknown' }] }]);
});

test('large bytes that were changed before they had to be sent again do not arrive as something else', () => {
  const { ends, sessions } = withSessions();
  const image = Buffer.alloc(600_000, 1);
  ends.client.say('before');
  exchange(ends);
  ends.client.say(image);
  ends.client.say('after');
  image.fill(2);
  comeBack(ends, sessions);
  exchange(ends);
  ends.client.proceed();
  exchange(ends);
  expect(ends.server.values).toEqual(['before', 'after']);
  expect(ends.client.warnings).toMatchObject([
    { code: 'ERR_SERPY_VALUE', message: expect.stringContaining('changed') },
  ]);
});

test('a large array that was changed before it had to be sent again does not arrive as something else, though its header has', () => {
  const { ends, sessions } = withSessions();
  const image = new Float32Array(150_000).fill(1);
  ends.client.say('before');
  exchange(ends);
  ends.client.say({ data: image, shape: [150, 1000] });
  ends.client.say('after');
  image.fill(2);
  comeBack(ends, sessions);
  exchange(ends);
  ends.client.proceed();
  exchange(ends);
  expect(ends.server.values).toEqual(['before', 'after']);
  expect(ends.client.warnings).toMatchObject([
    { code: 'ERR_SERPY_VALUE', message: expect.stringContaining('a message of 600128 bytes') },
  ]);
});

test('small bytes may be changed at once', () => {
  const { ends, sessions } = withSessions();
  const bytes = Buffer.alloc(5000, 1);
  ends.client.say(bytes);
  ends.client.takeBytes();
  bytes.fill(2);
  comeBack(ends, sessions);
  exchange(ends);
  ends.client.proceed();
  exchange(ends);
  expect(ends.server.values).toEqual([Buffer.alloc(5000, 1)]);
});

test('a large message resumes after a broken link at its position', () => {
  const { ends, sessions } = withSessions();
  const image = Buffer.from(Array.from({ length: 1_000_000 }, (_, i) => i % 251));
  ends.client.say(image);
  const bytes = ends.client.takeBytes();
  ends.server.hear(bytes.subarray(0, 700_000));
  comeBack(ends, sessions);
  exchange(ends);
  ends.client.proceed();
  const again = ends.client.takeBytes();
  expect(again.length).toBeLessThan(600_000);
  ends.server.hear(again);
  expect((ends.server.values[0] as Buffer).equals(image)).toBe(true);
});

test('a client that timed out waiting for WELCOME is read without a session, loses nothing, and gets a warning that it has no session', () => {
  const client = new End('client', { sessionTimeoutMs: 500 });
  const server = new End('server', {}, new SessionRegistry<never>());
  client.up();
  server.up();
  const hello = client.takeBytes();
  client.wait(500);
  client.say('plain');
  server.hear(hello);
  const welcome = server.takeBytes();
  expect(server.session.canSend).toBe(false);
  server.hear(client.takeBytes());
  client.hear(welcome);
  server.say('plain too');
  exchange({ client, server });
  expect([server.values, client.values]).toEqual([['plain'], ['plain too']]);
  expect([client.error, server.error]).toEqual([undefined, undefined]);
  expect(client.warnings).toMatchObject([
    { code: 'ERR_SERPY_TIMEOUT', message: expect.stringContaining('This link has no session') },
  ]);
});

test('a first record with a damaged length does not end the session: it is resumed, and nothing is lost', () => {
  const sessions = new SessionRegistry<never>();
  const client = new End('client', {});
  const server = new End('server', {}, sessions);
  client.up();
  server.up();
  server.hear(client.takeBytes());
  client.hear(server.takeBytes());
  client.say('kept');
  const damaged = client.takeBytes();
  damaged[2] = 0xff; // the length has three bytes
  server.hear(damaged);
  expect([server.error?.code, server.session.resumable?.epoch === undefined]).toEqual(['ERR_SERPY_CHECKSUM', false]);
});

test('a client that timed out and has sent nothing gets the session when the late WELCOME arrives', () => {
  const client = new End('client', { sessionTimeoutMs: 500 });
  const server = new End('server', {}, new SessionRegistry<never>());
  client.up();
  server.up();
  client.wait(500);
  exchange({ client, server });
  server.say('numbered');
  exchange({ client, server });
  expect(client.messages.map(({ value, end }) => [value, end])).toEqual([['numbered', sizeOf('numbered')]]);
});

test('a server does not wait forever for a client that never receives WELCOME and sends nothing', () => {
  const server = new End('server', { authTimeoutMs: 5000 }, new SessionRegistry<never>());
  const client = new End('client', {});
  client.up();
  server.up();
  server.hear(client.takeBytes());
  server.wait(4000);
  expect(() => server.wait(1000)).toThrow(expect.objectContaining({ code: 'ERR_SERPY_PEER_TIMEOUT' }));
});

test('the limit that a reconnecting client stated for a lost session does not count in the next session', () => {
  const receiveQueue = { maxMessages: 2, maxBytes: 100_000, whenFull: 'block' as const };
  const client = new End('client', { receiveQueue });
  const server = new End('server', {}, new SessionRegistry<never>());
  client.up();
  server.up();
  exchange({ client, server });
  const text = 'x'.repeat(30_000);
  for (let n = 0; n < 10; n++) {
    server.say(text);
    exchange({ client, server });
    client.wait(25);
    exchange({ client, server });
  }
  expect(client.values).toHaveLength(10);
  client.takes = false;
  client.session.linkDown();
  client.takeBytes();
  const restarted = new End('server', {}, new SessionRegistry<never>());
  client.up();
  restarted.up();
  exchange({ client, server: restarted });
  for (let n = 0; n < 10 && restarted.session.canSend; n++) {
    restarted.say(text);
    exchange({ client, server: restarted });
  }
  expect(client.values).toHaveLength(12);
  expect(client.error).toBeUndefined();
});

test('a message of an ended session that is consumed late does not count in the next session', () => {
  const client = new End('client', {});
  const server = new End('server', {}, new SessionRegistry<never>());
  client.up();
  server.up();
  exchange({ client, server });
  client.takes = false;
  for (let n = 0; n < 5; n++) server.say('left lying');
  exchange({ client, server });
  client.session.linkDown();
  client.takeBytes();
  const restarted = new End('server', {}, new SessionRegistry<never>());
  client.up();
  restarted.up();
  exchange({ client, server: restarted });
  for (const message of client.messages) client.session.resumable?.consumed(message);
  restarted.say('new', 'consumed');
  exchange({ client, server: restarted });
  client.wait(60);
  exchange({ client, server: restarted });
  expect(restarted.acknowledged).toEqual([]);
  client.session.resumable?.consumed(client.messages.at(-1) as (typeof client.messages)[0]);
  client.proceed();
  exchange({ client, server: restarted });
  expect(restarted.acknowledged).toHaveLength(1);
});

test('messages of unknown delivery are reported as they were sent, even if their bytes have changed since', () => {
  const { ends } = withSessions();
  const bytes = Buffer.from('as it was');
  ends.client.say(bytes);
  bytes.fill(0);
  ends.client.session.linkDown();
  ends.client.takeBytes();
  const restarted = new End('server', {}, new SessionRegistry<never>());
  ends.client.up();
  restarted.up();
  exchange({ client: ends.client, server: restarted });
  expect(ends.client.warnings).toMatchObject([{ messages: [{ value: Buffer.from('as it was') }] }]);
});

test('messages that a server sent before it was asked come before those of the session', () => {
  const client = new End('client', {});
  const server = new End('server', {}, new SessionRegistry<never>());
  client.up();
  server.up();
  server.say('welcome');
  server.say('and more');
  exchange({ client, server });
  server.say('numbered');
  exchange({ client, server });
  expect(client.values).toEqual(['welcome', 'and more', 'numbered']);
  expect(client.messages.map(({ end }) => end)).toEqual([0, 0, sizeOf('numbered')]);
});

test('a withdrawn message leaves no gap in the send window', () => {
  const receiveQueue = { maxMessages: 1000, maxBytes: 1_000_000, whenFull: 'block' as const };
  const sessions = new SessionRegistry<never>();
  const ends = { client: new End('client', {}), server: new End('server', { receiveQueue }, sessions) };
  ends.client.up();
  ends.server.up();
  exchange(ends);
  for (let round = 0; round < 4; round++) {
    const image = Buffer.alloc(600_000, 1);
    ends.client.say(image);
    image.fill(2);
    comeBack(ends, sessions);
    exchange(ends);
    ends.client.proceed();
    ends.client.wait(60);
    ends.server.wait(60);
    exchange(ends);
  }
  expect(ends.client.session.canSend).toBe(true);
  ends.client.say('continued');
  exchange(ends);
  expect(ends.server.values).toEqual(['continued']);
});

test('messages queued for a session arrive without one if the peer no longer supports sessions', () => {
  const { client } = begun({ resumeWindowMs: 8_000 });
  const image = Buffer.alloc(10_000, 7);
  const frame = client.session.encode(image, {});
  for (let link = 0; link < 2; link++) {
    client.session.linkDown();
    client.takeBytes();
    client.up();
    client.takeBytes();
    expect(client.session.canSend).toBe(false);
    expect(() => client.wait(5000)).toThrow('does not answer the request to resume the session');
  }
  client.session.linkDown();
  client.up(); // resumeWindowMs is over: the client starts without the session
  client.takeBytes();
  client.wait(500);
  client.session.send(frame);
  const plain = new End('server', { session: 'off' });
  plain.up();
  plain.hear(client.takeBytes());
  expect(plain.warnings).toEqual([]);
  expect(plain.values).toEqual([image]);
});

test('a server that disconnects each time ends the session as one that does not answer', () => {
  const { client } = begun({ resumeWindowMs: 8_000 });
  client.say('one');
  for (client.nowMs = 0; client.nowMs < 8_000; client.nowMs += 1_000) {
    client.session.linkDown();
    client.takeBytes();
    client.up();
    expect(client.warnings).toEqual([]);
  }
  client.session.linkDown();
  client.takeBytes();
  client.up();
  expect(client.warnings).toMatchObject([{ code: 'ERR_SERPY_DELIVERY_UNKNOWN' }]);
  expect(client.takeBytes().includes(Buffer.of(0x83, 24, 0))).toBe(false); // it requests a new session
});

test('a server that answers late, on one of the links that the client has tried since, still has the session', () => {
  const { ends, sessions } = withSessions();
  const { client, server } = ends;
  client.say('one'); // and the server is stopped
  client.takeBytes();
  server.session.linkDown();
  const hellos: Buffer[] = [];
  for (let link = 0; link < 4; link++) {
    client.session.linkDown();
    client.up();
    hellos.push(client.takeBytes());
    expect(() => client.wait(5000)).toThrow('does not answer');
  }
  client.session.linkDown();
  server.resumed = () => server.up();
  for (const hello of hellos) {
    const dead = new End('server', {}, sessions);
    dead.up();
    dead.hear(hello);
    server.session.linkDown();
    server.takeBytes();
  }
  expect(comeBack(ends, sessions).resumed).toBe(true);
  exchange(ends);
  client.proceed();
  exchange(ends);
  expect(server.values).toEqual(['one']);
  expect([...client.warnings, ...server.warnings]).toEqual([]);
});

test('small messages that are said in one go travel in one record, each with an end of its own', () => {
  const { client, server } = begun();
  client.takeBytes();
  const values = ['one', 2, 3.5, Buffer.from('four'), ''];
  for (const value of values) client.say(value);
  const bytes = client.takeBytes();
  expect(bytes[3]).toBe(typeOf.data);
  expect(bytes.length).toBe(12 + bytes.readUIntLE(0, 3));
  server.hear(bytes);
  expect(server.values).toEqual(values);
  const payloads = [3, 8, '0x1.c000000000000p+1'.length, 4, 0];
  const ends = payloads.map((_, i) => payloads.slice(0, i + 1).reduce((sum, size) => sum + headerBytes + size, 0));
  expect(server.messages.map(({ end }) => end)).toEqual(ends);
  expect(ends.at(-1)).toBe(bytes.length - 12);
});

test('small messages and large ones keep their order', () => {
  const { client, server } = begun();
  const values = ['before', Buffer.alloc(10_000, 1), 'between', Buffer.alloc(600_000, 2), 'after'];
  for (const value of values) client.say(value);
  exchange({ client, server });
  expect(server.messages.map(({ value }) => (typeof value === 'string' ? value : (value as Buffer).length))).toEqual([
    'before',
    10_000,
    'between',
    600_000,
    'after',
  ]);
});

test('a record that waits for its acknowledgement is answered at once, another is not', () => {
  const { server } = begun();
  server.takeBytes();
  server.hear(data(0, 'one'));
  expect(server.takeBytes()).toHaveLength(0);
  server.hear(record(typeOf.data | ackRequested, frame('two'), sizeOf('one')));
  expect(server.takeBytes()).toEqual(ack(2 * sizeOf('one'), 2 * sizeOf('one'), server.limit));
});

test('the consumption of a message is acknowledged at once if its sender waits for that, and otherwise not', () => {
  const { server } = begun();
  server.takeBytes();
  server.takes = false;
  const answersTo = (flags: number, text: string, offset: number) => {
    server.hear(record(typeOf.data | flags, frame(text), offset));
    const toArrival = server.takeBytes().length > 0;
    server.takeAll();
    server.proceed();
    return [toArrival, server.takeBytes().length > 0];
  };
  expect(answersTo(ackRequested, 'one', 0)).toEqual([true, false]);
  expect(answersTo(consumedRequested, 'two', sizeOf('one'))).toEqual([false, true]);
});

test('a message that is larger than it may be ends the session', () => {
  const small = begun({}, { maxMessageBytes: 3 }).server;
  small.hear(data(0, 'four'));
  expect(small.error).toMatchObject({ code: 'ERR_SERPY_TOO_LARGE' });
  expect(small.values).toEqual([]);
});

test('bytes of small messages are the application’s, whatever becomes of the memory that they came in', () => {
  const { server } = begun();
  const bytes = data(0, [frameType.bytes, Buffer.from('first')], [frameType.bytes, Buffer.from('second')]);
  server.session.receive(bytes, 0);
  const first = server.session.read();
  const second = server.session.read();
  server.session.retainUnread();
  bytes.fill(0);
  expect([first?.value, second?.value].map(String)).toEqual(['first', 'second']);
});

test('small messages that are read later come from memory that is our own', () => {
  const { server } = begun();
  const bytes = data(0, 'first', 'second');
  server.session.receive(bytes, 0);
  expect(server.session.read()?.value).toBe('first');
  server.session.retainUnread();
  bytes.fill(0);
  expect(server.session.read()?.value).toBe('second');
});

test('a session that ends reports which of the small messages may not have arrived', () => {
  const { client } = begun();
  for (const text of ['one', 'two', 'three']) client.say(text);
  client.say(Buffer.alloc(5000, 1));
  client.say('five');
  client.takeBytes();
  client.hear(ack(sizeOf('one'), 0, 1_000_000));
  const unknown = client.session.resumable?.abort() as { readonly type: string; readonly value: unknown }[];
  expect(unknown.map(({ value }) => (typeof value === 'string' ? value : (value as Buffer).length))).toEqual([
    'two',
    'three',
    5000,
    'five',
  ]);
});

test('many small messages at full speed keep within the memory that is set aside for what is not acknowledged', () => {
  const { client } = begun({ replayQueue: { maxMessages: 50, maxBytes: 1_000_000 } });
  let said = 0;
  for (; client.session.canSend; said++) client.say('a text');
  expect(said).toBe(50);
});

test('a server that requires a session accepts no message from a client that timed out waiting for WELCOME', () => {
  const ends = {
    client: new End('client', {}),
    server: new End('server', { session: 'require' }, new SessionRegistry()),
  };
  ends.client.up();
  ends.server.up();
  const hello = ends.client.takeBytes();
  ends.client.wait(500);
  ends.client.session.send(ends.client.session.encode('in the open', {}));
  ends.server.hear(Buffer.concat([hello, ends.client.takeBytes()]));
  expect(ends.server.values).toEqual([]);
  expect(ends.server.error).toMatchObject({
    code: 'ERR_SERPY_PROTOCOL',
    message: expect.stringContaining('the client timed out waiting for WELCOME'),
  });
});

test.each([
  ['consumed than was sent', 17, 50],
  ['received than was sent', 50, 0],
  ['consumed than received', 17, 18],
  ['missing than it had acknowledged', 0, 0],
])('a request to resume that states more %s is rejected, and the session stays unchanged', (_what, next, taken) => {
  const { ends, sessions } = withSessions();
  ends.server.say('one');
  exchange(ends);
  ends.client.wait(100);
  exchange(ends);
  const { credentials } = ends.client.session.resumable as Handshake<never>;
  const spoil = (hello: Buffer) => {
    const fields = fieldsOf(hello);
    const at = valueAt(fields, 0x83, 24) + 8; // after the attempt
    fields.writeBigUInt64LE(BigInt(next), at);
    fields.writeBigUInt64LE(BigInt(taken), at + 8);
    return helloOf(fields);
  };
  const { fresh, resumed } = comeBack(ends, sessions, spoil);
  expect(resumed).toBe(false);
  expect(fresh.error).toBeUndefined();
  expect(sessions.find(credentials?.id as Buffer)).toBeDefined();
});

test.each<[string, (hello: Buffer) => Buffer, string]>([
  ['an unknown version', helloOfVersion2, 'no common version'],
  ['an unknown critical field', (hello) => helloWithField(hello, 0xee), 'the field 238'],
])('a HELLO with %s is answered with the reason', (_what, changed, reason) => {
  const [client, server] = [new End('client', {}), new End('server', {}, new SessionRegistry())];
  client.up();
  server.up();
  server.hear(changed(client.takeBytes()));
  expect(server.error?.message).toMatch(/^the HELLO was refused, because /);
  client.hear(server.takeBytes());
  expect(client.error?.message).toContain('the server refused the handshake');
  expect(client.error?.message).toContain(reason);
});

test('the smallest limit of messages leaves room for HELLO and WELCOME', () => {
  const { client, server } = begun({ maxMessageBytes: 1 }, { maxMessageBytes: 1 });
  client.say('1');
  exchange({ client, server });
  expect(server.values).toEqual(['1']);
  expect([client.error, server.error]).toEqual([undefined, undefined]);
});

test('a message beyond the limit and no larger than a HELLO is refused, complete or not, corrupt or not', () => {
  const frame = Buffer.alloc(14 + 100);
  writeHeader(frame, 0, frameType.bytes, 0, 100);
  const damaged = Buffer.from(frame);
  damaged[6] = 1;
  for (const [bytes, slice] of [
    [frame, 200],
    [frame, 20],
    [damaged, 200],
    [damaged, 20],
  ] as const) {
    const server = new End('server', { maxMessageBytes: 99 }, new SessionRegistry());
    server.up();
    for (let at = 0; at < bytes.length; at += slice) server.hear(bytes.subarray(at, at + slice));
    expect(server.error?.code).toBe('ERR_SERPY_TOO_LARGE');
    expect(server.values).toEqual([]);
  }
});

test('where no HELLO or WELCOME can arrive any more, a message beyond the limit is refused at its header', () => {
  const header = Buffer.alloc(14);
  writeHeader(header, 0, frameType.bytes, 0, 100);
  const plain = new End('client', { session: 'off' });
  const server = new End('server', { maxMessageBytes: 99 }, new SessionRegistry());
  for (const end of [plain, server]) end.up();
  plain.say('before');
  server.hear(Buffer.concat([plain.takeBytes(), header]));
  expect(server.values).toEqual(['before']);
  expect(server.error?.code).toBe('ERR_SERPY_TOO_LARGE');

  const client = new End('client', { maxMessageBytes: 99 });
  client.up();
  client.wait(500);
  client.say('plainly');
  client.hear(header);
  expect(client.error?.code).toBe('ERR_SERPY_TOO_LARGE');
});

describe('a server that asks for what only a session has before the client has begun one', () => {
  test('waits with it for the HELLO', () => {
    const ends = { client: new End('client', {}), server: new End('server', {}, new SessionRegistry()) };
    ends.client.up();
    ends.server.up();
    const frame = ends.server.session.encode('at once', { acknowledge: 'received' });
    expect(ends.server.session.canSend).toBe(false);
    exchange(ends);
    expect(ends.server.session.canSend).toBe(true);
    ends.server.session.send(frame);
    ends.server.proceed();
    exchange(ends);
    ends.client.wait(100);
    exchange(ends);
    expect(ends.client.values).toEqual(['at once']);
    expect(ends.server.acknowledged).toEqual([frame]);
  });

  test('gets an error after sessionTimeoutMs that there is none, and the link still works', () => {
    const server = new End('server', {}, new SessionRegistry());
    server.up();
    const frame = server.session.encode('at once', { acknowledge: 'received' });
    server.wait(499);
    expect(server.session.canSend).toBe(false);
    server.wait(1);
    expect(server.session.canSend).toBe(true);
    server.session.send(frame);
    expect(server.rejected).toEqual([frame]);
    expect(() => server.session.encode('again', { acknowledge: 'received' })).toThrow(/needs a session/);
    server.say('plain');
    const client = new End('client', { session: 'off' });
    client.up();
    client.hear(server.takeBytes());
    expect(client.values).toEqual(['plain']);
  });

  test('gets an error at once if sessions are off, or the client has sent without a session', () => {
    const off = new End('server', { session: 'off' });
    off.up();
    expect(() => off.session.encode('x', { acknowledge: 'received' })).toThrow(/session: 'off'/);
    const server = new End('server', {}, new SessionRegistry());
    const client = new End('client', { session: 'off' });
    for (const end of [server, client]) end.up();
    client.say('plain');
    exchange({ client, server });
    expect(() => server.session.encode('x', { acknowledge: 'received' })).toThrow(/the peer uses v2 without a session/);
  });
});

/** A part of a stream as a message of its own. */
function part(kind: number, bytes = 16): readonly [type: number, payload: Buffer] {
  return [streamType, Buffer.concat([Buffer.of(kind), Buffer.alloc(bytes)])];
}

test('a part of a stream whose kind is not known is passed over, and its place is free', () => {
  const { server } = begun();
  const bytes = frame(part(200, 20)).length;
  for (let n = 0; n < 5000; n++) server.hear(data(n * bytes, part(200, 20)));
  expect(server.error).toBeUndefined();
  expect(server.messages).toEqual([]);
  server.hear(data(5000 * bytes, 'and on'));
  expect(server.values).toEqual(['and on']);
});

test('a part of a stream that is cut short ends the session', () => {
  const { server } = begun();
  server.hear(data(0, part(200, 15)));
  expect(server.error?.code).toBe('ERR_SERPY_PROTOCOL');
});

test('the frame that stops a stream arrives with its reason, and only in the session in which it was sent', () => {
  const ends = begun();
  const { client } = ends;
  const part = { kind: 'stop', id: 7, reason: 'the disk is full' } as const;
  client.session.send(client.session.encodePart(part));
  exchange(ends);
  expect(ends.server.messages).toMatchObject([{ part }]);
  const late = client.session.encodePart(part);
  client.session.linkDown();
  const server = new End('server', {}, new SessionRegistry());
  client.up();
  server.up();
  exchange({ client, server });
  client.session.send(late);
  exchange({ client, server });
  expect(client.rejected).toContain(late);
  expect(server.messages).toEqual([]);
});
