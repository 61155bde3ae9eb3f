/** Lines, however their bytes are cut: the same as those of a text that is split by hand. */
import { fc, test } from 'serpy-contract-tests/properties';
import { describe, expect } from 'vitest';
import { LineDecoder } from '../src/decoder.js';
import { read, write } from './conversation.js';

const terminators = ['\n', '\r\n', '\r', ';', ';\n', 'aa', 'aab', 'END\r\n'];
const terminator = fc.constantFrom(...terminators);
/** Few characters, so that parts of terminators are frequent. */
const text = fc.string({ unit: fc.constantFrom('a', 'b', ';', '\r', '\n', 'E', 'N', 'D', 'µ', '\0'), maxLength: 20 });
const cuts = fc.array(fc.nat(), { maxLength: 20 });

function cutAt(bytes: Buffer, positions: readonly number[]): Buffer[] {
  const ends = [...positions.map((each) => each % (bytes.length + 1)), bytes.length].sort((a, b) => a - b);
  return ends.map((end, i) => bytes.subarray(ends[i - 1] ?? 0, end));
}

/** Lines as a text has them, and what is left. */
function split(all: string, end: string): { lines: string[]; rest: string } {
  const lines = all.split(end === '\n' || end === '\r\n' ? /\r?\n/ : end);
  return { rest: lines.pop() ?? '', lines };
}

describe('any text', () => {
  test.prop([text, terminator, cuts])(
    'gives the lines that splitting it gives, in any pieces',
    (all, end, positions) => {
      const { lines, rest } = split(all, end);
      const outcome = read(cutAt(Buffer.from(all), positions), { terminator: end });
      expect(outcome.lines).toEqual(lines);
      expect(outcome.error).toBe(rest === '' ? undefined : 'ERR_SERPY_TRUNCATED');
    },
  );

  test.prop([fc.array(text), terminator, cuts])('that is sent arrives, or is refused', (texts, end, positions) => {
    const sendable = texts.filter((each) => {
      try {
        write([each], { terminator: end });
        return true;
      } catch (error) {
        expect(error).toMatchObject({ code: 'ERR_SERPY_VALUE', message: expect.stringContaining('terminator') });
        expect(split(each + end, end)).not.toEqual({ lines: [each], rest: '' });
        return false;
      }
    });
    const bytes = write(sendable, { terminator: end });
    expect(read(cutAt(bytes, positions), { terminator: end })).toMatchObject({ lines: sendable, error: undefined });
  });
});

describe('any bytes', () => {
  const encoding = fc.constantFrom('utf-8' as const, 'ascii' as const, 'latin1' as const);

  test.prop([fc.uint8Array({ maxLength: 300 }), encoding, fc.constantFrom(1, 20, 1000), cuts])(
    'give the same lines, warnings and error in any pieces',
    (bytes, encoding, maxMessageBytes, positions) => {
      const whole = read([bytes], { encoding, maxMessageBytes });
      const cut = read(cutAt(Buffer.from(bytes), positions), { encoding, maxMessageBytes });
      expect({ ...cut, message: '' }).toEqual({ ...whole, message: '' });
    },
  );
});

test('partialBytes is what has arrived of an unfinished line, and nothing of complete ones', () => {
  const decoder = new LineDecoder(Buffer.from('\n'));
  decoder.bytes.push(Buffer.from('one\ntwo\nthr'));
  expect([decoder.find(), decoder.partialBytes]).toEqual([3, 0]);
  decoder.take(3);
  expect([decoder.find(), decoder.take(3).toString()]).toEqual([3, 'two']);
  expect([decoder.find(), decoder.partialBytes]).toEqual([undefined, 3]);
});
