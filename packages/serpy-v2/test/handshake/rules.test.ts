/** What a session does with what comes, frame by frame: duplicates, gaps, damage, liars, and those who are not who they say. */
import { expect, test } from 'vitest';
import { controlFrame, Piece } from '../../src/handshake/piece.js';
import { Sessions } from '../../src/handshake/sessions.js';
import { controlType, pieceFlag, writeNumber } from '../../src/handshake/wire.js';
import { frameType } from '../../src/wire.js';
import { begun, End, exchange } from './talk.js';

/** A piece as a peer would send it. */
function pieceFrame(
  number: number,
  text: string,
  flags: number = pieceFlag.first | pieceFlag.last,
  total = text.length,
) {
  const bytes = Buffer.from(text);
  const message = { type: frameType.str, sizeBytes: 0, acknowledged: false };
  const piece = new Piece(message, number, flags, total, bytes, 0, bytes.length);
  const frame = Buffer.alloc(piece.headBytes + bytes.length);
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
  expect(server.session.lasting?.resumableMs).toBeGreaterThan(0);
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
  expect(client.session.lasting?.resumableMs ?? 0).toBe(0);
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
  for (const message of ends.server.messages) ends.server.session.lasting?.taken(message);
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
  server.hear(pieceFrame(0, 'start', pieceFlag.first, 1001));
  expect(server.error).toMatchObject({ code: 'ERR_SERPY_TOO_LARGE', sizeBytes: 1001, limitBytes: 1000 });
});

test('the sender knows how much the peer takes', () => {
  const { client } = begun({}, { maxMessageBytes: 1000 });
  expect(() => client.say(Buffer.alloc(1001))).toThrow(expect.objectContaining({ code: 'ERR_SERPY_TOO_LARGE' }));
});

test.each([
  ['more than it announced', [pieceFrame(0, 'abc', pieceFlag.first, 5), pieceFrame(1, 'defg', pieceFlag.last)]],
  ['less than it announced', [pieceFrame(0, 'abc', pieceFlag.first, 5), pieceFrame(1, 'd', pieceFlag.last)]],
  ['the rest of what it had not begun', [pieceFrame(0, 'abc', pieceFlag.last)]],
  ['a message within another', [pieceFrame(0, 'abc', pieceFlag.first, 5), pieceFrame(1, 'x')]],
])('a peer that sends %s ends its session', (_what, frames) => {
  const { server } = begun();
  server.hear(Buffer.concat(frames));
  expect(server.values).toEqual([]);
  expect(server.error).toMatchObject({ code: 'ERR_SERPY_PROTOCOL' });
  expect(server.session.lasting?.resumableMs ?? 0).toBe(0);
});

test('a silent peer is asked, and given up after silenceTimeoutMs', () => {
  const { client } = begun({ pingIntervalMs: 5000, silenceTimeoutMs: 15_000 });
  client.wait(60);
  client.takeBytes();
  client.wait(5000);
  expect(client.takeBytes()[5]).toBe(controlType.ping);
  client.wait(5000);
  expect(client.takeBytes()[5]).toBe(controlType.ping);
  expect(() => client.wait(5000)).toThrow(expect.objectContaining({ code: 'ERR_SERPY_SILENT' }));
});

test('what is sent is no sign of life, what comes is, whatever it is', () => {
  const { client } = begun({ pingIntervalMs: 0, silenceTimeoutMs: 15_000 });
  client.wait(10_000);
  client.hear(stateFrame(0, 0, 1000, 1000).subarray(0, 1));
  client.wait(10_000);
  client.say('one');
  expect(() => client.wait(5000)).toThrow(expect.objectContaining({ code: 'ERR_SERPY_SILENT' }));
});

/** Breaks the link of both, and dials again: a new connection at the server, which hands its link over. */
function comeBack(ends: { client: End; server: End }, sessions: Sessions<never>, spoil = (hello: Buffer) => hello) {
  const { client, server } = ends;
  client.session.lost();
  server.session.lost();
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
  const sessions = new Sessions<never>();
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
  ends.client.session.lost();
  ends.client.takeBytes();
  const restarted = new End('server', {}, new Sessions<never>());
  ends.client.up();
  restarted.up();
  exchange({ client: ends.client, server: restarted });
  expect(ends.client.warnings).toMatchObject([
    { code: 'ERR_SERPY_UNKNOWN', messages: [{ type: 'str', value: 'unknown' }, { value: 'unknown too' }] },
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
  ends.client.session.lost();
  ends.client.takeBytes();
  ends.server.session.lost();
  ends.server.session.lasting?.abandon();
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

test('a client that gave up waiting for the answer is heard plainly, and nothing is lost', () => {
  const client = new End('client', { helloTimeoutMs: 500 });
  const server = new End('server', {}, new Sessions<never>());
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
  expect([client.error, server.error, client.warnings]).toEqual([undefined, undefined, []]);
});

test('messages that a server sent before it was asked count as the first of the session', () => {
  const client = new End('client', {});
  const server = new End('server', {}, new Sessions<never>());
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
  const sessions = new Sessions<never>();
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
  const { client } = begun();
  const image = Buffer.alloc(10_000, 7);
  const frame = client.session.encode(image, {});
  client.session.lost();
  client.takeBytes();
  client.up();
  client.takeBytes();
  client.wait(5000); // nobody answers
  client.session.send(frame);
  const plain = new End('server', { handshake: 'off' });
  plain.up();
  plain.hear(client.takeBytes());
  expect(plain.warnings).toEqual([]);
  expect(plain.values).toEqual([image]);
});
