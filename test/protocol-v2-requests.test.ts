/** docs/protocol-v2.md, requests: each vector of the page is encoded and decoded. */

import { detachedHost, type RequestPart } from 'serpy-core';
import { expect, test } from 'vitest';
import {
  decodeRequestFrame,
  encodeRequestHead,
  encodeRequestText,
} from '../packages/serpy-v2/src/reliable/request-frame.js';
import { V2Session } from '../packages/serpy-v2/src/v2-session.js';
import { messageOf } from './docs/protocol-end.js';
import { type Vector, vectorsOf } from './docs/vectors.js';

const vectors = vectorsOf('docs/protocol-v2.md').filter(({ kind }) => kind === 'request');
const rows = vectors.map((vector) => [vector.name, vector] as const);

function partOf(vector: Vector): RequestPart {
  const kind = vector.text('part') as 'request';
  const id = vector.number('number');
  if (!vector.has('text')) return { kind, id };
  return { kind: 'failure', id, code: vector.optional('code') ?? '', message: vector.text('text') };
}

test.each(rows.filter(([, vector]) => vector.text('part') !== 'unknown'))('is encoded: %s', (_, vector) => {
  const part = partOf(vector);
  const value = vector.optional('value');
  const session = new V2Session({ maxMessageBytes: 1000 }, detachedHost({}));
  const frame = value === undefined ? undefined : session.encode(messageOf(value).value as string);
  const rest = frame?.payload ?? encodeRequestText(part);
  expect(Buffer.concat([encodeRequestHead(part, frame?.type ?? 0), rest])).toEqual(vector.bytes('bytes'));
});

test.each(rows)('is decoded: %s', (_, vector) => {
  const decoded = decodeRequestFrame(vector.bytes('bytes'), 99);
  if (vector.text('part') === 'unknown') {
    expect(decoded).toBeUndefined();
    return;
  }
  expect(decoded).toMatchObject({ part: partOf(vector), end: 99, sizeBytes: vector.bytes('bytes').length });
  const value = vector.optional('value');
  if (value !== undefined) expect({ type: decoded?.type, value: decoded?.value }).toEqual(messageOf(value));
});

test('a part that is too short is an error', () => {
  for (const bytes of [Buffer.alloc(15), Buffer.concat([Buffer.of(2), Buffer.alloc(15), Buffer.of(3, 65)])]) {
    expect(() => decodeRequestFrame(bytes, 0)).toThrow(expect.objectContaining({ code: 'ERR_SERPY_PROTOCOL' }));
  }
});
