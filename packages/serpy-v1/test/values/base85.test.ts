/** base85: against the recorded vectors, and against a slow codec that is obvious. */

import { readFileSync } from 'node:fs';
import { fc, test } from 'serpy-contract-tests/properties';
import { describe, expect } from 'vitest';
import { decodeBase85, decodedBase85Length, encodeBase85, encodedBase85Length } from '../../src/values/base85.js';

interface Vectors {
  vectors: { hex: string; base85: string }[];
  decode: { base85: string; ok: boolean; hex?: string }[];
}
const { vectors, decode } = JSON.parse(
  readFileSync(new URL('../../../../test/vectors/base85.json', import.meta.url), 'utf8'),
) as Vectors;

const ALPHABET = '0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz!#$%&()*+-;<=>?@^_`{|}~';

/** Digit by digit, in big integers. */
function obviousEncode(bytes: Uint8Array): string {
  let text = '';
  for (let start = 0; start < bytes.length; start += 4) {
    const group = [...bytes.subarray(start, start + 4)];
    const padded = [...group, 0, 0, 0].slice(0, 4);
    let value = padded.reduce((sum, byte) => sum * 256n + BigInt(byte), 0n);
    let digits = '';
    for (let count = 0; count < 5; count++) {
      digits = ALPHABET.charAt(Number(value % 85n)) + digits;
      value /= 85n;
    }
    text += digits.slice(0, group.length + 1);
  }
  return text;
}

/** The bytes, or `undefined` for an invalid text. */
function obviousDecode(text: string): Buffer | undefined {
  const bytes: number[] = [];
  for (let start = 0; start < text.length; start += 5) {
    const group = text.slice(start, start + 5);
    let value = 0n;
    for (const character of group.padEnd(5, '~')) {
      const digit = ALPHABET.indexOf(character);
      if (digit === -1) return undefined;
      value = value * 85n + BigInt(digit);
    }
    if (value > 0xffffffffn) return undefined;
    const four = [24n, 16n, 8n, 0n].map((shift) => Number((value >> shift) & 0xffn));
    bytes.push(...four.slice(0, group.length - 1));
  }
  return Buffer.from(bytes);
}

const outcome = (text: Uint8Array): Buffer | undefined => {
  try {
    return decodeBase85(text);
  } catch (error) {
    expect(error).toMatchObject({ code: 'ERR_SERPY_PROTOCOL' });
    return undefined;
  }
};

/** The same bytes in the middle of a larger buffer, at an odd offset. */
const viewInto = (bytes: Uint8Array) => {
  const around = new Uint8Array(bytes.length + 8).fill(0x22);
  around.set(bytes, 3);
  return around.subarray(3, 3 + bytes.length);
};

describe('the recorded vectors', () => {
  test.each(vectors)('encodes $hex as CPython does, and decodes it back', ({ hex, base85 }) => {
    const bytes = Buffer.from(hex, 'hex');
    expect(encodeBase85(bytes).toString('latin1')).toBe(base85);
    expect(encodeBase85(viewInto(bytes)).toString('latin1')).toBe(base85);
    expect(decodeBase85(Buffer.from(base85, 'latin1')).toString('hex')).toBe(hex);
    expect(decodeBase85(viewInto(Buffer.from(base85, 'latin1'))).toString('hex')).toBe(hex);
  });

  test.each(decode)('takes or refuses $base85 as CPython does: $ok', ({ base85, ok, hex }) => {
    expect(outcome(Buffer.from(base85, 'latin1'))?.toString('hex')).toBe(ok ? hex : undefined);
  });
});

describe('against the obvious codec', () => {
  test.prop([fc.uint8Array({ maxLength: 300 })])('encodes and decodes any bytes', (bytes) => {
    const text = encodeBase85(bytes);
    expect(text.toString('latin1')).toBe(obviousEncode(bytes));
    expect(text.length).toBe(encodedBase85Length(bytes.length));
    expect(decodedBase85Length(text.length)).toBe(bytes.length);
    expect([...decodeBase85(text)]).toEqual([...bytes]);
  });

  const digit = fc.constantFrom(...ALPHABET);
  const highDigit = fc.constantFrom('|', '~', 'N', 's', 'C', '0', '1');
  test.prop([fc.oneof(fc.string({ unit: digit }), fc.string({ unit: highDigit, maxLength: 7 }))])(
    'takes and refuses texts of the alphabet',
    (text) => {
      expect(outcome(Buffer.from(text, 'latin1'))).toEqual(obviousDecode(text));
    },
  );

  test.prop([fc.uint8Array({ maxLength: 12 })])('takes and refuses any bytes', (text) => {
    expect(outcome(text)).toEqual(obviousDecode(Buffer.from(text).toString('latin1')));
  });
});

describe('every byte value', () => {
  test('is refused outside the alphabet, wherever in a group it stands', () => {
    for (let byte = 0; byte < 0x100; byte++) {
      for (let position = 0; position < 7; position++) {
        const text = Buffer.from('0000000', 'latin1');
        text[position] = byte;
        const known = byte < 0x80 && ALPHABET.includes(String.fromCharCode(byte));
        if (known) expect(outcome(text)).toEqual(obviousDecode(text.toString('latin1')));
        else expect(outcome(text), `byte ${byte} at ${position}`).toBeUndefined();
      }
    }
  });
});

describe('a fault', () => {
  test('is reported with its byte and position', () => {
    expect(() => decodeBase85(Buffer.from('0000000\n00'))).toThrow(/byte 0x0a at position 7 is outside the alphabet/);
    expect(() => decodeBase85(Buffer.from('00000|NsC1'))).toThrow(/group at position 5 \(first byte 0x7c\)/);
    expect(() => decodeBase85(Buffer.from('00000~'))).toThrow(/group at position 5 \(first byte 0x7e\)/);
  });

  test('is found within a large valid text', () => {
    const text = encodeBase85(Buffer.alloc(100_000, 7));
    text[77_777] = 0x20;
    expect(() => decodeBase85(text)).toThrow(/byte 0x20 at position 77777/);
  });
});

describe('what comes out', () => {
  test.each([4096, 5000, 300_000])('owns its memory exactly: %i bytes', (length) => {
    const text = encodeBase85(Buffer.alloc(length, 1));
    const bytes = decodeBase85(text);
    expect([text.byteOffset, text.buffer.byteLength]).toEqual([0, text.length]);
    expect([bytes.byteOffset, bytes.buffer.byteLength]).toEqual([0, length]);
  });
});
