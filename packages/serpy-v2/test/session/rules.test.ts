/** What a session does with what comes, frame by frame: duplicates, gaps, damage, liars, and those who are not who they say. */

import { describe, expect, test } from 'vitest';
import { writeRecord } from '../../src/session/frames/batch.js';
import { controlType, segmentFlag, writeNumber } from '../../src/session/frames/constants.js';
import { controlFrame } from '../../src/session/frames/control-frame.js';
import { Segment } from '../../src/session/frames/segment.js';
import { streamType } from '../../src/session/frames/stream-frame.js';
import type { ReliableSession } from '../../src/session/reliable-session.js';
import { SessionRegistry } from '../../src/session/session-registry.js';
import { frameType } from '../../src/wire/constants.js';
import { writeHeader } from '../../src/wire/header.js';
import { fieldsOf, helloOf, helloOfVersion2, helloWithField, valueAt } from '../handshake/changed-hello.js';
import { begun, End, exchange } from './talk.js';

/** A piece as a peer would send it. */
function pieceFrame(
  number: number,
  text: string,
  flags: number = segmentFlag.first | segmentFlag.last,
  total = text.length,
) {
  const bytes = Buffer.from(text);
  const message = { type: frameType.str, sizeBytes: 0, awaitsAck: false };
  const piece = new Segment(message, number, flags, total, bytes, 0, bytes.length);
  const frame = Buffer.alloc(piece.headBytes + bytes.length);
  piece.write(frame, 0, true);
  return frame;
}

/** Several small messages in one frame; a text, or a type and its bytes. */
function batchFrame(
  number: number,
  ...messages: readonly (string | readonly [type: number, payload: Buffer])[]
): Buffer {
  const data = Buffer.alloc(64 * 1024);
  let end = 0;
  for (const message of messages) {
    const [type, payload] = typeof message === 'string' ? [frameType.str, Buffer.from(message)] : message;
    end = writeRecord(data, end, type, payload);
  }
  return batchOf(number, data.subarray(0, end));
}

function batchOf(number: number, data: Buffer): Buffer {
  const piece = new Segment<never>(undefined, number, segmentFlag.first | segmentFlag.last, 0, data, 0, data.length);
  const frame = Buffer.alloc(piece.headBytes + data.length);
  piece.write(frame, 0, true);
  return frame;
}

function stateFrame(...numbers: readonly [next: number, taken: number, messages: number, bytes: number]): Buffer {
  const payload = Buffer.alloc(32);
  for (const [i, value] of numbers.entries()) writeNumber(payload, 8 * i, value);
  return controlFrame(controlType.state, payload);
}

test('a piece that comes twice is delivered once, and the sender is told again where we are', () => {
  const { server } = begun();
  server.hear(pieceFrame(0, 'one'));
  server.takeBytes();
  server.hear(pieceFrame(0, 'one'));
  expect(server.values).toEqual(['one']);
  expect(server.takeBytes().length).toBeGreaterThan(0);
});

test('a number that is left out ends the link, and nothing after it is delivered', () => {
  const { server } = begun();
  server.hear(Buffer.concat([pieceFrame(0, 'one'), pieceFrame(2, 'three')]));
  expect(server.values).toEqual(['one']);
  expect(server.error).toMatchObject({ code: 'ERR_SERPY_PROTOCOL', message: expect.stringContaining('piece 2') });
  expect(server.session.resumable?.resumableMs).toBeGreaterThan(0);
});

test('every single bit that is another ends the link or is delivered nowhere', () => {
  const right = pieceFrame(0, 'measured');
  for (let bit = 0; bit < right.length * 8; bit++) {
    const { server } = begun();
    const damaged = Buffer.from(right);
    damaged[bit >> 3] = (damaged[bit >> 3] as number) ^ (1 << (bit & 7));
    server.hear(damaged);
    expect(server.values, `bit ${bit}`).toEqual([]);
  }
});

test('bytes that changed places are noticed', () => {
  const { server } = begun();
  const frame = pieceFrame(0, 'ab');
  [frame[frame.length - 1], frame[frame.length - 2]] = [
    frame[frame.length - 2] as number,
    frame[frame.length - 1] as number,
  ];
  server.hear(frame);
  expect(server.values).toEqual([]);
  expect(server.error).toMatchObject({ code: 'ERR_SERPY_CHECKSUM' });
});

