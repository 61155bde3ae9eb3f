/** The reader of pickles returns a result for any bytes, in bounded time and memory. */

import { readFileSync } from 'node:fs';
import { fc, test } from 'serpy-contract-tests/properties';
import { describe, expect } from 'vitest';
import { type PickleLimits, readPickle } from '../../src/pickle/index.js';

const rows = JSON.parse(
  readFileSync(new URL('../../../../test/vectors/pickles.json', import.meta.url), 'utf8'),
) as Record<'plain' | 'numpy' | 'refuse', { pickle_hex: string }[]>;
const recorded = [...rows.plain, ...rows.numpy, ...rows.refuse].map(({ pickle_hex }) => Buffer.from(pickle_hex, 'hex'));

/** Pickles of protocols 0 to 3, with the forms that the recorded ones lack. */
const older = [
  "(dp0\nVa\\u00b5\np1\nI01\nsS'q\\x00'\nL12345678901234567890L\nsg1\nF1.5\ns.",
  '(lp0\n(I1\nI-2\ntp1\nag1\naNa.',
  'c__builtin__\nbytearray\n(V\xff\\u0000\nVlatin-1\ntR.',
  '\x80\x03](cbuiltins\nset\n]K\x01a\x85R\x8b\x02\x00\x00\x00\x01\x02T\x01\x00\x00\x00xB\x01\x00\x00\x00ye.',
].map((text) => Buffer.from(text, 'latin1'));

const pickles = [...recorded, ...older];

/** The answer has its shape, and a reason that can be shown. */
function expectAnswer(bytes: Uint8Array, limits?: Partial<PickleLimits>) {
  const result = readPickle(bytes, limits);
  if (!result.ok && !/^The pickle [\x20-\x7e]{1,300}$/.test(result.reason)) throw new Error(result.reason);
  return result;
}

const read = (pickle: string, limits?: Partial<PickleLimits>) => expectAnswer(Buffer.from(pickle, 'latin1'), limits);
const createdAgain = (what: string) =>
  new RegExp(`^The pickle creates more than \\d+ ${what} from its \\d+ bytes\\. Write each part once at the sender$`);
const refusedFor = (limit: string) => ({ ok: false, malformed: false, reason: expect.stringContaining(`(${limit})`) });

describe('damage', () => {
  test('every truncated pickle is malformed, or rejected before the cut', () => {
    for (const pickle of pickles) {
      for (let length = 0; length < pickle.length; length++) {
        const result = expectAnswer(pickle.subarray(0, length));
        expect(result.ok, `${pickle.toString('latin1')} cut to ${length}`).toBe(false);
      }
    }
  });

  const place = fc.tuple(fc.nat(), fc.integer({ min: 0, max: 0xff }));
  const mutated = fc
    .tuple(fc.constantFrom(...pickles), fc.array(place, { minLength: 1, maxLength: 4 }))
    .map(([pickle, changes]) => {
      const bytes = Buffer.from(pickle);
      for (const [at, byte] of changes) bytes[at % bytes.length] = byte;
      return bytes;
    });
  test.prop([mutated], { numRuns: 5000 })('no changed bytes make it throw', (bytes) => {
    expectAnswer(bytes);
  });

  const opcodes = fc.constantFrom(
    ...Buffer.from('().012FGIJKLMNPQRSTUVX]abcdeghijloprstu}BC', 'latin1'),
    ...range(0x80, 0x98),
  );
  const program = fc.array(fc.oneof({ weight: 4, arbitrary: opcodes }, fc.integer({ min: 0, max: 0xff })), {
    maxLength: 60,
  });
  test.prop([program], { numRuns: 5000 })('no program of opcodes makes it throw', (bytes) => {
    expectAnswer(Uint8Array.from([...bytes, 0x2e]));
  });

  const splice = fc.tuple(fc.constantFrom(...pickles), fc.constantFrom(...pickles), fc.nat(), fc.nat());
  test.prop([splice], { numRuns: 2000 })('no pickles spliced together make it throw', ([head, tail, end, start]) => {
    expectAnswer(Buffer.concat([head.subarray(0, end % head.length), tail.subarray(start % tail.length)]));
  });

  test('Object.prototype and Array.prototype are as they were', () => {
    expect(Reflect.ownKeys(Object.prototype)).not.toContain('polluted');
    expect(Object.keys(Array.prototype)).toEqual([]);
  });
});

