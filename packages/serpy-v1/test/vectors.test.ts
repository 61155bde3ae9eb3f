/** Recorded exchanges of the Python module, in both directions. */
import { readFileSync } from 'node:fs';
import { everyCut } from 'serpy-core/testing';
import { describe, expect, test } from 'vitest';
import type { Value } from '../src/values/values.js';
import type { Mode } from '../src/wire/constants.js';
import { Conversation, receive } from './conversation.js';
import * as oracle from './oracle.js';

type Send = { readonly mode: Mode } & (
  | { readonly kind: 'text' | 'number'; readonly text: string }
  | { readonly kind: 'bytes'; readonly hex: string }
);
interface Vector {
  readonly encoding: 'utf-8';
  readonly sends: readonly Send[];
  readonly wire_hex: string;
}

const file = new URL('../../../test/vectors/v1-transcripts.json', import.meta.url);
const { vectors } = JSON.parse(readFileSync(file, 'utf8')) as { vectors: Vector[] };

function valueToSend(send: Send): Value {
  if (send.kind === 'bytes') return Buffer.from(send.hex, 'hex');
  return send.kind === 'number' ? Number(send.text) : send.text;
}

const rows = vectors.map(({ encoding, sends, wire_hex }) => ({
  name: sends.map((send) => `${send.kind} in mode ${send.mode}`).join(', '),
  encoding,
  values: sends.map((send) => ({ value: valueToSend(send), mode: send.mode })),
  messages: sends.map((send) => ({
    mode: send.mode,
    bytes: send.kind === 'bytes' ? Buffer.from(send.hex, 'hex') : Buffer.from(send.text, 'utf8'),
  })),
  bytes: Buffer.from(wire_hex, 'hex'),
  /** One answer to each SETMODE, one to each acknowledged message, in order. */
  answers: sends.map(({ mode }, i) => {
    const changed = mode !== (sends[i - 1]?.mode ?? 0);
    return (changed ? '^ACKMODCG|' : '') + (mode % 2 === 1 ? '^ACKEOT!!|' : '');
  }),
}));

describe.each(rows)('$name', ({ encoding, values, messages, bytes, answers }) => {
  test('is sent as the Python module sends it to a peer that answers each message', () => {
    const conversation = new Conversation({ encoding });
    const peer = new oracle.Original();
    const written = values.map(({ value, mode }) => {
      conversation.say(value, { mode });
      return conversation.exchange(peer);
    });
    expect(Buffer.concat(written).toString('hex')).toBe(bytes.toString('hex'));
    expect(conversation.acknowledged).toHaveLength(messages.filter(({ mode }) => mode % 2 === 1).length);
    expect(conversation.warnings).toEqual([]);
    expect(peer.deaf).toBeUndefined();
  });

  test('is sent in the same bytes to a peer whose answers come after all of it', () => {
    const conversation = new Conversation({ encoding });
    for (const { value, mode } of values) conversation.say(value, { mode });
    expect(conversation.exchange(new oracle.Original()).toString('hex')).toBe(bytes.toString('hex'));
    expect(conversation.warnings).toEqual([]);
  });

  test('is understood and answered, however it is cut', () => {
    for (const { name, chunks } of everyCut(bytes)) {
      const outcome = receive(chunks, { encoding });
      expect(outcome, name).toEqual({
        messages,
        written: answers.join(''),
        warnings: [],
        error: undefined,
        ended: undefined,
      });
    }
  });

  test('is what the oracle sends and understands', () => {
    const peer = new oracle.Original();
    peer.receive(bytes);
    expect(Buffer.from(oracle.encode(peer.messages)).toString('hex')).toBe(bytes.toString('hex'));
    expect(peer.messages.map(({ mode, bytes }) => ({ mode, bytes: Buffer.from(bytes) }))).toEqual(messages);
  });
});

test('the vectors have what they should: text, bytes and numbers, modes 0 to 3, changes of mode', () => {
  const sends = vectors.flatMap(({ sends }) => sends);
  expect(new Set(sends.map(({ kind }) => kind))).toEqual(new Set(['text', 'bytes', 'number']));
  expect(new Set(sends.map(({ mode }) => mode))).toEqual(new Set([0, 1, 2, 3]));
  expect(vectors.some(({ sends }) => new Set(sends.map(({ mode }) => mode)).size >= 3)).toBe(true);
});