test('an acknowledgement of what was never sent ends the session', () => {
  const { client } = begun();
  client.say('one');
  client.hear(stateFrame(2, 0, 1000, 1_000_000));
  expect(client.error).toMatchObject({ code: 'ERR_SERPY_PROTOCOL', message: expect.stringContaining('never sent') });
  expect(client.session.resumable?.resumableMs ?? 0).toBe(0);
});

test('an acknowledgement that is older than another changes nothing', () => {
  const ends = begun();
  ends.client.say('one', 'received');
  exchange(ends);
  expect(ends.client.acknowledged).toHaveLength(1);
  ends.client.hear(stateFrame(0, 0, 10, 10));
  expect(ends.client.error).toBeUndefined();
  expect(ends.client.session.canSend).toBe(true);
});

test.each([
  ['messages', { maxMessages: 3, maxBytes: 1_000_000, whenFull: 'block' as const }, 3],
  ['bytes', { maxMessages: 1000, maxBytes: 9, whenFull: 'block' as const }, 3],
])('a peer sends no more %s than it was allowed to, until they are taken', (_what, receiveQueue, count) => {
  const ends = begun({}, { receiveQueue });
  ends.server.takes = false;
  for (let n = 0; n < count; n++) {
    expect(ends.client.session.canSend).toBe(true);
    ends.client.say('abc');
    exchange(ends);
  }
  expect(ends.client.session.canSend).toBe(false);
  for (const message of ends.server.messages) ends.server.session.resumable?.consumed(message);
  ends.server.proceed();
  exchange(ends);
  expect(ends.client.session.canSend).toBe(true);
});

test('a peer that sends more than it was allowed to ends its session', () => {
  const { server } = begun({}, { receiveQueue: { maxMessages: 2, maxBytes: 1_000_000, whenFull: 'block' } });
  server.takes = false;
  server.hear(Buffer.concat([pieceFrame(0, 'one'), pieceFrame(1, 'two'), pieceFrame(2, 'three')]));
  expect(server.values).toEqual(['one', 'two']);
  expect(server.error).toMatchObject({ code: 'ERR_SERPY_PROTOCOL', message: expect.stringContaining('allowed') });
});

test('a message that is announced larger than it may be is refused before anything is kept for it', () => {
  const { server } = begun({}, { maxMessageBytes: 1000 });
  server.hear(pieceFrame(0, 'start', segmentFlag.first, 1001));
  expect(server.error).toMatchObject({ code: 'ERR_SERPY_TOO_LARGE', sizeBytes: 1001, limitBytes: 1000 });
});

test('the sender knows how much the peer takes', () => {
  const { client } = begun({}, { maxMessageBytes: 1000 });
  expect(() => client.say(Buffer.alloc(1001))).toThrow(expect.objectContaining({ code: 'ERR_SERPY_TOO_LARGE' }));
});

test.each([
  ['more than it announced', [pieceFrame(0, 'abc', segmentFlag.first, 5), pieceFrame(1, 'defg', segmentFlag.last)]],
  ['less than it announced', [pieceFrame(0, 'abc', segmentFlag.first, 5), pieceFrame(1, 'd', segmentFlag.last)]],
  ['the rest of what it had not begun', [pieceFrame(0, 'abc', segmentFlag.last)]],
  ['a message within another', [pieceFrame(0, 'abc', segmentFlag.first, 5), pieceFrame(1, 'x')]],
])('a peer that sends %s ends its session', (_what, frames) => {
  const { server } = begun();
  server.hear(Buffer.concat(frames));
  expect(server.values).toEqual([]);
  expect(server.error).toMatchObject({ code: 'ERR_SERPY_PROTOCOL' });
  expect(server.session.resumable?.resumableMs ?? 0).toBe(0);
});

test('a silent peer is asked, and given up after peerTimeoutMs', () => {
  const { client } = begun({ pingIntervalMs: 5000, peerTimeoutMs: 15_000 });
  client.wait(60);
  client.takeBytes();
  client.wait(5000);
  expect(client.takeBytes()[5]).toBe(controlType.ping);
  client.wait(5000);
  expect(client.takeBytes()[5]).toBe(controlType.ping);
  expect(() => client.wait(5000)).toThrow(expect.objectContaining({ code: 'ERR_SERPY_PEER_TIMEOUT' }));
});

