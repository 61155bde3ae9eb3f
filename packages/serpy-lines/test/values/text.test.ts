/** The three encodings, byte by byte. */
import { fc, test } from 'serpy-contract-tests/properties';
import { expect } from 'vitest';
import { decodeText, encodeText, encodings, isText } from '../../src/values/text.js';

test.prop([fc.string({ unit: 'binary' }), fc.constantFrom(...encodings)])(
  'text comes back from its bytes, where the encoding has its characters',
  (text, encoding) => {
    let bytes: Buffer;
    try {
      bytes = encodeText(text, encoding);
    } catch (error) {
      const { character, position } = error as { character: string; position: number };
      expect(text.startsWith(character, position)).toBe(true);
      return;
    }
    expect([decodeText(bytes, encoding), isText(bytes, encoding)]).toEqual([text, true]);
  },
);

test.prop([fc.uint8Array(), fc.constantFrom(...encodings)])(
  'bytes are text, or have a replacement',
  (bytes, encoding) => {
    const buffer = Buffer.from(bytes);
    const text = decodeText(buffer, encoding);
    if (isText(buffer, encoding)) expect(encodeText(text, encoding)).toEqual(buffer);
    else expect(text).toContain('\ufffd');
  },
);

test('every byte is text in latin1, those below 80 in ascii and utf-8', () => {
  const named = (encoding: (typeof encodings)[number]) =>
    Array.from({ length: 256 }, (_, byte) => byte).filter((byte) => isText(Buffer.of(byte), encoding)).length;
  expect(encodings.map(named)).toEqual([128, 128, 256]);
});
