/** The kernel of base85, for much data at once: against digits by arithmetic, the plain loops and the recorded vectors. */

import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { seededRandom } from 'serpy-core/testing';
import { afterEach, describe, expect, test, vi } from 'vitest';
import { kernelSource } from '../../../../scripts/assemble.mjs';
import * as base85 from '../../src/values/base85.js';
import { decodeBase85, decodeGroups, encodeBase85, encodeGroups } from '../../src/values/base85.js';

const ALPHABET = '0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz!#$%&()*+-;<=>?@^_`{|}~';
const characters = Buffer.from(ALPHABET, 'latin1');

const random = seededRandom(85);
const randomBytes = (length: number) => Buffer.from(Uint8Array.from({ length }, () => random() * 256));

/** The same bytes in the middle of a larger buffer. */
const viewInto = (bytes: Uint8Array, offset: number) => {
  const around = new Uint8Array(bytes.length + offset + 8).fill(0x22);
  around.set(bytes, offset);
  return around.subarray(offset, offset + bytes.length);
};

/** Bytes and text of 32-bit numbers, digit by digit. */
function written(values: ArrayLike<number>) {
  const bytes = Buffer.alloc(values.length * 4);
  const text = Buffer.alloc(values.length * 5);
  for (let i = 0; i < values.length; i++) {
    let value = values[i]!;
    bytes.writeUInt32BE(value, i * 4);
    for (let digit = 4; digit >= 0; digit--) {
      text[i * 5 + digit] = characters[value % 85]!;
      value = Math.floor(value / 85);
    }
  }
  return { bytes, text };
}

function expectBothWays(values: ArrayLike<number>) {
  const { bytes, text } = written(values);
  expect(encodeBase85(bytes).equals(text)).toBe(true);
  expect(decodeBase85(text).equals(bytes)).toBe(true);
}

// What is rounded never falls where its argument rises, so that its steps prove all that lies between them.
describe('the divisions are exact', () => {
  test('by 85^3, before and at every multiple up to 2^32', () => {
    const multiples = Array.from({ length: Math.ceil(2 ** 32 / 85 ** 3) }, (_, i) => i * 85 ** 3);
    expectBothWays([...multiples, ...multiples.slice(1).map((value) => value - 1), 2 ** 31 - 1, 2 ** 31, 2 ** 32 - 1]);
  });

  test('by 85, for every remainder below 85^3', () => {
    expectBothWays(Uint32Array.from({ length: 85 ** 3 }, (_, i) => i));
    expectBothWays(Uint32Array.from({ length: 85 ** 3 }, (_, i) => 6992 * 85 ** 3 + i));
  });

  test('for many random groups', () => {
    expectBothWays(Uint32Array.from({ length: 300_000 }, () => random() * 2 ** 32));
  });
});

describe('beside the plain loops', () => {
  // Around the first size for the kernel (384 bytes), its step (64 bytes) and its pieces (8,192 bytes).
  const sizes = [0, 64, 320, 384, 448, 512, 8192, 8576, 16_384, 40_000];
  test.each(sizes)('the same text and bytes, for all lengths from %i to 70 more', (size) => {
    for (let length = size; length <= size + 70; length++) {
      const bytes = randomBytes(length);
      const rest = length % 4;
      const padded = Buffer.concat([bytes, Buffer.alloc(rest === 0 ? 0 : 4 - rest)]);
      const text = Buffer.alloc((padded.length / 4) * 5);
      encodeGroups(padded, text, padded.length / 4);
      const expected = text.subarray(0, text.length - (padded.length - length));
      const encoded = encodeBase85(viewInto(bytes, length % 17));
      expect(encoded.equals(expected), `${length} bytes`).toBe(true);
      expect(decodeBase85(viewInto(encoded, length % 19)).equals(bytes), `to ${length} bytes`).toBe(true);
    }
  });

  test('the same in shared memory, and what comes out owns its memory exactly', () => {
    const bytes = randomBytes(20_001);
    const shared = new Uint8Array(new SharedArrayBuffer(bytes.length));
    shared.set(bytes);
    const text = encodeBase85(shared);
    const sharedText = new Uint8Array(new SharedArrayBuffer(text.length));
    sharedText.set(text);
    const decoded = decodeBase85(sharedText);
    expect(text.equals(encodeBase85(bytes))).toBe(true);
    expect(decoded.equals(bytes)).toBe(true);
    expect([text.byteOffset, text.buffer.byteLength]).toEqual([0, 25_002]);
    expect([decoded.byteOffset, decoded.buffer.byteLength]).toEqual([0, 20_001]);
  });
});

