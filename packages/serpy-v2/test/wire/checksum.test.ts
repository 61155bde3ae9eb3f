/** The word-wise checksum, compared with the sum of single bytes. */
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { seededRandom } from 'serpy-core/testing';
import { describe, expect, test } from 'vitest';
import { kernelSource } from '../../../../scripts/assemble.mjs';
import { checksum, maxWithinBytes, sumWithin, sumWords } from '../../src/wire/checksum.js';
import { byteSum } from '../oracle.js';

const random = seededRandom(3);
const randomBytes = (length: number) => Uint8Array.from({ length }, () => random() * 256);

describe('the sum within a buffer', () => {
  test('is the sum of the bytes, for each length up to the maximum at each alignment, random and with the largest bytes', () => {
    for (const memory of [randomBytes(600), new Uint8Array(600).fill(0xff)]) {
      const view = new DataView(memory.buffer);
      for (let start = 0; start < 8; start++) {
        for (let length = 0; length <= maxWithinBytes; length++) {
          const sum = sumWithin(view, start, start + length);
          if (sum !== byteSum(memory.subarray(start, start + length)))
            expect.fail(`${length} bytes at ${start}: ${sum}`);
        }
      }
    }
  });
});

describe('checksum', () => {
  test('is the sum of all bytes, for each length from 0 to 300 at each alignment', () => {
    const memory = randomBytes(320);
    for (let offset = 0; offset < 8; offset++) {
      for (let length = 0; length <= 300; length++) {
        const bytes = memory.subarray(offset, offset + length);
        expect(checksum(bytes), `${length} bytes at ${offset}`).toBe(byteSum(bytes));
      }
    }
  });

  test('is the sum of all bytes around the size of a fold (1024 bytes), random and with the largest bytes', () => {
    for (const memory of [randomBytes(5000), new Uint8Array(5000).fill(0xff)]) {
      for (const around of [1024, 2048, 4096]) {
        for (let length = around - 6; length <= around + 6; length++) {
          for (const offset of [0, 1, 2, 3]) {
            const bytes = memory.subarray(offset, offset + length);
            expect(checksum(bytes), `${length} bytes at ${offset}`).toBe(byteSum(bytes));
          }
        }
      }
    }
  });

  test('is the sum of all bytes of a Buffer in the pool, and of bytes in shared memory', () => {
    const bytes = randomBytes(1001);
    const shared = new Uint8Array(new SharedArrayBuffer(1001));
    shared.set(bytes);
    expect(checksum(Buffer.from(bytes))).toBe(byteSum(bytes));
    expect(checksum(shared)).toBe(byteSum(bytes));
  });

  test('passes 2^31 as an unsigned number: 16 MiB of ff', () => {
    const bytes = new Uint8Array(16 * 2 ** 20).fill(0xff);
    expect(checksum(bytes)).toBe(255 * 16 * 2 ** 20); // 4,278,190,080: just below 2^32
  });

  test('wraps at 2^32: 16 MiB and 65,793 bytes of ff, and one more', () => {
    const all = new Uint8Array(16_843_010).fill(0xff);
    expect(checksum(all.subarray(0, 16_843_009))).toBe(2 ** 32 - 1); // 255 × 16,843,009
    expect(checksum(all)).toBe(254);
    expect(checksum(new Uint8Array(40 * 2 ** 20).fill(0xff))).toBe((255 * 40 * 2 ** 20) % 2 ** 32);
  });

  test('does not detect bytes in a different order, as the protocol requires', () => {
    expect(checksum(Buffer.from('ab'))).toBe(checksum(Buffer.from('ba')));
  });
});

test('the sum without WebAssembly is the same, at every length and alignment', () => {
  const bytes = Uint8Array.from({ length: 1200 }, (_, i) => (i * 151) & 0xff);
  for (let start = 0; start < 8; start++) {
    for (let length = 0; length < 1100; length += 7) {
      const piece = bytes.subarray(start, start + length);
      expect(sumWords(piece, 5)).toBe((byteSum(piece) + 5) >>> 0);
    }
  }
  expect(sumWords(new Uint8Array(1 << 20).fill(255), 0)).toBe(255 * 2 ** 20);
});

test('a sum continues the sum of the bytes before', () => {
  const bytes = Uint8Array.from({ length: 200_000 }, (_, i) => (i * 89) & 0xff);
  for (const cut of [0, 1, 63, 95, 96, 65_536, 65_537, 131_072, 199_999]) {
    expect(checksum(bytes.subarray(cut), checksum(bytes.subarray(0, cut)))).toBe(byteSum(bytes));
  }
});

test('the WebAssembly routine in the sources is the assembled wasm/checksum.wat', async () => {
  const wat = fileURLToPath(new URL('../../wasm/checksum.wat', import.meta.url));
  const source = readFileSync(new URL('../../src/wasm/checksum-kernel.ts', import.meta.url), 'utf8');
  expect(source).toBe(await kernelSource(wat, 'checksum'));
});
