/** v1 with Python at the other end, in both roles: six modes, three encodings, pickles, acknowledgements, text with separators. */
import { createHash } from 'node:crypto';
import type { Message, Mode, NumpyArray, Value } from 'serpy-v1';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { hasNumpy, hasPython, titled } from './python-peer.js';
import { roles, Stage, type V1Pair } from './stage.js';

const modes: readonly Mode[] = [0, 1, 2, 3, 4, 5];

const samples = {
  ascii: ['hello', 'a b\tc\n~', '\x00\x02\x03\x7f', 'x'.repeat(4096), 'y'.repeat(50_000)],
  latin1: ['é µ ÿ', 'plain'],
  'utf-8': ['é € 😀', '\ufeffbom', 'µ'.repeat(20_000)],
} as const;
type Encoding = keyof typeof samples;

const bytesOf = (text: string, encoding: Encoding) => Buffer.from(text, encoding === 'utf-8' ? 'utf8' : 'latin1');

function blob(length: number): Buffer {
  return Buffer.from(Uint8Array.from({ length }, (_, i) => (i * 31 + (i >> 8)) & 0xff));
}

/** Python's base85 is slow: one mode of bytes and one of pickles carry 1 MiB, the others less. */
const longest = (mode: Mode) => (mode === 2 || mode === 5 ? 1 << 20 : 1 << 16);

/** The output of a peer for bytes, or for the bytes of a string. */
function printed(bytes: Buffer, shown: object): object {
  if (bytes.length <= 4096) return shown;
  return { sha256: createHash('sha256').update(bytes).digest('hex'), length: bytes.length };
}

/** The output of a peer for a string that arrived in a mode below 4. */
function seenText(text: string, mode: Mode, encoding: Encoding): object {
  const bytes = bytesOf(text, encoding);
  const hex = bytes.toString('hex');
  if (mode >= 2) return { type: 'bytes', mode, ...printed(bytes, { value: hex }) };
  return { type: 'text', mode, ...printed(bytes, { value: text, hex }) };
}

/** The value that Node receives for it. */
function gotText(text: string, mode: Mode, encoding: Encoding): object {
  if (mode >= 4) return { type: 'object', value: text, mode };
  return mode >= 2 ? { type: 'bytes', value: bytesOf(text, encoding), mode } : { type: 'text', value: text, mode };
}

function expectMessage(actual: Message, expected: object): void {
  const { value } = expected as { value: unknown };
  if (!Buffer.isBuffer(value)) return expect(actual).toEqual(expected);
  expect({ ...actual, value: undefined }).toEqual({ ...expected, value: undefined });
  expect(value.equals(actual.value as Buffer)).toBe(true);
}

