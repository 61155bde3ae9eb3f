/** Text in the three encodings, strict both ways. */
import { fc, test } from 'serpy-contract-tests/properties';
import { EncodingError } from 'serpy-core';
import { describe, expect } from 'vitest';
import { v1ConnectionOptions } from '../../src/options.js';
import { checkText, decodeText, type Encoding, encodeText, encodings } from '../../src/values/text.js';
import { Conversation } from '../conversation.js';

function refusal(text: string, encoding: Encoding): EncodingError {
  try {
    checkText(text, encoding);
  } catch (error) {
    expect(error).toBeInstanceOf(EncodingError);
    return error as EncodingError;
  }
  throw new Error(`${JSON.stringify(text)} passed`);
}

test('there are ascii, latin1 and utf-8, and ascii is what a connection has unless it says otherwise', () => {
  expect(encodings).toEqual(['ascii', 'latin1', 'utf-8']);
  expect(v1ConnectionOptions.encoding.default).toBe('ascii');
});

describe('a character that the encoding lacks is refused by name, position and option', () => {
  const rows: [Encoding, string, character: string, code: string, position: number, says: string][] = [
    ['ascii', 'abcé', 'é', 'U+00E9', 3, "use encoding: 'utf-8' (or 'latin1')"],
    ['ascii', 'é and ü', 'é', 'U+00E9', 0, "encoding 'ascii'"],
    ['ascii', 'a\x80', '\x80', 'U+0080', 1, "encoding 'ascii'"],
    ['ascii', '12 µs 😀', 'µ', 'U+00B5', 3, "encoding 'ascii'"],
    ['ascii', 'a😀', '😀', 'U+1F600', 1, "encoding 'ascii'"],
    ['ascii', 'a\ud800b', '\ud800', 'U+D800', 1, "encoding 'ascii'"],
    ['latin1', 'é €', '€', 'U+20AC', 2, "use encoding: 'utf-8' at both ends"],
    ['latin1', 'aĀ', 'Ā', 'U+0100', 1, "encoding 'latin1'"],
    ['latin1', 'éé𝄞', '𝄞', 'U+1D11E', 2, "encoding 'latin1'"],
    ['utf-8', '😀a\ude00', '\ude00', 'U+DE00', 3, 'half a character'],
    ['utf-8', '\ud83d', '\ud83d', 'U+D83D', 0, 'half a character'],
    ['utf-8', '\ude00\ud83d', '\ude00', 'U+DE00', 0, 'half a character'],
  ];
  test.each(rows)('%s, %j: %j (%s) at %i', (encoding, text, character, code, position, says) => {
    const error = refusal(text, encoding);
    expect(error).toMatchObject({ code: 'ERR_SERPY_ENCODING', character, position });
    expect(error.message).toContain(code);
    expect(error.message).toContain(`at position ${position}`);
    expect(error.message).toContain(says);
    expect(error.message).not.toMatch(/\p{Surrogate}/u);
  });

  test('by the session too, in modes 0 to 3, and nothing is sent', () => {
    const conversation = new Conversation();
    for (const mode of [0, 1, 2, 3] as const) {
      expect(() => conversation.say('é', { mode })).toThrow(expect.objectContaining({ code: 'ERR_SERPY_ENCODING' }));
    }
    expect(conversation.takeShown()).toBe('');
  });

  test('not in modes 4 and 5, whose text is Unicode', () => {
    const conversation = new Conversation();
    for (const mode of [4, 5] as const) expect(conversation.say('é😀', { mode }).mode).toBe(mode);
  });
});

const charactersOf: Record<Encoding, fc.Arbitrary<string>> = {
  ascii: fc.integer({ min: 0, max: 0x7f }).map((code) => String.fromCharCode(code)),
  latin1: fc.integer({ min: 0, max: 0xff }).map((code) => String.fromCharCode(code)),
  'utf-8': fc.string({ unit: 'binary', minLength: 1, maxLength: 1 }),
};

describe.each(encodings)('%s', (encoding) => {
  test.prop([fc.string({ unit: charactersOf[encoding] })])('gives back every text of its characters', (text) => {
    checkText(text, encoding);
    expect(decodeText(encodeText(text, encoding), encoding)).toBe(text);
  });

  test.prop([fc.string({ unit: fc.oneof(charactersOf['utf-8'], fc.constantFrom('\ud800', '\udfff', 'é')) })])(
    'either rejects a text or transmits it unchanged',
    (text) => {
      try {
        checkText(text, encoding);
      } catch (error) {
        const { character, position } = error as EncodingError;
        expect(text.slice(position).startsWith(character)).toBe(true);
        checkText(text.slice(0, position), encoding); // it was the first
        return;
      }
      expect(decodeText(encodeText(text, encoding), encoding)).toBe(text);
    },
  );
});

describe('bytes that are invalid in the encoding', () => {
  const rows: [Encoding, string][] = [
    ['ascii', '6180'],
    ['ascii', 'ff'],
    ['utf-8', 'ff'],
    ['utf-8', '61c3'],
    ['utf-8', 'c0af'],
    ['utf-8', 'eda080'],
    ['utf-8', 'f4908080'],
  ];
  test.each(rows)('%s: %s', (encoding, hex) => {
    expect(decodeText(Buffer.from(hex, 'hex'), encoding)).toBeUndefined();
  });

  test('do not affect the next text', () => {
    decodeText(Buffer.from('61c3', 'hex'), 'utf-8');
    expect(decodeText(Buffer.from('é'), 'utf-8')).toBe('é');
  });
});

test('a byte order mark is a character as any other', () => {
  expect(decodeText(encodeText('\ufeffa', 'utf-8'), 'utf-8')).toBe('\ufeffa');
});

test('latin1 takes every byte', () => {
  const bytes = Buffer.from(Array.from({ length: 256 }, (_, byte) => byte));
  expect(encodeText(decodeText(bytes, 'latin1') as string, 'latin1').equals(bytes)).toBe(true);
});