describe('what is refused', () => {
  test('is every byte outside the alphabet, wherever in a step it stands', () => {
    const digits = Buffer.alloc(500, '0');
    const sound = Buffer.alloc(400);
    for (let byte = 0; byte < 0x100; byte++) {
      for (let position = 0; position < 80; position++) {
        const text = Buffer.from(digits);
        text[position + 160] = byte;
        const isFirst = position % 5 === 0;
        const digit = characters.indexOf(byte);
        if (digit === -1) {
          expect(decodeGroups(text, sound, 100), `byte ${byte} in the loops`).toBe(false);
          expect(() => decodeBase85(text)).toThrow(
            `byte 0x${byte.toString(16).padStart(2, '0')} at position ${position + 160} is outside the alphabet`,
          );
        } else if (isFirst && digit > 82) {
          expect(() => decodeBase85(text)).toThrow(`group at position ${position + 160}`);
        } else {
          expect(decodeGroups(text, sound, 100)).toBe(true);
          expect(decodeBase85(text).equals(sound), `byte ${byte} at ${position}`).toBe(true);
        }
      }
    }
  });

  test('is every group above 2^32 - 1, wherever in a step it stands', () => {
    for (let group = 0; group < 16; group++) {
      const at = 80 + group * 5;
      const textWith = (characters: string) => {
        const text = encodeBase85(randomBytes(500));
        text.write(characters, at, 'latin1');
        return text;
      };
      expect(decodeBase85(textWith('|NsC0')).readUInt32BE(64 + group * 4)).toBe(2 ** 32 - 1);
      expect(decodeBase85(textWith('|NsB~')).readUInt32BE(64 + group * 4)).toBe(2 ** 32 - 2);
      for (const above of ['|NsC1', '|NsD0', '|Nt00', '|O000', '}0000', '~~~~~']) {
        expect(() => decodeBase85(textWith(above)), above).toThrow(`group at position ${at}`);
      }
    }
  });

  test('is a fault in any piece and after the last step, and what follows is decoded as ever', () => {
    const bytes = randomBytes(30_030);
    const text = encodeBase85(bytes);
    for (const position of [0, 10_239, 10_240, 20_480, 37_439, 37_440, 37_530, text.length - 1]) {
      const damaged = Buffer.from(text);
      damaged[position] = 0x20;
      expect(() => decodeBase85(damaged)).toThrow(`byte 0x20 at position ${position} is outside`);
      expect(decodeBase85(text).equals(bytes)).toBe(true);
    }
  });
});

interface Vectors {
  vectors: { hex: string; base85: string }[];
}
const { vectors } = JSON.parse(
  readFileSync(new URL('../../../../test/vectors/base85.json', import.meta.url), 'utf8'),
) as Vectors;

describe('the recorded vectors', () => {
  const whole = vectors
    .map(({ hex, base85 }) => ({ bytes: Buffer.from(hex, 'hex'), text: Buffer.from(base85, 'latin1') }))
    .filter(({ bytes }) => bytes.length % 4 === 0);

  test('one after the other, again and again, become what CPython makes of each', () => {
    const many = Array.from({ length: 20 }, () => whole).flat();
    const bytes = Buffer.concat(many.map((each) => each.bytes));
    const text = Buffer.concat(many.map((each) => each.text));
    expect(bytes.length).toBeGreaterThan(384);
    expect(encodeBase85(bytes).equals(text)).toBe(true);
    expect(decodeBase85(text).equals(bytes)).toBe(true);
  });

  test('become the same in the plain loops', () => {
    for (const { bytes, text } of whole) {
      const encoded = Buffer.alloc(text.length);
      const decoded = Buffer.alloc(bytes.length);
      encodeGroups(bytes, encoded, bytes.length / 4);
      expect(encoded.equals(text)).toBe(true);
      expect(decodeGroups(text, decoded, bytes.length / 4)).toBe(true);
      expect(decoded.equals(bytes)).toBe(true);
    }
  });
});

describe('without WebAssembly', () => {
  afterEach(() => {
    vi.unstubAllGlobals();
    vi.resetModules();
  });

  test('all is the same', async () => {
    vi.resetModules();
    vi.stubGlobal('WebAssembly', undefined);
    const plain = await import('../../src/values/base85.js');
    expect(plain).not.toBe(base85);
    const bytes = randomBytes(30_030);
    const text = plain.encodeBase85(bytes);
    expect(text.equals(encodeBase85(bytes))).toBe(true);
    expect(plain.decodeBase85(text).equals(bytes)).toBe(true);
    text[20_000] = 0x22;
    expect(() => plain.decodeBase85(text)).toThrow('byte 0x22 at position 20000 is outside the alphabet');
  });
});

test('the kernel in the sources is what wasm/base85.wat assembles to', async () => {
  const wat = fileURLToPath(new URL('../../wasm/base85.wat', import.meta.url));
  const source = readFileSync(new URL('../../src/wasm/base85-kernel.ts', import.meta.url), 'utf8');
  expect(source).toBe(await kernelSource(wat, 'base85'));
});
