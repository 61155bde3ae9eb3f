/** docs/protocol-v1.md, compared with serpy-v1: each vector of the page is encoded and decoded. */
import { isDeepStrictEqual } from 'node:util';
import { isSerpyError } from 'serpy-core';
import { RecordingHost } from 'serpy-core/testing';
import { v1Protocol } from 'serpy-v1';
import { float, int } from 'serpy-v2';
import { describe, expect, test } from 'vitest';
import { decodeBase85, encodeBase85 } from '../packages/serpy-v1/src/values/base85.js';
import { parseNumber } from '../packages/serpy-v1/src/values/number-text.js';
import { bytesOf, hexOf, type Vector, vectorsOf } from './docs/vectors.js';

const vectors = vectorsOf('docs/protocol-v1.md');
const ofKind = (kind: string) =>
  vectors.filter((vector) => vector.kind === kind).map((vector) => [vector.name, vector] as const);

/** A protocol state machine on a new connection, and its output. */
function newSession(vector: Vector) {
  const pieces = new RecordingHost();
  const encoding = (vector.optional('encoding') ?? 'ascii') as 'ascii';
  const protocol = v1Protocol({ encoding, maxMessageBytes: 1_000_000 });
  const session = protocol.createSession('server', { ...pieces, acknowledged() {}, warn() {} });
  session.linkUp(0);
  return { protocol, session, written: () => hexOf(Buffer.concat(pieces.take())) };
}

interface Said {
  readonly value: string | Buffer | object;
  readonly mode: 0 | 1 | 2 | 3 | 4 | 5;
}

/** A line `send` or `gives`: `text "hello" mode 0`, `bytes 01 02 mode 3`, `object {"a": 1} mode 5`. */
function said(line: string): Said {
  const [, type, rest = '', mode] = /^(text|bytes|object)(?: (.*?))? mode ([0-5])$/.exec(line) ?? [];
  if (mode === undefined) throw new Error(`no message: ${line}`);
  return { value: type === 'bytes' ? bytesOf(rest) : JSON.parse(rest), mode: Number(mode) as Said['mode'] };
}

/** The messages and answers of a receiver for these bytes, for every cut. */
function received(vector: Vector, cut: number) {
  const { protocol, session, written } = newSession(vector);
  const bytes = vector.bytes('bytes');
  const messages: Said[] = [];
  let error: string | undefined;
  let ends: string | undefined;
  try {
    for (let at = 0; at < bytes.length; at += cut) {
      session.receive(Buffer.from(bytes.subarray(at, at + cut)), 0);
      for (let message = session.read(); message; message = session.read()) {
        const { value, mode } = protocol.message(message);
        messages.push({ value: plain(value), mode });
      }
      session.retainUnread();
    }
    ends = session.ended()?.code;
  } catch (thrown) {
    if (!isSerpyError(thrown)) throw thrown;
    error = thrown.code;
  }
  return { messages, answers: written(), error, ends };
}

/** A dict as JSON has it. */
function plain(value: unknown): object | string | Buffer {
  return value instanceof Map ? Object.fromEntries(value) : (value as object);
}

describe('an exchange of docs/protocol-v1.md', () => {
  test.each(ofKind('v1-exchange'))('%s is sent as the page says', (_, vector) => {
    const { session, written } = newSession(vector);
    for (const { value, mode } of vector.all('send').map(said)) session.send(session.encode(value as string, { mode }));
    expect(written()).toBe(hexOf(vector.bytes('bytes')));
  });

  test.each(ofKind('v1-exchange'))('%s is received and answered as the page says', (_, vector) => {
    const expected = {
      messages: vector.all('send').map(said),
      answers: hexOf(vector.bytes('answers')),
      error: undefined,
      ends: undefined,
    };
    for (const cut of [1, 7, 1000]) expect(received(vector, cut)).toEqual(expected);
  });
});

test.each(ofKind('v1-receive'))('docs/protocol-v1.md: %s', (_, vector) => {
  const expected = {
    messages: vector.all('gives').map(said),
    answers: hexOf(vector.bytes('answers')),
    error: vector.optional('error'),
    ends: vector.optional('ends'),
  };
  for (const cut of [1, 7, 1000]) expect(received(vector, cut)).toEqual(expected);
});

test.each(ofKind('base85'))('docs/protocol-v1.md: base85, %s', (_, vector) => {
  const text = Buffer.from(vector.text('text'), 'latin1');
  const error = vector.optional('error');
  if (error !== undefined) {
    expect(() => decodeBase85(text)).toThrow(expect.objectContaining({ code: error }));
    return;
  }
  expect(hexOf(decodeBase85(text))).toBe(hexOf(vector.bytes('plain')));
  if (vector.optional('direction') !== 'decode') expect(encodeBase85(vector.bytes('plain'))).toEqual(text);
});

test.each(ofKind('v1-number'))('docs/protocol-v1.md: the number %s', (_, vector) => {
  const [type, digits = ''] = vector.text('value').split(' ');
  const value = Number(digits);
  const { session, written } = newSession(vector);
  session.send(session.encode(type === 'int' ? int(value) : float(value), { mode: 0 }));
  expect(written()).toBe(hexOf(Buffer.from(`${vector.text('text')}\x1f`, 'latin1')));
  expect(isDeepStrictEqual(parseNumber(vector.text('text')), value)).toBe(true);
});

test('every vector of docs/protocol-v1.md is used, with all of its lines', () => {
  expect(vectors.length).toBeGreaterThan(30);
  expect([...new Set(vectors.map(({ kind }) => kind))]).toEqual(['v1-exchange', 'v1-receive', 'base85', 'v1-number']);
  expect(vectors.filter(({ unused }) => unused.length > 0).map(({ place, unused }) => [place, unused])).toEqual([]);
});