test('what is sent is no sign of life, what comes is, whatever it is', () => {
  const { client } = begun({ pingIntervalMs: 0, peerTimeoutMs: 15_000 });
  client.wait(10_000);
  client.hear(stateFrame(0, 0, 1000, 1000).subarray(0, 1));
  client.wait(10_000);
  client.say('one');
  expect(() => client.wait(5000)).toThrow(expect.objectContaining({ code: 'ERR_SERPY_PEER_TIMEOUT' }));
});

test('a length that was damaged on the way does not swallow signs of life for ever', () => {
  const { server } = begun({}, { pingIntervalMs: 5000, peerTimeoutMs: 15_000 });
  const frame = pieceFrame(0, 'short');
  frame.writeUInt32LE(200_000, 10);
  server.hear(frame);
  const ping = controlFrame(controlType.ping, Buffer.alloc(8));
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
  const frame = pieceFrame(0, 'x'.repeat(4000));
  for (let at = 0; at < frame.length; at += 300) {
    server.wait(5000);
    server.hear(frame.subarray(at, at + 300));
  }
  expect(server.values).toEqual(['x'.repeat(4000)]);
  expect(server.error).toBeUndefined();
});

/** Breaks the link of both, and dials again: a new connection at the server, which hands its link over. */
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

test('a client that comes back goes on where it was, and what it did not get is sent again', () => {
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

test('a proof is good once: who overheard a client coming back cannot take its session', () => {
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

test('a client that a restarted server does not know is told so, and tells which messages are unknown', () => {
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

test('a server that had ended the session tells how far it got', () => {
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

test('a message in pieces goes on after a broken link where it was', () => {
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

test('a client that gave up waiting for the answer is heard plainly, nothing is lost, and it is told that it has no session', () => {
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
    { code: 'ERR_SERPY_TIMEOUT', message: expect.stringContaining('there is no session on this link') },
  ]);
});

test('a client that gave up waiting and says nothing gets the session after all when the answer comes', () => {
  const client = new End('client', { sessionTimeoutMs: 500 });
  const server = new End('server', {}, new SessionRegistry<never>());
  client.up();
  server.up();
  client.wait(500);
  exchange({ client, server });
  server.say('numbered');
  exchange({ client, server });
  expect(client.messages.map(({ value, end }) => [value, end])).toEqual([['numbered', 1]]);
});

test('a client that never hears the answer and says nothing is not waited for for ever', () => {
  const server = new End('server', { authTimeoutMs: 5000 }, new SessionRegistry<never>());
  const client = new End('client', {});
  client.up();
  server.up();
  server.hear(client.takeBytes());
  server.wait(4000);
  expect(() => server.wait(1000)).toThrow(expect.objectContaining({ code: 'ERR_SERPY_PEER_TIMEOUT' }));
});

test('what a client that comes back allowed in a session that is lost does not count in the next', () => {
  const receiveQueue = { maxMessages: 2, maxBytes: 1_000_000, whenFull: 'block' as const };
  const client = new End('client', { receiveQueue });
  const server = new End('server', {}, new SessionRegistry<never>());
  client.up();
  server.up();
  exchange({ client, server });
  for (let n = 0; n < 10; n++) {
    server.say('taken');
    exchange({ client, server });
    client.proceed();
    exchange({ client, server });
  }
  client.takes = false;
  client.session.linkDown();
  client.takeBytes();
  const restarted = new End('server', {}, new SessionRegistry<never>());
  client.up();
  restarted.up();
  exchange({ client, server: restarted });
  for (let n = 0; n < 5 && restarted.session.canSend; n++) {
    restarted.say('not taken');
    exchange({ client, server: restarted });
  }
  expect(client.values).toHaveLength(12);
  expect(client.error).toBeUndefined();
});

test('a message of a session that is over counts for nothing in the next when it is taken late', () => {
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

test('messages that are unknown are told as they were sent, whatever became of their bytes since', () => {
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

test('messages that a server sent before it was asked count as the first of the session', () => {
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
  expect(client.messages.map(({ end }) => end)).toEqual([0, 0, 3]);
});

test('a message that was taken back leaves no hole in what may be sent', () => {
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
  ends.client.say('goes on');
  exchange(ends);
  expect(ends.server.values).toEqual(['goes on']);
});

test('what was to go out in a session arrives plainly where the peer is a plain one now', () => {
  const { client } = begun({ resumeWindowMs: 8_000 });
  const image = Buffer.alloc(10_000, 7);
  const frame = client.session.encode(image, {});
  for (let link = 0; link < 2; link++) {
    client.session.linkDown();
    client.takeBytes();
    client.up();
    client.takeBytes();
    expect(client.session.canSend).toBe(false);
    expect(() => client.wait(5000)).toThrow('does not answer the client that comes back');
  }
  client.session.linkDown();
  client.up(); // the server has had its time: from now on it may be any
  client.takeBytes();
  client.wait(500);
  client.session.send(frame);
  const plain = new End('server', { session: 'off' });
  plain.up();
  plain.hear(client.takeBytes());
  expect(plain.warnings).toEqual([]);
  expect(plain.values).toEqual([image]);
});

test('a server that hangs up each time is given up as one that does not answer is', () => {
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
  expect(client.takeBytes().includes(Buffer.of(0x83, 24, 0))).toBe(false); // it asks anew
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

test('small messages that are said in one go travel in one frame, each with a number of its own', () => {
  const { client, server } = begun();
  const values = ['one', 2, 3.5, Buffer.from('four'), ''];
  for (const value of values) client.say(value);
  const bytes = client.takeBytes();
  expect(bytes[5]).toBe(0x33);
  expect(bytes.length).toBe(14 + bytes.readUInt32LE(10));
  server.hear(bytes);
  expect(server.values).toEqual(values);
  expect(server.messages.map(({ end }) => end)).toEqual([1, 2, 3, 4, 5]);
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

test('of small messages that come again, those that have not come yet are delivered', () => {
  const { server } = begun();
  server.hear(batchFrame(0, 'one', 'two'));
  server.takeBytes();
  server.hear(batchFrame(0, 'one', 'two', 'three'));
  expect(server.values).toEqual(['one', 'two', 'three']);
  expect(server.takeBytes().length).toBeGreaterThan(0);
});

test('small messages that begin too late end the link', () => {
  const { server } = begun();
  server.hear(batchFrame(1, 'two'));
  expect(server.values).toEqual([]);
  expect(server.error).toMatchObject({ code: 'ERR_SERPY_PROTOCOL', message: expect.stringContaining('piece 1') });
  expect(server.session.resumable?.resumableMs).toBeGreaterThan(0);
});

test.each([
  ['half a head', Buffer.of(3), 'end beyond their frame'],
  ['more than there is', Buffer.of(4, 0x20, 1, 2, 3), 'end beyond their frame'],
  ['a type that does not exist', Buffer.of(1, 0x30, 65), 'type 31'],
])('small messages with %s end the session', (_what, data, words) => {
  const { server } = begun();
  server.hear(batchOf(0, data));
  expect(server.values).toEqual([]);
  expect(server.error).toMatchObject({ code: 'ERR_SERPY_PROTOCOL', message: expect.stringContaining(words) });
  expect(server.session.resumable?.resumableMs ?? 0).toBe(0);
});

test('a small message counts against the limits as every other', () => {
  const receiveQueue = { maxMessages: 2, maxBytes: 1_000_000, whenFull: 'block' as const };
  const { server } = begun({}, { receiveQueue });
  server.takes = false;
  server.hear(batchFrame(0, 'one', 'two', 'three'));
  expect(server.values).toEqual(['one', 'two']);
  expect(server.error).toMatchObject({ code: 'ERR_SERPY_PROTOCOL', message: expect.stringContaining('allowed') });
  const small = begun({}, { maxMessageBytes: 3 }).server;
  small.hear(batchFrame(0, 'four'));
  expect(small.error).toMatchObject({ code: 'ERR_SERPY_TOO_LARGE' });
});

test('bytes of small messages are the application’s, whatever becomes of the memory that they came in', () => {
  const { server } = begun();
  const bytes = batchFrame(0, [frameType.bytes, Buffer.from('first')], [frameType.bytes, Buffer.from('second')]);
  server.session.receive(bytes, 0);
  const first = server.session.read();
  const second = server.session.read();
  server.session.retainUnread();
  bytes.fill(0);
  expect([first?.value, second?.value].map(String)).toEqual(['first', 'second']);
});

test('small messages that are read later come from memory that is our own', () => {
  const { server } = begun();
  const bytes = batchFrame(0, 'first', 'second');
  server.session.receive(bytes, 0);
  expect(server.session.read()?.value).toBe('first');
  server.session.retainUnread();
  bytes.fill(0);
  expect(server.session.read()?.value).toBe('second');
});

test('a session that ends tells which of the small messages may not have arrived', () => {
  const { client } = begun();
  for (const text of ['one', 'two', 'three']) client.say(text);
  client.say(Buffer.alloc(5000, 1));
  client.say('five');
  client.takeBytes();
  client.hear(stateFrame(1, 0, 1000, 1_000_000));
  const told = client.session.resumable?.abort() as { readonly type: string; readonly value: unknown }[];
  expect(told.map(({ value }) => (typeof value === 'string' ? value : (value as Buffer).length))).toEqual([
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

test('who requires a session takes nothing plain from a client that gave up waiting for the answer', () => {
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
    message: expect.stringContaining('the client gave up waiting for the answer'),
  });
});

test.each([
  ['to have been taken that was not sent', 0, 5],
  ['to have come that was not sent', 5, 0],
  ['to have been taken that has not come', 0, 1],
  ['to be missing that had come', 0, 0],
])('who says more %s does not get the session, and it stays as it was', (_what, next, taken) => {
  const { ends, sessions } = withSessions();
  ends.server.say('one');
  exchange(ends);
  ends.client.wait(100);
  exchange(ends);
  const { credentials } = ends.client.session.resumable!.epoch as ReliableSession<never>;
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
  expect(sessions.find(credentials.id)).toBeDefined();
});

test.each<[string, (hello: Buffer) => Buffer, string]>([
  ['a version that nobody knows', helloOfVersion2, 'no common version'],
  ['a field that it must understand and does not', (hello) => helloWithField(hello, 0xee), 'the field 238'],
])('a HELLO with %s is answered with the reason', (_what, changed, reason) => {
  const [client, server] = [new End('client', {}), new End('server', {}, new SessionRegistry())];
  client.up();
  server.up();
  server.hear(changed(client.takeBytes()));
  expect(server.error?.message).toMatch(/^a client was refused: /);
  client.hear(server.takeBytes());
  expect(client.error?.message).toContain('the server refused the handshake');
  expect(client.error?.message).toContain(reason);
});

test('the smallest limit of messages leaves room for the greetings', () => {
  const { client, server } = begun({ maxMessageBytes: 1 }, { maxMessageBytes: 1 });
  client.say('1');
  exchange({ client, server });
  expect(server.values).toEqual(['1']);
  expect([client.error, server.error]).toEqual([undefined, undefined]);
});

test('a message that is as small as a greeting and beyond the limit is refused, whole or not, damaged or not', () => {
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

test('where no greeting can come any more, a message beyond the limit is refused at its header', () => {
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

  test('is told after sessionTimeoutMs that there is none, and the link is as good as ever', () => {
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

  test('is told at once where it has none, and where the client has spoken plainly', () => {
    const off = new End('server', { session: 'off' });
    off.up();
    expect(() => off.session.encode('x', { acknowledge: 'received' })).toThrow(/session: 'off'/);
    const server = new End('server', {}, new SessionRegistry());
    const client = new End('client', { session: 'off' });
    for (const end of [server, client]) end.up();
    client.say('plain');
    exchange({ client, server });
    expect(() => server.session.encode('x', { acknowledge: 'received' })).toThrow(/has not begun one/);
  });
});

/** A part of a stream as a message of its own. */
function partFrame(number: number, kind: number, bytes = 16): Buffer {
  return batchFrame(number, [streamType, Buffer.concat([Buffer.of(kind), Buffer.alloc(bytes)])]);
}

test('a part of a stream whose kind nobody knows is passed over, and its place is free', () => {
  const { server } = begun();
  for (let number = 0; number < 5000; number++) server.hear(partFrame(number, 200, 20));
  expect(server.error).toBeUndefined();
  expect(server.messages).toEqual([]);
  server.hear(batchFrame(5000, 'and on'));
  expect(server.values).toEqual(['and on']);
});

test('a part of a stream that is cut short ends the session', () => {
  const { server } = begun();
  server.hear(partFrame(0, 200, 15));
  expect(server.error?.code).toBe('ERR_SERPY_PROTOCOL');
});

test('the word that stops a stream arrives with its reason, and in no session but the one it was said in', () => {
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