describe('lengths that are only stated', () => {
  const huge = '\xff\xff\xff\x7f';
  test.each([
    ['BINBYTES', `B${huge}`],
    ['BINUNICODE', `X${huge}`],
    ['BINSTRING', `T${huge}`],
    ['LONG4', `\x8b${huge}`],
    ['BINBYTES8', `\x8e\0\0\0\0\0\0\x01\0`],
    ['BINUNICODE8', `\x8d\0\0\0\0\0\0\x01\0`],
    ['BYTEARRAY8', `\x96\0\0\0\0\0\0\x01\0`],
    ['FRAME', `\x95\0\0\0\0\0\0\x01\0`],
    ['LONG_BINPUT', `Nr${huge}`],
    ['PUT', 'Np999999999999999\n'],
  ])('%s allocates nothing for one', (_opcode, pickle) => {
    const before = process.memoryUsage();
    read(`${pickle}abc.`);
    const after = process.memoryUsage();
    expect(after.arrayBuffers - before.arrayBuffers).toBeLessThan(1_000_000);
    expect(after.heapTotal - before.heapTotal).toBeLessThan(100_000_000);
  });
});

describe('caps', () => {
  test('accepts maxDepth levels, and no more', () => {
    const nested = (levels: number) => `${']'.repeat(levels)}${'a'.repeat(levels - 1)}.`;
    expect(read(nested(100))).toMatchObject({ ok: true });
    expect(read(nested(101))).toMatchObject(refusedFor('maxDepth'));
    expect(read(nested(3), { maxDepth: 2 })).toMatchObject(refusedFor('maxDepth'));
    expect(read(`N${'\x85'.repeat(300_000)}.`)).toMatchObject(refusedFor('maxDepth'));
    expect(read(`${'}N'.repeat(101)}${'N'}${'s'.repeat(101)}.`)).toMatchObject(refusedFor('maxDepth'));
  });

  test('counts levels however the parts were put together', () => {
    // The inner list is shared, first seen near the top, and deep enough to go too deep further down.
    const inner = `${']'.repeat(60)}${'a'.repeat(59)}q\x00`;
    const outer = `](${inner}${']'.repeat(50)}h\x00${'a'.repeat(50)}e.`;
    expect(read(outer)).toMatchObject(refusedFor('maxDepth'));
    expect(read(outer, { maxDepth: 111 })).toMatchObject({ ok: true });
    expect(read(outer, { maxDepth: 110 })).toMatchObject(refusedFor('maxDepth'));
  });

  test('accepts maxItems values, marks and memo entries', () => {
    expect(read('](NNe.', { maxItems: 3 })).toMatchObject({ ok: true });
    for (const pickle of ['](NNNe.', ']22222.', ']q\x00h\x00h\x00h\x000.', '((((N.', 'Nq\x00q\x01q\x02q\x03.']) {
      expect(read(pickle, { maxItems: 3 })).toMatchObject(refusedFor('maxItems'));
    }
  });

  test('stops sets made again and again of one list', () => {
    const pickle = `cbuiltins\nset\nq\x00](${'N'.repeat(1000)}eq\x01${'h\x00h\x01\x85R0'.repeat(10_000)}N.`;
    expect(read(pickle)).toMatchObject({ ok: false, reason: expect.stringMatching(createdAgain('values')) });
  });

  test('stops bytes made again and again of one text', () => {
    const text = `X\x00\x00\x10\x00${'a'.repeat(2 ** 20)}`;
    const pickle = `(c_codecs\nencode\nq\x00${text}U\x06latin1\x86q\x01${'h\x00h\x01R'.repeat(1000)}t.`;
    expect(read(pickle)).toMatchObject({ ok: false, reason: expect.stringMatching(createdAgain('bytes')) });
    expect(read(pickle, { maxBytes: 2 ** 22 })).toMatchObject(refusedFor('maxBytes'));
  });

  test('stops bytes and texts that are more than maxBytes', () => {
    expect(read('(C\x02abC\x02cdt.', { maxBytes: 4 })).toMatchObject({ ok: true });
    for (const pickle of ['C\x05abcde.', 'U\x05abcde.', '\x8c\x05abcde.', '\x8a\x05abcde.', 'Vabcde\n.', "S'abc'\n."]) {
      expect(read(pickle, { maxBytes: 4 })).toMatchObject(refusedFor('maxBytes'));
    }
  });

  /** Lists of the same list, with this number of references per level and levels. */
  const shared = (references: number, levels: number, inner = ']') => {
    const level = (index: number) =>
      `](${`h${String.fromCharCode(index)}`.repeat(references)}eq${String.fromCharCode(index + 1)}`;
    return `${inner}q\x00${Array.from({ length: levels }, (_, index) => level(index)).join('')}.`;
  };

  test('rejects a few bytes that expand enormously by sharing, in one pass', () => {
    expect(read(shared(100, 98))).toMatchObject(refusedFor('maxItems'));
    expect(read(shared(10, 9))).toMatchObject(refusedFor('maxItems'));
    expect(read(shared(10, 9), { maxItems: 16_000_000 })).toMatchObject(refusedFor('maxItems'));
    expect(read(shared(2, 97))).toMatchObject(refusedFor('maxItems'));
  });

  test('reads rows that are one list, as Python writes [[0] * 512] * 512', () => {
    const rows = read(shared(512, 1, `](${'K\x00'.repeat(512)}e`));
    expect(rows).toMatchObject({ ok: true, value: expect.objectContaining({ length: 512 }) });
    expect(read(shared(1000, 1, `](${'K\x00'.repeat(1000)}e`))).toMatchObject(refusedFor('maxItems'));
  });

  test('rejects a text with so many references that it would be enormous', () => {
    const text = `X\x00\x00\x01\x00${'a'.repeat(2 ** 16)}`;
    expect(read(shared(50, 1, text))).toMatchObject({ ok: true });
    expect(read(shared(1000, 1, text))).toMatchObject({
      ok: false,
      reason: expect.stringMatching(/refers to the same/),
    });
    expect(read(shared(100, 3, text))).toMatchObject({
      ok: false,
      reason: expect.stringMatching(/refers to the same/),
    });
  });

  test('refuses numbers that take long to convert', () => {
    for (const opcode of ['L', 'I', 'F']) {
      expect(read(`${opcode}${'9'.repeat(4300)}\n.`)).toMatchObject({ ok: true });
      expect(read(`${opcode}${'9'.repeat(4301)}\n.`)).toMatchObject({ ok: false, malformed: false });
    }
    const long = (length: number) =>
      `\x8b${String.fromCharCode(length & 255, length >> 8)}\0\0${'\x01'.repeat(length)}.`;
    expect(read(long(1024))).toMatchObject({ ok: true });
    expect(read(long(1025))).toMatchObject({ ok: false, malformed: false });
  });

  test('reads megabytes of escapes, quotes and surrogates in one pass', () => {
    const size = 2 ** 18;
    expect(read(`V${'\\u0041'.repeat(size)}\n.`)).toMatchObject({ ok: true });
    expect(read(`V${'\\'.repeat(size)}\n.`)).toMatchObject({ ok: true });
    expect(read(`S'${"\\'".repeat(size)}'\n.`)).toMatchObject({ ok: true });
    expect(read(`X\x00\x00\x0c\x00${'\xed\xa0\x80'.repeat(size)}.`)).toMatchObject({ ok: true });
    expect(read(`X\x00\x00\x04\x00${'\xed'.repeat(size)}.`)).toMatchObject({ ok: false, malformed: true });
  });
});

function range(first: number, last: number): number[] {
  return Array.from({ length: last - first + 1 }, (_, index) => first + index);
}
