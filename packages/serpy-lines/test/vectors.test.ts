/** Bytes of lines, written by hand. */
import { everyCut } from 'serpy-core/testing';
import { describe, expect, test } from 'vitest';
import type { SessionOptions } from '../src/lines-session.js';
import { read, write } from './conversation.js';

type Row = [texts: string[], hex: string, options: Partial<SessionOptions>];

const written: Row[] = [
  [['*IDN?'], '2a49444e3f0a', {}],
  [['a', '', 'b'], '610a0a620a', {}],
  [['*RST'], '2a5253540d0a', { terminator: '\r\n' }],
  [['M1', 'M2'], '4d310d4d320d', { terminator: '\r' }],
  [['page 0', ''], '706167652030ffffffffffff', { terminator: '\xff\xff\xff', encoding: 'latin1' }],
  [['on', 'off'], '6f6e3b0a6f66663b0a', { terminator: ';\n' }],
  [['20 µs'], '323020c2b5730a', {}],
  [['20 µs'], '323020b5730a', { encoding: 'latin1' }],
  [['20 us'], '32302075730a', { encoding: 'ascii' }],
  [['\ufeffmark', '🔬', '\0'], 'efbbbf6d61726b0af09f94ac0a000a', {}],
  [['ends with a return\r'], `${Buffer.from('ends with a return').toString('hex')}0d0d0a`, { terminator: '\r\n' }],
];

describe('each vector', () => {
  test.each(written)('%j is %s and back with %j', (texts, hex, options) => {
    expect(write(texts, options).toString('hex')).toBe(hex);
    for (const { name, chunks } of everyCut(Buffer.from(hex, 'hex'))) {
      expect(read(chunks, options), name).toMatchObject({ lines: texts, warnings: [], error: undefined });
    }
  });
});

describe('the end of a received line', () => {
  const mixed = Buffer.from('one\ntwo\r\n\r\n\nthree\r four\r\r\n');

  test.each(['\n', '\r\n'])('is \\n or \\r\\n in any order where the terminator is %j', (terminator) => {
    for (const { name, chunks } of everyCut(mixed)) {
      expect(read(chunks, { terminator }), name).toMatchObject({
        lines: ['one', 'two', '', '', 'three\r four\r'],
        error: undefined,
      });
    }
  });

  test.each([
    ['\r', ['one\ntwo', '\n', '\n\nthree', ' four', '']],
    ['o', ['', 'ne\ntw', '\r\n\r\n\nthree\r f']],
    ['\n\n', ['one\ntwo\r\n\r']],
    ['\r\n\r\n', ['one\ntwo']],
  ])('is nothing but %j where that is the terminator', (terminator, lines) => {
    for (const { name, chunks } of everyCut(mixed)) {
      expect(read(chunks, { terminator }), name).toMatchObject({ lines, error: 'ERR_SERPY_TRUNCATED' });
    }
  });

  test('is found where its first bytes repeat', () => {
    for (const { chunks } of everyCut(Buffer.from('aaab|aab'))) {
      expect(read(chunks, { terminator: 'aab' }).lines).toEqual(['a', '|']);
    }
  });
});
