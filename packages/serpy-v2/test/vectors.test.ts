/** Frames recorded from the original, both ways. */
import { readFileSync } from 'node:fs';
import { everyCut } from 'serpy-core/testing';
import { describe, expect, test } from 'vitest';
import { float, type TypedValue, type Value } from '../src/values/values.js';
import { expectMessages, frameOf, receive } from './conversation.js';
import * as oracle from './oracle.js';

type Vector = { readonly frame_hex: string } & (
  | { readonly type: 'int'; readonly value: string }
  | { readonly type: 'float'; readonly ieee754_be_hex: string }
  | { readonly type: 'str'; readonly value: string }
  | { readonly type: 'bytes'; readonly hex: string }
);

const file = new URL('../../../test/vectors/v2-frames.json', import.meta.url);
const { vectors } = JSON.parse(readFileSync(file, 'utf8')) as { vectors: Vector[] };

function messageOf(vector: Vector): TypedValue {
  switch (vector.type) {
    case 'int': {
      const value = BigInt(vector.value);
      const safe = value >= BigInt(Number.MIN_SAFE_INTEGER) && value <= BigInt(Number.MAX_SAFE_INTEGER);
      return { type: 'int', value: safe ? Number(value) : value };
    }
    case 'float':
      return { type: 'float', value: Buffer.from(vector.ieee754_be_hex, 'hex').readDoubleBE() };
    case 'str':
      return { type: 'str', value: vector.value };
    case 'bytes':
      return { type: 'bytes', value: Buffer.from(vector.hex, 'hex') };
  }
}

/** A whole double would go as an integer of itself. */
function toSend(message: TypedValue): Value {
  return message.type === 'float' ? float(message.value) : message.value;
}

const rows = vectors.map((vector) => {
  const message = messageOf(vector);
  const shown = String(message.type === 'bytes' ? message.value.toString('hex') : message.value).slice(0, 30);
  return { name: `${message.type} ${JSON.stringify(shown)}`, message, bytes: Buffer.from(vector.frame_hex, 'hex') };
});

describe.each(rows)('the recorded frame of $name', ({ message, bytes }) => {
  test('is what is sent', () => {
    expect(frameOf(toSend(message)).toString('hex')).toBe(bytes.toString('hex'));
  });

  test('is understood, however it is cut', () => {
    for (const { name, chunks } of everyCut(bytes)) {
      const outcome = receive(chunks);
      expectMessages(outcome.messages, [message], name);
      expect([outcome.error, outcome.ended, outcome.warnings], name).toEqual([undefined, undefined, []]);
    }
  });

  test('is what the oracle sends and understands', () => {
    const { messages } = oracle.decode(bytes);
    expect(messages).toHaveLength(1);
    expect(Buffer.from(oracle.encode(messages[0] as oracle.OracleMessage)).equals(bytes)).toBe(true);
  });
});

test('all recorded frames in one stream are understood in order, however it is cut', () => {
  const messages = rows.map(({ message }) => message);
  for (const { name, chunks } of everyCut(Buffer.concat(rows.map(({ bytes }) => bytes)))) {
    expectMessages(receive(chunks).messages, messages, name);
  }
});

test('the vectors have what they should: all types, safe and unsafe integers, both zeros', () => {
  const values = rows.map(({ message }) => message.value);
  expect(new Set(rows.map(({ message }) => message.type))).toEqual(new Set(['int', 'float', 'str', 'bytes']));
  expect(values.some((value) => typeof value === 'bigint')).toBe(true);
  expect(values.some((value) => Object.is(value, -0))).toBe(true);
});
