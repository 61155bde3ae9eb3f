/** The session as core uses it: the bytes of a value, and a fresh start on each transport. */
import { RecordingHost } from 'serpy-core/testing';
import { describe, expect, test } from 'vitest';
import { type Frame, V2Session } from '../src/v2-session.js';
import type { Value } from '../src/values/values.js';
import { frameOf, piecesOf } from './conversation.js';

function createSession(maxMessageBytes = 1000) {
  const pieces = new RecordingHost();
  const acknowledged: Frame[] = [];
  const session = new V2Session(
    { maxMessageBytes },
    { ...pieces, acknowledged: (frame) => acknowledged.push(frame), warn() {} },
  );
  return { session, pieces, acknowledged };
}

describe('sending', () => {
  test.each<[value: Value, hex: string]>([
    ['hello', 'decafecafe21140200000500000068656c6c6f'],
    ['', 'decafecafe210000000000000000'],
    [1, 'decafecafe0101000000080000000100000000000000'],
    [Buffer.of(0xff, 0xff), 'decafecafe81fe01000002000000ffff'],
  ])('%j is one frame', (value, hex) => {
    expect(frameOf(value).toString('hex')).toBe(hex);
  });

  test('puts a small payload behind its header, so that it goes out in one piece', () => {
    const bytes = Buffer.alloc(4095, 1);
    const pieces = piecesOf(bytes);
    expect(pieces.map((piece) => piece.length)).toEqual([14 + 4095]);
    bytes.fill(2);
    expect(pieces[0]?.[14], 'a copy, which does not change').toBe(1);
  });

  test('never copies a big payload: header and payload are two pieces', () => {
    const bytes = Buffer.alloc(4096, 1);
    const pieces = piecesOf(bytes);
    expect(pieces.map((piece) => piece.length)).toEqual([14, 4096]);
    expect(pieces[1]).toBe(bytes);
  });

  test('sends a view as what it shows, not as what lies around it', () => {
    const around = new Uint8Array(10_000).fill(9);
    const view = around.subarray(3, 5003).fill(1);
    expect(frameOf(view).equals(frameOf(Buffer.alloc(5000, 1)))).toBe(true);
    expect(frameOf(view.subarray(0, 10)).equals(frameOf(Buffer.alloc(10, 1)))).toBe(true);
  });

  test('counts the bytes of a message on the wire, and waits for no acknowledgement', () => {
    const { session, acknowledged } = createSession();
    session.linkUp();
    const frame = session.encode('hello');
    expect(frame).toMatchObject({ sizeBytes: 19, awaitsAck: false });
    session.send(frame);
    expect(acknowledged).toEqual([]);
  });

  test('writes nothing before `send` is called, and can always send', () => {
    const { session, pieces } = createSession();
    expect(session.canSend).toBe(true);
    expect(session.deadlineMs).toBeUndefined();
    session.linkUp();
    session.encode('hello');
    session.tick(0);
    session.cancelAck(session.encode('hello'));
    expect(pieces.take()).toEqual([]);
  });

  test('sends the same frame again over another transport', () => {
    const { session, pieces } = createSession();
    const frame = session.encode('hello');
    session.linkUp();
    session.send(frame);
    session.linkDown();
    session.linkUp();
    session.send(frame);
    expect(Buffer.concat(pieces.take()).equals(Buffer.concat([frameOf('hello'), frameOf('hello')]))).toBe(true);
  });

  test.each<[what: string, largest: Value, larger: Value]>([
    ['bytes', Buffer.alloc(1000), Buffer.alloc(1001)],
    ['text, counted in bytes', 'µ'.repeat(500), `${'µ'.repeat(500)}a`],
  ])('refuses %s above maxMessageBytes', (_what, largest, larger) => {
    const { session, pieces } = createSession(1000);
    session.linkUp();
    expect(session.encode(largest).sizeBytes).toBe(1014);
    expect(() => session.encode(larger)).toThrow(
      expect.objectContaining({ code: 'ERR_SERPY_TOO_LARGE', sizeBytes: 1001, limitBytes: 1000 }),
    );
    expect(pieces.take()).toEqual([]);
  });
});

describe('each transport starts anew', () => {
  const [hello, goodbye] = [frameOf('hello'), frameOf('goodbye')];

  test.each([1, 5, 13, 14, 17])('after %i bytes of a message that stays unfinished', (bytes) => {
    const { session } = createSession();
    session.linkUp();
    session.receive(Buffer.from(hello.subarray(0, bytes)));
    expect(session.read()).toBeUndefined();
    expect(session.ended()).toMatchObject({ code: 'ERR_SERPY_TRUNCATED' });
    session.linkDown();
    expect([session.read(), session.ended()]).toEqual([undefined, undefined]);
    session.linkUp();
    session.receive(Buffer.from(goodbye));
    expect(session.read()?.value).toBe('goodbye');
    expect(session.ended()).toBeUndefined();
  });

  test('after bytes that could not be read', () => {
    const { session } = createSession();
    session.linkUp();
    session.receive(Buffer.from('junk'));
    expect(() => session.read()).toThrow(expect.objectContaining({ code: 'ERR_SERPY_PROTOCOL' }));
    session.linkDown();
    session.linkUp();
    session.receive(Buffer.from(goodbye));
    expect(session.read()?.value).toBe('goodbye');
  });

  test('with a probe once more', () => {
    const probe = Buffer.from('\x01SETMODE0\x1f\x1f\x1f\x1f\x1f', 'latin1');
    const { session } = createSession();
    for (let i = 0; i < 3; i++) {
      session.linkUp();
      session.receive(Buffer.concat([probe, hello]));
      expect(session.read()?.value).toBe('hello');
      session.linkDown();
    }
  });
});

test('a received message weighs its payload', () => {
  const { session } = createSession();
  session.linkUp();
  session.receive(Buffer.concat([frameOf('hello'), frameOf(Buffer.alloc(700))]));
  expect([session.read()?.sizeBytes, session.read()?.sizeBytes, session.read()]).toEqual([5, 700, undefined]);
});