describe.skipIf(!hasPython).each(roles)(titled('v1, %s listens', hasPython), (listens) => {
  describe.each(Object.keys(samples) as Encoding[])('encoding %s', (encoding) => {
    const stage = new Stage();
    let pair: V1Pair;
    beforeAll(async () => {
      pair = await stage.v1(listens, { encoding });
    });
    afterAll(() => stage.clear());

    test.each(modes)('text goes to Python in mode %i, and is acknowledged in acknowledged modes', async (mode) => {
      for (const text of samples[encoding]) {
        expect(await pair.connection.sendData(text, { mode })).toBe(true);
        const { event: _, ...seen } = await pair.peer.next('message');
        if (mode < 4) expect(seen).toEqual(seenText(text, mode, encoding));
        else expect(seen).toMatchObject({ type: 'object', mode, ...(text.length < 100 ? { value: text } : {}) });
      }
    });

    test.each(modes)('text comes from Python in mode %i, and is acknowledged', async (mode) => {
      for (const text of samples[encoding]) {
        const [message, done] = await Promise.all([
          pair.connection.getMessage(),
          pair.peer.send('text', text, { mode }),
        ]);
        expectMessage(message, gotText(text, mode, encoding));
        expect(done.acknowledged).toBe(mode % 2 === 1 ? true : undefined);
      }
    });

    test('the receiver thread of the Python peer still runs', () => {
      expect(pair.peer.all('receiver_dead')).toEqual([]);
      expect(pair.connection.stats().badFrames).toBe(0);
    });
  });

  describe('with one peer', () => {
    const stage = new Stage();
    let pair: V1Pair;
    beforeAll(async () => {
      pair = await stage.v1(listens, { encoding: 'utf-8' });
    });
    afterAll(() => stage.clear());

    test.each(modes)('bytes go to Python, with mode %i', async (mode) => {
      for (const length of [0, 1, 4096, longest(mode)]) {
        const bytes = blob(length);
        expect(await pair.connection.sendData(bytes, { mode })).toBe(true);
        const { event: _, ...seen } = await pair.peer.next('message');
        if (mode >= 4) {
          expect(seen).toMatchObject({ type: 'object', mode });
        } else {
          const carried = length === 0 ? 3 : mode | 2;
          expect(seen).toEqual({ type: 'bytes', mode: carried, ...printed(bytes, { value: bytes.toString('hex') }) });
        }
      }
    });

    test.each(modes)('bytes come from Python, with mode %i', async (mode) => {
      for (const length of [...(mode % 2 === 1 ? [0] : []), 1, 4096, longest(mode)]) {
        const bytes = blob(length);
        const sent = pair.peer.send('bytes', bytes.toString('hex'), { mode });
        const data = (await pair.connection.getData()) as Buffer;
        expect(data.equals(bytes)).toBe(true);
        if (length >= 4096) expect([data.byteOffset, data.buffer.byteLength]).toEqual([0, length]);
        await sent;
      }
    });

    const numbers: [string, number | bigint, text: string][] = [
      ['an int', 7, '7'],
      ['a negative int', -2, '-2'],
      ['a double', 3.5, '3.5'],
      ['a small double', 1e-7, '1e-07'],
      ['a big double', 1e22, '1e+22'],
      ['the smallest double', 5e-324, '5e-324'],
      ['infinity', Number.NEGATIVE_INFINITY, '-inf'],
      ['a big int', 2n ** 80n, '1208925819614629174706176'],
    ];
    test.each(numbers.map(([name, value, text]) => ({ name, value, text })))(
      '$name goes to Python and comes from it as its decimal text',
      async ({ value, text }) => {
        await pair.connection.sendData(value);
        expect(await pair.peer.next('message')).toMatchObject({ type: 'text', value: text, mode: 0 });
        const sent = pair.peer.send('number', text, { mode: 1 });
        expect(await pair.connection.getMessage()).toEqual({ type: 'text', value: text, mode: 1 });
        await sent;
      },
    );

    const objects: [js: Value, repr: string][] = [
      [null, 'None'],
      [true, 'True'],
      [7, '7'],
      [-(2 ** 40), '-1099511627776'],
      [2n ** 80n, '1208925819614629174706176'],
      [2.5, '2.5'],
      ['é 😀 \x1f\x04\x01', "'é 😀 \\x1f\\x04\\x01'"],
      [Buffer.from('00ff1f', 'hex'), "b'\\x00\\xff\\x1f'"],
      [[1, 'two', [null, [], 0.5]], "[1, 'two', [None, [], 0.5]]"],
      [new Map<string, Value>([['counts', [1, 2]]]) as Value, "{'counts': [1, 2]}"],
      [new Set([3]), '{3}'],
    ];
    test.each(objects.map(([value, repr]) => ({ value, repr })))(
      'the plain data $repr goes to Python and comes from it',
      async ({ value, repr }) => {
        for (const mode of [4, 5] as const) {
          expect(await pair.connection.sendData(value, { mode })).toBe(true);
          expect(await pair.peer.next('message')).toMatchObject({ type: 'object', repr, mode });
          const sent = pair.peer.do({ do: 'send', type: 'object', repr, mode });
          expect(await pair.connection.getMessage()).toEqual({ type: 'object', value, mode });
          await sent;
        }
      },
    );

    test('a plain object goes to Python as a dict', async () => {
      await pair.connection.sendData({ name: 'scan', size: [2, 3] }, { mode: 4 });
      expect(await pair.peer.next('message')).toMatchObject({ value: { name: 'scan', size: [2, 3] }, mode: 4 });
    });

    const arrays = ['|u1', '<i2', '<i8', '<f4', '>f8', '<c16'].flatMap((dtype) => [
      { dtype, shape: [3, 4], order: 'C', mode: 4 },
      { dtype, shape: [2, 3, 5], order: 'F', mode: 5 },
    ]);
    test.skipIf(!hasNumpy).each(arrays)(
      titled('a numpy array of $dtype, shape $shape, order $order, comes from Python', hasNumpy, 'numpy'),
      async ({ dtype, shape, order, mode }) => {
        const sent = pair.peer.do({ do: 'send', type: 'array', dtype, shape, order, seed: 5, mode });
        const array = (await pair.connection.getData()) as NumpyArray;
        const made = await sent;
        expect(array.constructor.name).toBe('NumpyArray');
        expect([array.dtype, array.shape, array.fortran]).toEqual([dtype, shape, order === 'F']);
        const elementBytes = array.data.length / shape.reduce((product, extent) => product * extent, 1);
        const elements = inCOrder(array.data, elementBytes, shape, array.fortran);
        expect(elements.toString('hex')).toBe(made.value);
      },
    );

    test('Python and Node echo messages in each mode', async () => {
      const { connection, peer } = pair;
      await peer.do({ do: 'echo', on: true });
      const sends = modes.flatMap((mode) => [1, 2, 3].map((n) => ({ text: `number ${n} in mode ${mode}`, mode })));
      const sent = sends.map(({ text, mode }) => connection.sendData(text, { mode }));
      for (const { text, mode } of sends) expectMessage(await connection.getMessage(), gotText(text, mode, 'utf-8'));
      expect(await Promise.all(sent)).toEqual(sends.map(() => true));
      await peer.messages(sends.length);
      await peer.do({ do: 'echo', on: false });

      const fromPython = Promise.all(sends.map(({ text, mode }) => peer.send('text', text, { mode })));
      for (const _ of sends) {
        const { value, mode } = await connection.getMessage();
        expect(await connection.sendData(value as Value, { mode, forceMode: true })).toBe(true);
      }
      await fromPython;
      const echoed = await peer.messages(sends.length);
      expect(echoed.map(({ mode }) => mode)).toEqual(sends.map(({ mode }) => mode));
      const seen = sends.map(({ text, mode }) =>
        mode < 4 ? seenText(text, mode, 'utf-8') : { type: 'object', value: text },
      );
      expect(echoed).toMatchObject(seen);
    });

    test('text that a mode cannot carry arrives unchanged in another mode, and so does the next message', async () => {
      const awkward = [
        '',
        '\x1f',
        '\x04',
        '\x01',
        'a\x1fb',
        'a\x04',
        '\x04',
        '\x01SETMODE5',
        '\x01SETMODE5\x1f',
        'a\x01',
      ];
      for (const mode of modes) {
        const all = [...awkward, '\x1f\x01ACKEOT!!\x1f', 'plain'];
        const sent = await Promise.all(all.map((text) => pair.connection.sendData(text, { mode })));
        expect(sent).toEqual(all.map(() => true));
        const messages = await pair.peer.messages(all.length);
        if (mode >= 4) expect(messages.map(({ value }) => value)).toEqual(all);
        else expect(messages.map(hexOf)).toEqual(all.map((text) => Buffer.from(text).toString('hex')));
      }
      expect(pair.peer.all('receiver_dead')).toEqual([]);
    });

    test('many acknowledged sends in flight are all acknowledged', async () => {
      const sent = Array.from({ length: 100 }, (_, n) =>
        pair.connection.sendData(`number ${n}`, { mode: n % 2 === 0 ? 1 : 3 }),
      );
      expect(new Set(await Promise.all(sent))).toEqual(new Set([true]));
      await pair.peer.messages(sent.length);
    });

    test('a missing acknowledgement resolves with false, and a late one settles no other send', async () => {
      const { connection, peer } = pair;
      await peer.do({ do: 'pause' });
      expect(await connection.sendData('late', { mode: 1, timeoutMs: 50 })).toBe(false);
      const next = connection.sendData('next', { mode: 1 });
      const last = connection.sendData('last', { mode: 1, timeoutMs: 50 });
      expect(await last).toBe(false);
      await peer.do({ do: 'resume' });
      expect(await next).toBe(true);
      expect(await connection.sendData('after', { mode: 1 })).toBe(true);
      expect((await peer.messages(4)).map(({ value }) => value)).toEqual(['late', 'next', 'last', 'after']);
      expect(connection.stats().badFrames).toBe(0);
    });

    test('after all of that, the receiver thread of the Python peer still runs', () => {
      expect(pair.peer.all('receiver_dead')).toEqual([]);
      expect(pair.peer.all('disconnected')).toEqual([]);
    });
  });

  test('every control message that reaches Python was requested or is a mode change', async () => {
    const stage = new Stage();
    try {
      const { connection, peer } = await stage.v1(listens, {}, '--trace');
      await Promise.all(['a', 'b'].map((text) => connection.sendData(text, { mode: 1 })));
      await connection.sendData(Buffer.of(1));
      await Promise.all([peer.send('text', 'c', { mode: 1 }), connection.getData()]);
      await peer.messages(3);
      const words: string[] = [];
      while (words.length < 4) {
        const { word, unasked } = await peer.next('control');
        words.push(unasked ? `${word} unasked` : String(word));
      }
      expect(words.sort()).toEqual(['ACKEOT!!', 'ACKMODCG', 'SETMODE1', 'SETMODE2']);
    } finally {
      await stage.clear();
    }
  });
});

function hexOf({ type, value, hex }: { readonly [field: string]: unknown }): unknown {
  return type === 'text' ? hex : value;
}

/** The elements in C order. */
function inCOrder(data: Buffer, elementBytes: number, shape: readonly number[], fortran: boolean): Buffer {
  if (!fortran) return data;
  const count = data.length / elementBytes;
  const elements = Array.from({ length: count }, (_, position) => {
    let rest = position;
    const index = shape.toReversed().map((extent) => {
      const at = rest % extent;
      rest = Math.floor(rest / extent);
      return at;
    });
    let [from, stride] = [0, 1];
    for (const [axis, at] of index.reverse().entries()) {
      from += at * stride;
      stride *= shape[axis] as number;
    }
    return data.subarray(from * elementBytes, (from + 1) * elementBytes);
  });
  return Buffer.concat(elements);
}
