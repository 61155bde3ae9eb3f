/** docs/protocol-v2.md, metadata: each vector of the page is encoded and decoded. */
import { type About, aboutOf } from 'serpy-core';
import { describe, expect, test } from 'vitest';
import { decodeAboutFrame, encodeAboutHead } from '../packages/serpy-v2/src/reliable/about-frame.js';
import { encodeValue } from '../packages/serpy-v2/src/values/values.js';
import { frameType } from '../packages/serpy-v2/src/wire/constants.js';
import { messageOf } from './docs/protocol-end.js';
import { type Vector, vectorsOf } from './docs/vectors.js';

const vectors = vectorsOf('docs/protocol-v2.md').filter(({ kind }) => kind === 'about');
const rows = vectors.map((vector) => [vector.name, vector] as const);

function aboutIn(vector: Vector): About | undefined {
  const text = (key: string) => (vector.has(key) ? (JSON.parse(vector.text(key)) as string) : undefined);
  const axes = vector.all('axis').map((each) => JSON.parse(each) as string);
  const about = aboutOf(text('quantity'), text('unit'), axes.length === 0 ? undefined : axes);
  return Object.keys(about).length === 0 ? undefined : about;
}

describe('docs/protocol-v2.md: metadata', () => {
  test.each(rows.filter(([, vector]) => !vector.has('only')))('is encoded: %s', (_, vector) => {
    const { type, bytes } = encodeValue(messageOf(vector.text('value')).value as string);
    const head = encodeAboutHead(aboutIn(vector) as About, frameType[type]);
    expect(Buffer.concat([head, bytes])).toEqual(vector.bytes('bytes'));
  });

  test.each(rows)('is decoded: %s', (_, vector) => {
    const bytes = vector.bytes('bytes');
    const code = vector.optional('error');
    if (code !== undefined) {
      expect(() => decodeAboutFrame(bytes, 0)).toThrow(expect.objectContaining({ code }));
      return;
    }
    const message = decodeAboutFrame(bytes, 99);
    const { type, value } = messageOf(vector.text('value'));
    expect({ ...message }).toEqual({ type, value, sizeBytes: bytes.length, end: 99, about: aboutIn(vector) });
  });

  test('each payload that is too short is an error', () => {
    for (const length of [0, 1, 3]) {
      expect(() => decodeAboutFrame(Buffer.alloc(length), 0)).toThrow(
        expect.objectContaining({ code: 'ERR_SERPY_PROTOCOL' }),
      );
    }
  });
});
