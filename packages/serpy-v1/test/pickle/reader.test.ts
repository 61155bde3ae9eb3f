/** Reading pickles of plain data: the recorded vectors, every opcode, and what is refused. */

import { readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { type PickleResult, type PickleValue, readPickle } from '../../src/pickle/index.js';

interface Vectors {
  plain: { repr: string; protocol: number; pickle_hex: string }[];
  refuse: { what: string; pickle_hex: string }[];
}
const vectors = JSON.parse(
  readFileSync(new URL('../../../../test/vectors/pickles.json', import.meta.url), 'utf8'),
) as Vectors;

const read = (pickle: string): PickleResult => readPickle(Buffer.from(pickle, 'latin1'));

function valueFrom(result: PickleResult): PickleValue {
  if (!result.ok) throw new Error(result.reason);
  return result.value;
}
const value = (pickle: string): PickleValue => valueFrom(read(pickle));

/** What the recorded reprs mean; long ones were recorded up to their 200th character. */
const meanings = new Map<string, PickleValue>([
  ['None', null],
  ['True', true],
  ['False', false],
  ['0', 0],
  ['-1', -1],
  ['255', 255],
  ['65536', 65_536],
  ['2147483648', 2_147_483_648],
  ['-1099511627776', -1_099_511_627_776],
  ['1180591620717411303424', 1_180_591_620_717_411_303_424n],
  ['1.5', 1.5],
  ['-0.0', -0],
  ["'text µ'", 'text µ'],
  ["''", ''],
  ["b''", Buffer.alloc(0)],
  ["b'bytes'", Buffer.from('bytes')],
  ['[]', []],
  ["[1, 'a', None]", [1, 'a', null]],
  ['()', []],
  ['(1,)', [1]],
  ['(1, 2, 3, 4)', [1, 2, 3, 4]],
  ['{}', new Map()],
  [
    "{'a': 1, 'b': [1, 2]}",
    new Map<PickleValue, PickleValue>([
      ['a', 1],
      ['b', [1, 2]],
    ]),
  ],
  [
    "{1: 'x', 'y': (1, 2)}",
    new Map<PickleValue, PickleValue>([
      [1, 'x'],
      ['y', [1, 2]],
    ]),
  ],
  ["{'nested': {'deep': [[[1.25]]]}}", new Map([['nested', new Map([['deep', [[[1.25]]]]])]])],
  ['{1, 2, 3}', new Set([1, 2, 3])],
  ['frozenset({1})', new Set([1])],
  ["bytearray(b'xy')", Buffer.from('xy')],
  [`'${'a'.repeat(199)}`, 'a'.repeat(300)],
  [`[${Array.from({ length: 300 }, (_, n) => n).join(', ')}`.slice(0, 200), Array.from({ length: 300 }, (_, n) => n)],
  [`{'img': b'${'\\x00'.repeat(50)}`.slice(0, 200), new Map([['img', Buffer.alloc(300)]])],
  ['[[1], [1]]', [[1], [1]]],
]);

describe('the recorded vectors', () => {
  test.each(vectors.plain)('reads $repr of protocol $protocol', ({ repr, pickle_hex }) => {
    const result = readPickle(Buffer.from(pickle_hex, 'hex'));
    expect(meanings.has(repr)).toBe(true);
    expect(valueFrom(result)).toStrictEqual(meanings.get(repr));
  });

  const names = new Map([
    ['os.system call', 'posix.system'],
    ['builtins.eval call', 'builtins.eval'],
    ['datetime', 'datetime.datetime'],
    ['OrderedDict', 'collections.OrderedDict'],
    ['complex', 'builtins.complex'],
    ['function', 'builtins.len'],
  ]);
  test.each(vectors.refuse)('refuses $what, and names it', ({ what, pickle_hex }) => {
    const result = readPickle(Buffer.from(pickle_hex, 'hex'));
    expect(result).toMatchObject({ ok: false, malformed: false });
    expect(result).toHaveProperty('reason', expect.stringContaining(names.get(what) ?? 'a name for this row'));
  });

  test('keeps what is shared shared', () => {
    const shared = valueFrom(readPickle(Buffer.from('80025d7100285d71014b01616801652e', 'hex'))) as PickleValue[];
    expect(shared[0]).toBe(shared[1]);
  });
});

describe('numbers', () => {
  test('reads ints in the text of protocols 0 and 1', () => {
    expect(value('I42\n.')).toBe(42);
    expect(value('I-7\n.')).toBe(-7);
    expect(value('I+7\n.')).toBe(7);
    expect(value('I-0\n.')).toBe(0);
    expect(value('I00\n.')).toBe(false);
    expect(value('I01\n.')).toBe(true);
    expect(value('L9007199254740991L\n.')).toBe(Number.MAX_SAFE_INTEGER);
    expect(value('L-9007199254740992L\n.')).toBe(-9_007_199_254_740_992n);
    expect(value('L5\n.')).toBe(5);
  });

  test('reads binary ints of every length', () => {
    expect(value('K\xff.')).toBe(255);
    expect(value('M\xff\xff.')).toBe(65_535);
    expect(value('J\x00\x00\x00\x80.')).toBe(-2_147_483_648);
    expect(value('\x8a\x00.')).toBe(0);
    expect(value('\x8a\x01\x80.')).toBe(-128);
    expect(value('\x8a\x02\x80\x00.')).toBe(128);
    expect(value('\x8a\x07\xff\xff\xff\xff\xff\xff\x1f.')).toBe(Number.MAX_SAFE_INTEGER);
    expect(value('\x8a\x07\x00\x00\x00\x00\x00\x00\x20.')).toBe(9_007_199_254_740_992n);
    expect(value('\x8a\x08\x00\x00\x00\x00\x00\x00\x00\x80.')).toBe(-(2n ** 63n));
    expect(value('\x8a\x09\x00\x00\x00\x00\x00\x00\x00\x80\xff.')).toBe(-(2n ** 63n));
    expect(value('\x8a\x0a\x01\x00\x00\x00\x00\x00\x00\x00\x00\x00.')).toBe(1);
    expect(value('\x8b\x01\x00\x00\x00\xfe.')).toBe(-2);
  });

  test('reads floats as text and as eight bytes', () => {
    expect(value('F1.5\n.')).toBe(1.5);
    expect(value('F-0.0\n.')).toBe(-0);
    expect(value('F1e+16\n.')).toBe(1e16);
    expect(value('F5e-324\n.')).toBe(5e-324);
    expect(value('Finf\n.')).toBe(Number.POSITIVE_INFINITY);
    expect(value('F-inf\n.')).toBe(Number.NEGATIVE_INFINITY);
    expect(value('Fnan\n.')).toBeNaN();
    expect(value('G\x7f\xf0\x00\x00\x00\x00\x00\x00.')).toBe(Number.POSITIVE_INFINITY);
  });
});

describe('text and bytes', () => {
  test('reads the escapes of protocol 0', () => {
    expect(value('Va\\u00b5\\u005c\\u000a\xe9\n.')).toBe('aµ\\\né');
    expect(value('V\\U0001f600\\ud83d\n.')).toBe('\u{1f600}\ud83d');
    expect(value('V\\\\u0041\\x\n.')).toBe('\\\\u0041\\x');
  });

  test('reads str of Python 2 as one character a byte', () => {
    expect(value("S'a\\'b\\n\\x00\\xff\\101\\q'\np0\n.")).toBe("a'b\n\0\xffA\\q");
    expect(value('S"it\'s"\n.')).toBe("it's");
    expect(value("S'\\7\\401'\n.")).toBe('\x07\x01');
    expect(value('U\x03a\xb5\x00.')).toBe('a\xb5\0');
    expect(value('T\x01\x00\x00\x00\xff.')).toBe('\xff');
  });

  test('keeps lone surrogates, and real replacement characters', () => {
    expect(value('\x8c\x08a\xed\xa0\x80\xef\xbf\xbdb.')).toBe('a\ud800\ufffdb');
    expect(value('X\x03\x00\x00\x00\xed\xbf\xbf.')).toBe('\udfff');
    expect(value('\x8d\x04\x00\x00\x00\x00\x00\x00\x00\xed\x9f\xbfz.')).toBe('\ud7ffz');
  });

  test('reads bytes of every opcode', () => {
    expect(value('C\x02\x00\xff.')).toStrictEqual(Buffer.of(0, 255));
    expect(value('B\x01\x00\x00\x00\x07.')).toStrictEqual(Buffer.of(7));
    expect(value('\x8e\x01\x00\x00\x00\x00\x00\x00\x00\x07.')).toStrictEqual(Buffer.of(7));
    expect(value('\x96\x01\x00\x00\x00\x00\x00\x00\x00\x07.')).toStrictEqual(Buffer.of(7));
  });

  test('reads bytearrays as Python 2 and 3 write them', () => {
    expect(value('c__builtin__\nbytearray\n(V\xff\\u0000\nVlatin-1\ntR.')).toStrictEqual(Buffer.of(255, 0));
    expect(value('\x80\x03cbuiltins\nbytearray\nC\x02xy\x85R.')).toStrictEqual(Buffer.from('xy'));
    expect(value('\x80\x03cbuiltins\nbytearray\n)R.')).toStrictEqual(Buffer.alloc(0));
  });

  test('hands over memory that is not the pickle, and exactly its own', () => {
    for (const length of [10, 100, 4096, 1_000_000]) {
      const header = Buffer.from('B....');
      header.writeUInt32LE(length, 1);
      const pickle = Buffer.concat([header, Buffer.alloc(length, 7), Buffer.from('.')]);
      const data = valueFrom(readPickle(pickle)) as Buffer;
      pickle.fill(0);
      expect(data.equals(Buffer.alloc(length, 7))).toBe(true);
      expect([data.byteOffset, data.buffer.byteLength]).toEqual([0, length]);
    }
    const text = valueFrom(
      readPickle(
        Buffer.from(`\x80\x02c_codecs\nencode\nX\x00\x20\x00\x00${'a'.repeat(8192)}U\x06latin1\x86R.`, 'latin1'),
      ),
    ) as Buffer;
    expect([text.length, text.byteOffset, text.buffer.byteLength]).toEqual([8192, 0, 8192]);
  });
});

describe('containers', () => {
  test('reads the forms of protocols 0 and 1', () => {
    expect(value('(I1\nI2\nl.')).toEqual([1, 2]);
    expect(value('(lp0\nI1\naI2\na.')).toEqual([1, 2]);
    expect(value('(I1\nI2\ntp0\n.')).toEqual([1, 2]);
    expect(value('(dp0\nVa\nI1\ns.')).toEqual(new Map([['a', 1]]));
    expect(value('(Va\nI1\nd.')).toEqual(new Map([['a', 1]]));
    expect(value('c__builtin__\nset\n((lp1\nI1\natR.')).toEqual(new Set([1]));
    expect(value('\x80\x03cbuiltins\nfrozenset\n]K\x01a\x85R.')).toEqual(new Set([1]));
  });

  test('reads the memo by every opcode', () => {
    expect(value('(]p7\ng7\nt.')).toEqual([[], []]);
    expect(value('(]q\x07h\x07t.')).toEqual([[], []]);
    expect(value('(]r\x07\x00\x00\x01j\x07\x00\x00\x01t.')).toEqual([[], []]);
    expect(value('(]\x94h\x00t.')).toEqual([[], []]);
    expect(value('(N2t.')).toEqual([null, null]);
  });

  test('throws away what POP and POP_MARK throw away, marks included', () => {
    expect(value('NK\x010.')).toBeNull();
    expect(value('N(0.')).toBeNull();
    expect(value('N(NN1.')).toBeNull();
  });

  test('ignores what follows the end, as CPython does', () => {
    expect(value('N.garbage')).toBeNull();
  });

  test('keeps __proto__ as a plain key', () => {
    const map = value('}(X\x09\x00\x00\x00__proto__}X\x08\x00\x00\x00polluted\x88sX\x0b\x00\x00\x00constructorNu.');
    expect(map).toEqual(
      new Map<PickleValue, PickleValue>([
        ['__proto__', new Map([['polluted', true]])],
        ['constructor', null],
      ]),
    );
    expect(({} as Record<string, unknown>).polluted).toBeUndefined();
    expect(Object.keys(Object.prototype)).toEqual([]);
  });
});

describe('what is not plain data', () => {
  test.each([
    [
      'a class of protocol 0',
      'ccopy_reg\n_reconstructor\n(c__main__\nCamera\nc__builtin__\nobject\nNtR.',
      '__main__.Camera',
    ],
    ['an instance of Python 2', '(i__main__\nCamera\n.', '__main__.Camera'],
    ['an instance made of a class that is known', '(i__builtin__\nset\n.', 'instance of a class'],
    ['an object of protocol 1', '(c__builtin__\nset\no.', 'instance of a class'],
    ['NEWOBJ', 'cbuiltins\nset\n)\x81.', 'instance of a class'],
    ['NEWOBJ_EX', 'cbuiltins\nset\n)}\x92.', 'instance of a class'],
    ['a persistent id', 'Pid\n.', 'persistent id'],
    ['a binary persistent id', 'NQ.', 'persistent id'],
    ['the extension registry', '\x82\x01.', 'extension registry'],
    ['the extension registry in two bytes', '\x83\x01\x00.', 'extension registry'],
    ['the extension registry in four bytes', '\x84\x01\x00\x00\x00.', 'extension registry'],
    ['out-of-band buffers', '\x97.', 'external buffers'],
    ['read-only out-of-band buffers', '\x98.', 'external buffers'],
    ['a class as a value', 'cbuiltins\nset\n.', 'holds builtins.set itself'],
    ['a class inside of a value', '](}K\x01cnumpy\ndtype\nse.', 'holds numpy.dtype itself'],
    ['a class as a key', '}cnumpy\ndtype\nNs.', 'holds numpy.dtype itself'],
    ['a call of what is only an argument', 'cnumpy\nndarray\n)R.', 'calls numpy.ndarray'],
    ['another codec', 'c_codecs\nencode\n(Va\nVrot13\ntR.', 'calls _codecs.encode'],
    ['bytes of a length', 'cbuiltins\nbytes\n(I10\ntR.', 'calls bytes'],
    ['a set of a text', 'cbuiltins\nset\n(Vabc\ntR.', 'calls set'],
    ['state for a list', ']}b.', 'sets the state of plain data'],
    ['state for a class', 'cbuiltins\nset\n}b.', 'sets the state of builtins.set'],
    ['a protocol of the future', '\x80\x06N.', 'protocol 6'],
    ['a name that leads elsewhere', '\x8c\x05numpy\x8c\x0edtype.__init__\x93.', 'numpy.dtype.__init__'],
  ])('refuses %s', (_what, pickle, reason) => {
    expect(read(pickle)).toMatchObject({ ok: false, malformed: false, reason: expect.stringContaining(reason) });
  });

  test('keeps the name that a peer chose from filling or garbling a message', () => {
    const result = read(`c${'\x1b[2J'}${'x'.repeat(5000)}\nname\n.`);
    if (result.ok) throw new Error('it was read');
    expect(result.reason).toMatch(/^[\x20-\x7e]{1,300}$/);
  });

  test('rejects a value that contains itself', () => {
    for (const cyclic of [']q\x00h\x00a.', '}q\x00K\x01h\x00s.', ']q\x00(h\x00ta.', ']q\x00]h\x00aa.']) {
      expect(read(cyclic)).toMatchObject({
        ok: false,
        malformed: false,
        reason: expect.stringContaining('contains itself'),
      });
    }
  });
});

describe('bytes that are not a pickle', () => {
  test.each([
    ['nothing', ''],
    ['an unknown opcode', '\xff.'],
    ['no end', 'N'],
    ['an empty stack', '.'],
    ['a mark instead of a value', '(.'],
    ['a value below a mark', 'N(.'],
    ['a missing mark', 't.'],
    ['a missing list', 'Na.'],
    ['a list that is none', 'NNa.'],
    ['a dict that is none', ']NNs.'],
    ['a set that is none', '](N\x90.'],
    ['a key without a value', '}(Nu.'],
    ['a memo entry that was never made', 'h\x00.'],
    ['a memo entry of nothing', 'p0\nN.'],
    ['a negative memo index', 'Np-1\n.'],
    ['a text that is not UTF-8', '\x8c\x01\xff.'],
    ['a text with half of a surrogate', '\x8c\x02\xed\xa0.'],
    ['an escape cut short', 'V\\u12\n.'],
    ['an escape beyond Unicode', 'V\\U00110000\n.'],
    ['a string without quotes', 'Sabc\n.'],
    ['a string of one quote', "S'\n."],
    ['a string with a broken escape', "S'\\xg'\n."],
    ['a string with an escaped end', "S'\\'\n."],
    ['an int that is none', 'I1x\n.'],
    ['an int in hexadecimal', 'I0x10\n.'],
    ['an int of no digits', 'I\n.'],
    ['a float that is none', 'F1.5.\n.'],
    ['a float of spaces', 'F \n.'],
    ['a negative length', '\x8b\xff\xff\xff\xff.'],
    ['a negative length of a string', 'T\xff\xff\xff\xff.'],
    ['a frame longer than the pickle', '\x95\x09\x00\x00\x00\x00\x00\x00\x00N.'],
    ['a length of 2^64 - 1', `\x8e${'\xff'.repeat(8)}.`],
    ['a line without an end', 'I12'],
    ['a call of what is no function', 'N)R.'],
    ['arguments that are no tuple', 'cbuiltins\nset\nNR.'],
    ['a class named by numbers', 'K\x01K\x02\x93.'],
    ['bytes with characters beyond them', 'c_codecs\nencode\n(V\\u0100\nVlatin1\ntR.'],
  ])('rejects %s', (_what, pickle) => {
    expect(read(pickle)).toMatchObject({ ok: false, malformed: true, reason: expect.stringContaining('malformed') });
  });
});
