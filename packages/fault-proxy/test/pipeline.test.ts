/** The faults of a direction, without sockets and waiting, compared with a slow model that works on the complete input. */
import { fc } from 'serpy-contract-tests/properties';
import { byteByByte, everyCut, randomPieces, seededRandom } from 'serpy-core/testing';
import { v1Blocks, v2Frames } from 'serpy-fault-proxy';
import { describe, expect, test } from 'vitest';
import type { Faults } from '../src/options/faults.js';
import { Tube } from './tube.js';

const bytesUpTo = (length: number) => Buffer.from(Array.from({ length }, (_, i) => (i * 7 + 13) & 0xff));

describe('a direction without faults', () => {
  test('passes everything on at once, in the chunks that arrived', () => {
    const tube = new Tube().send('ab', 'c').end();
    expect(tube.items).toEqual(['ab', 'c', '<end>']);
    expect(tube.pipeline.memoryBytes).toBe(0);
    expect(tube.pipeline.dueMs).toBe(Number.POSITIVE_INFINITY);
  });
});

describe('latency', () => {
  test('delays each chunk and the end', () => {
    const tube = new Tube({ latencyMs: 50 }).send('a').pass(20).send('b').end().run();
    expect(tube.arrivals.map(({ atMs }) => atMs)).toEqual([50, 70, 70]);
    expect(tube.text).toBe('ab<end>');
  });

  test('with jitter keeps the order, and stays between latencyMs and latencyMs + jitterMs', () => {
    const tube = new Tube({ latencyMs: 10, jitterMs: 40 });
    for (let i = 0; i < 200; i++) tube.send(String.fromCharCode(i)).pass(1000);
    for (let i = 200; i < 256; i++) tube.send(String.fromCharCode(i));
    tube.run();
    expect([...tube.bytes]).toEqual(Array.from({ length: 256 }, (_, i) => i));
    const delays = tube.arrivals.slice(0, 200).map(({ atMs }, i) => atMs - i * 1000);
    expect(Math.min(...delays)).toBeGreaterThanOrEqual(10);
    expect(Math.min(...delays)).toBeLessThan(13);
    expect(Math.max(...delays)).toBeLessThanOrEqual(50);
    expect(Math.max(...delays)).toBeGreaterThan(47);
  });

  test('that is lowered keeps the order', () => {
    const tube = new Tube({ latencyMs: 100 }).send('slow');
    tube.pipeline.apply({ latencyMs: 0 });
    tube.send('fast').run();
    expect(tube.items).toEqual(['slow', 'fast']);
    expect(tube.arrivals.map(({ atMs }) => atMs)).toEqual([100, 100]);
  });
});

describe('bandwidth', () => {
  test('limits the bytes per second, in portions', () => {
    const tube = new Tube({ bytesPerSecond: 1000 }).send(bytesUpTo(5000)).run();
    expect(tube.nowMs).toBeCloseTo(5000, 3);
    expect(tube.bytes.equals(bytesUpTo(5000))).toBe(true);
    expect(tube.arrivals.length).toBe(500);
    for (const [i, { atMs }] of tube.arrivals.entries()) expect(atMs).toBeCloseTo((i + 1) * 10, 3);
  });

  test('keeps its rate when tick runs late', () => {
    const tube = new Tube({ bytesPerSecond: 1000 }).send(bytesUpTo(1000));
    tube.nowMs = 333;
    tube.pipeline.tick(333);
    expect(tube.bytes.length).toBe(333);
  });

  test('does not save up idle time', () => {
    const tube = new Tube({ bytesPerSecond: 1000 }).pass(10_000).send(bytesUpTo(500)).run();
    expect(tube.nowMs).toBeCloseTo(10_500, 3);
  });

  test('below one byte per portion sends byte by byte', () => {
    const tube = new Tube({ bytesPerSecond: 2 }).send('abc').run();
    expect(tube.items).toEqual(['a', 'b', 'c']);
    expect(tube.arrivals.map(({ atMs }) => atMs)).toEqual([500, 1000, 1500]);
  });

  test('that is lifted passes what waited, the end last', () => {
    const tube = new Tube({ bytesPerSecond: 1 }).send('abcdef').end();
    tube.pipeline.apply({ bytesPerSecond: Number.POSITIVE_INFINITY });
    tube.pass(0);
    expect(tube.text).toBe('abcdef<end>');
  });
});

describe('slices', () => {
  test('have at most sliceBytes bytes, whatever the chunks were', () => {
    const tube = new Tube({ sliceBytes: 3 }).send('abcdefgh').run();
    expect(tube.items).toEqual(['abc', 'def', 'gh']);
  });

  test('leave one at a time, each when the previous one has left', () => {
    const tube = new Tube({ sliceBytes: 1 }).send('ab').end();
    expect(tube.items).toEqual([]);
    tube.pipeline.tick(0);
    expect(tube.items).toEqual(['a']);
    tube.written = false;
    expect(tube.pipeline.dueMs).toBe(Number.POSITIVE_INFINITY);
    tube.pipeline.tick(0);
    expect(tube.items).toEqual(['a']);
    tube.written = true;
    tube.pipeline.tick(0);
    expect(tube.items).toEqual(['a', 'b', '<end>']);
  });

  test('are sliceGapMs apart', () => {
    const tube = new Tube({ sliceBytes: 1, sliceGapMs: 5 }).send('abc').run();
    expect(tube.arrivals.map(({ atMs }) => atMs)).toEqual([0, 5, 10]);
  });

  test('of random size have 1 to sliceBytes bytes, and end at the same bytes however the chunks arrive', () => {
    const input = bytesUpTo(600);
    const ends = (chunks: readonly Buffer[]) => {
      let end = 0;
      const tube = new Tube({ sliceBytes: 20, randomSlices: true }, 5).send(...chunks).run();
      return tube.arrivals.map(({ item }) => {
        end += item.kind === 'bytes' ? item.bytes.length : 0;
        return end;
      });
    };
    const whole = ends([input]);
    const lengths = whole.map((end, i) => end - (whole[i - 1] ?? 0));
    expect(Math.min(...lengths)).toBe(1);
    expect(Math.max(...lengths)).toBe(20);
    expect(ends(byteByByte(input)).filter((end) => whole.includes(end))).toEqual(whole);
    const pieces = [...randomPieces(input, 100, seededRandom(3))];
    expect(ends(pieces).filter((end) => whole.includes(end))).toEqual(whole);
  });

  test('that are switched off pass what waits', () => {
    const tube = new Tube({ sliceBytes: 1 }).send('abcdef').end();
    tube.pipeline.apply({ sliceBytes: Number.POSITIVE_INFINITY });
    tube.pass(0);
    expect(tube.items).toEqual(['abcdef', '<end>']);
  });
});

describe('a stall', () => {
  test('after stallAfterBytes delays the rest for stallMs, and then passes it in one burst', () => {
    const tube = new Tube({ stallAfterBytes: 4, stallMs: 100 }).send('abcdef').pass(50).send('gh').end();
    expect(tube.text).toBe('abcd');
    tube.run();
    expect(tube.text).toBe('abcdefgh<end>');
    expect(tube.arrivals.map(({ atMs }) => atMs)).toEqual([0, 100, 100, 100]);
  });

  test('without stallMs lasts until resume', () => {
    const tube = new Tube({ stallAfterBytes: 0 }).send('abc').run();
    expect(tube.pipeline.heldBytes).toBe(3);
    expect(tube.text).toBe('');
    tube.pipeline.resume(0);
    expect(tube.text).toBe('abc');
  });

  test('happens again at the next cut that is a stall, even within the burst', () => {
    const cut: Faults['cut'] = [
      { atByte: 1, how: 'stall' },
      { atByte: 3, how: 'stall' },
    ];
    const tube = new Tube({ cut }).send('abcde');
    expect(tube.text).toBe('a');
    tube.pipeline.resume(0);
    expect(tube.text).toBe('abc');
    tube.pipeline.resume(0);
    expect(tube.text).toBe('abcde');
  });
});

describe('a dead direction', () => {
  test('drops bytes and the end, until swallow is false', () => {
    const tube = new Tube().send('a');
    tube.pipeline.apply({ swallow: true });
    tube.send('b').end();
    tube.pipeline.apply({ swallow: false });
    expect(tube.send('c').text).toBe('ac');
  });
});

describe('a cut', () => {
  test.each(['fin', 'rst', 'half-close', 'half-open', 'silent'] as const)(
    'with %s comes exactly after its bytes, and nothing follows, for every cut of the input',
    (how) => {
      const input = bytesUpTo(30);
      for (const atByte of [0, 1, 13, 29, 30]) {
        for (const { name, chunks } of everyCut(input)) {
          const tube = new Tube({ cut: { atByte, how } }).send(...chunks).end();
          expect(tube.text, name).toBe(`${input.toString('latin1', 0, atByte)}<cut ${how}>`);
        }
      }
    },
  );

  test('resets by default', () => {
    expect(new Tube({ cut: { atByte: 0 } }).text).toBe('<cut rst>');
  });

  test('waits until its bytes have arrived', () => {
    const tube = new Tube({ cut: { atByte: 4, how: 'fin' } }).send('abc').run();
    expect(tube.text).toBe('abc');
    expect(tube.send('d').text).toBe('abcd<cut fin>');
  });

  test('at a position that has passed happens with the next bytes', () => {
    const tube = new Tube().send('abc');
    tube.pipeline.apply({ cut: [{ atByte: 1, frame: undefined, byte: 0, how: 'fin' }] });
    expect(tube.send('def').text).toBe('abc<cut fin>');
  });

  test('has the delay of the bytes before it', () => {
    const tube = new Tube({ latencyMs: 30, cut: { atByte: 2, how: 'fin' } }).send('abc').run();
    expect(tube.arrivals.map(({ atMs }) => atMs)).toEqual([30, 30]);
    expect(tube.text).toBe('ab<cut fin>');
  });
});

/** A v2 frame with a string. */
function v2Frame(payload: string): Buffer {
  const header = Buffer.alloc(14);
  header.write('decafecafe21', 'hex');
  header.writeUInt32LE(payload.length, 10);
  return Buffer.concat([header, Buffer.from(payload)]);
}

/** A frame splitter for lines. */
function lines(soFar: Buffer): number | undefined {
  const end = soFar.indexOf('\r\n');
  return end < 0 ? undefined : end + 2;
}

const long = 'three'.repeat(40);
const wires = [
  { wire: 'v2', frames: v2Frames, sent: ['one', '', long].map(v2Frame) },
  { wire: 'v1', frames: v1Blocks, sent: ['one\x1f', '\x1f', `${long}\x1f`].map((text) => Buffer.from(text)) },
  { wire: 'lines', frames: lines, sent: ['one\r\n', '\r\n', 'thr\nee\r\n'].map((text) => Buffer.from(text)) },
];

describe.each(wires)('frames of $wire', ({ frames, sent }) => {
  const input = Buffer.concat(sent);
  const starts = [0, sent[0]!.length, sent[0]!.length + sent[1]!.length, input.length];

  test('are cut at every byte of every frame, however the input is cut', () => {
    for (const frame of [0, 1, 2, 3]) {
      const length = sent[frame]?.length ?? 0;
      for (const byte of new Set([0, 1, Math.floor(length / 2), Math.max(length - 1, 0), length])) {
        const end = starts[frame]! + byte;
        if (end > input.length) continue;
        for (const { name, chunks } of everyCut(input)) {
          const tube = new Tube({ frames, cut: { frame, byte, how: 'fin' } }).send(...chunks).end();
          expect(tube.text, `frame ${frame}, byte ${byte}, ${name}`).toBe(
            `${input.toString('latin1', 0, end)}<cut fin>`,
          );
        }
      }
    }
  });

  test('are duplicated, corrupted, and get bytes inserted before them', () => {
    for (const { name, chunks } of everyCut(input)) {
      const twice = new Tube({ frames, duplicate: { frame: 1 } }).send(...chunks);
      expect(twice.bytes.toString('hex'), name).toBe(
        Buffer.concat([sent[0]!, sent[1]!, sent[1]!, sent[2]!]).toString('hex'),
      );
      const damaged = new Tube({ frames, corrupt: { frame: 2, byte: 1, xor: 0xff } }).send(...chunks);
      const expected = Buffer.from(input);
      expected[starts[2]! + 1]! ^= 0xff;
      expect(damaged.bytes.equals(expected), name).toBe(true);
      const more = new Tube({ frames, insert: { frame: 1, bytes: 'more' } }).send(...chunks);
      expect(more.bytes.equals(Buffer.concat([sent[0]!, Buffer.from('more'), sent[1]!, sent[2]!])), name).toBe(true);
    }
  });
});

describe('frames', () => {
  test('are counted from the position at which the function was set', () => {
    const tube = new Tube().send('no frame at all');
    tube.pipeline.apply({ frames: v1Blocks, cut: [{ atByte: undefined, frame: 1, byte: 1, how: 'fin' }] });
    expect(tube.send('a\x1f', 'bc').text).toBe('no frame at alla\x1fb<cut fin>');
  });

  test('that are named when they have begun or ended have the positions that have passed, and those ahead', () => {
    const late = (frame: number, byte: number) => {
      const tube = new Tube({ frames: v2Frames }).send(
        v2Frame('one'),
        v2Frame('two'),
        v2Frame('three').subarray(0, 16),
      );
      tube.arrivals.length = 0;
      tube.pipeline.apply({ cut: [{ atByte: undefined, frame, byte, how: 'fin' }] });
      return tube.send('', 'reefour').text;
    };
    expect(late(0, 0)).toBe('<cut fin>');
    expect(late(1, 20)).toBe('<cut fin>');
    expect(late(2, 16)).toBe('<cut fin>');
    expect(late(2, 17)).toBe('r<cut fin>');
    expect(late(3, 1)).toBe('reef<cut fin>');
  });

  test('the function gets the number of bytes that it has already seen, and never bytes of a frame that it has found', () => {
    const asked: [string, number][] = [];
    const frames = (soFar: Buffer, seen: number) => {
      asked.push([soFar.toString(), seen]);
      return v1Blocks(soFar, seen);
    };
    new Tube({ frames }).send('a', 'b', 'c\x1fd', 'e');
    expect(asked).toEqual([
      ['a', 0],
      ['ab', 1],
      ['abc\x1fd', 2],
      ['d', 0],
      ['de', 1],
    ]);
  });

  test.each([0, -1, 1.5, Number.NaN, Number.POSITIVE_INFINITY])('a length of %s is reported as an error', (length) => {
    const tube = new Tube({ frames: () => length });
    expect(() => tube.send('a')).toThrow(
      expect.objectContaining({
        code: 'ERR_FAULT_PROXY_CALLBACK',
        message: expect.stringContaining(`frames returned ${length}`),
      }),
    );
  });

  test('a function that throws is reported as an error with its cause', () => {
    const cause = new Error('no such frame');
    const tube = new Tube({
      frames: () => {
        throw cause;
      },
    });
    expect(() => tube.send('a')).toThrow(expect.objectContaining({ code: 'ERR_FAULT_PROXY_CALLBACK', cause }));
  });

  test('one whose length is not known after 64 MiB has no end', () => {
    const tube = new Tube({ frames: v1Blocks, cut: { frame: 1, how: 'fin' } });
    tube
      .send(Buffer.alloc((64 << 20) + 1))
      .send('\x1f')
      .send('a');
    expect(tube.bytes.length).toBe((64 << 20) + 3);
    expect(tube.items.at(-1)).toBe('a');
  });

  test('a block of 4 MiB in small chunks is searched once, not once for each chunk', () => {
    let searched = 0;
    const frames = (soFar: Buffer, seen: number) => {
      searched += soFar.length - seen;
      return v1Blocks(soFar, seen);
    };
    const tube = new Tube({ frames, cut: { frame: 1, how: 'fin' } });
    const chunk = Buffer.alloc(4096, 'x');
    for (let i = 0; i < 1024; i++) tube.send(chunk);
    tube.send('\x1fy');
    expect(tube.bytes.length).toBe(4 * 1024 * 1024 + 1);
    expect(searched).toBe(4 * 1024 * 1024 + 3); // the y starts the next block
  });
});

describe('corruption', () => {
  const input = bytesUpTo(5000);

  test('at a byte changes that byte only, and not the buffer of the sender', () => {
    const sent = Buffer.from('abc');
    const tube = new Tube({ corrupt: { atByte: 1, xor: 1 } });
    tube.pipeline.push({ kind: 'bytes', bytes: sent, at: 0 }, 0);
    expect(tube.text).toBe('acc');
    expect(sent.toString()).toBe('abc');
  });

  test('without xor changes the byte to another, random from the seed', () => {
    const values = new Set<number>();
    for (let seed = 0; seed < 40; seed++) {
      const [value] = new Tube({ corrupt: { atByte: 0 } }, seed).send('a').bytes;
      expect(value).not.toBe('a'.charCodeAt(0));
      values.add(value!);
    }
    expect(values.size).toBeGreaterThan(20);
  });

  test('with a probability changes about that many bytes, the same for one seed however they are cut', () => {
    const run = (chunks: readonly Buffer[], seed = 1) =>
      new Tube({ corrupt: { probability: 0.1 } }, seed).send(...chunks).bytes;
    const whole = run([input]);
    const changed = whole.filter((byte, i) => byte !== input[i]).length;
    expect(changed).toBeGreaterThan(400);
    expect(changed).toBeLessThan(600);
    expect(run(byteByByte(input)).equals(whole)).toBe(true);
    expect(run([...randomPieces(input, 50, seededRandom(1))]).equals(whole)).toBe(true);
    expect(run([input], 2).equals(whole)).toBe(false);
  });

  test('changes the same bytes to the same values if those before them were swallowed', () => {
    const run = (swallow: boolean) => {
      const tube = new Tube({ corrupt: { probability: 0.2 } });
      tube.pipeline.apply({ swallow });
      tube.send(input.subarray(0, 1000));
      tube.pipeline.apply({ swallow: false });
      return tube.send(input.subarray(1000)).bytes;
    };
    expect(run(true).equals(run(false).subarray(1000))).toBe(true);
  });

  test('with probability 0 changes none, with 1 all', () => {
    const run = (probability: number) => new Tube({ corrupt: { probability } }).send(input).bytes;
    expect(run(0).equals(input)).toBe(true);
    expect(run(1).every((byte, i) => byte !== input[i])).toBe(true);
  });
});

describe('duplication', () => {
  test('of a chunk sends that chunk twice', () => {
    expect(new Tube({ duplicate: { chunk: 1 } }).send('ab', 'cd', 'ef').items).toEqual(['ab', 'cd', '+cd', 'ef']);
  });

  test('with a probability sends about that many chunks twice', () => {
    const tube = new Tube({ duplicate: { probability: 0.3 } }).send(...byteByByte(bytesUpTo(1000)));
    expect(tube.bytes.length).toBeGreaterThan(1240);
    expect(tube.bytes.length).toBeLessThan(1360);
  });

  test('of a range repeats it after its last byte, once', () => {
    const tube = new Tube({ duplicate: { fromByte: 1, toByte: 3 } }).send('a', 'b', 'c', 'd', 'e');
    expect(tube.items).toEqual(['a', 'b', 'c', '+bc', 'd', 'e']);
  });

  test('of a range that has passed repeats nothing, and of one that has begun the rest', () => {
    const tube = new Tube().send('abcd');
    const range = (fromByte: number, toByte: number) => ({
      ...{ fromByte, toByte, frame: undefined, chunk: undefined, probability: undefined },
    });
    tube.pipeline.apply({ duplicate: [range(0, 2), range(2, 6)] });
    expect(tube.send('efg').items).toEqual(['abcd', 'ef', '+ef', 'g']);
  });

  test('of a frame of more than 16 MiB sends it once', () => {
    const frame = v2Frame('x'.repeat(17 << 20));
    const tube = new Tube({ frames: v2Frames, duplicate: { frame: 0 } });
    tube.send(frame.subarray(0, 17 << 20), frame.subarray(17 << 20));
    expect(tube.bytes.length).toBe(frame.length);
  });
});

interface Edits {
  readonly corrupt: { readonly atByte: number; readonly xor: number }[];
  readonly insert: { readonly atByte: number; readonly bytes: string }[];
  readonly duplicate: { readonly fromByte: number; readonly toByte: number }[];
  readonly cutAt: number;
}

const position = fc.nat(40);
const edits: fc.Arbitrary<Edits> = fc.record({
  corrupt: fc.array(fc.record({ atByte: position, xor: fc.integer({ min: 1, max: 255 }) }), { maxLength: 3 }),
  insert: fc.array(fc.record({ atByte: position, bytes: fc.string({ maxLength: 5, unit: 'grapheme-ascii' }) }), {
    maxLength: 3,
  }),
  duplicate: fc.array(
    fc
      .tuple(position, fc.integer({ min: 1, max: 10 }))
      .map(([fromByte, length]) => ({ fromByte, toByte: fromByte + length })),
    { maxLength: 3 },
  ),
  cutAt: fc.oneof(position, fc.constant(1000)),
});

const timing: fc.Arbitrary<Faults> = fc.record(
  {
    latencyMs: fc.nat(100),
    jitterMs: fc.nat(100),
    bytesPerSecond: fc.integer({ min: 1, max: 10_000 }),
    sliceBytes: fc.integer({ min: 1, max: 20 }),
    sliceGapMs: fc.nat(5),
    stallAfterBytes: fc.nat(40),
    stallMs: fc.nat(1000),
  },
  { requiredKeys: ['stallMs'] },
);

/** The expected output, computed from the complete input. */
function expectedOf(input: Buffer, { corrupt, insert, duplicate, cutAt }: Edits): string {
  const changed = Buffer.from(input);
  for (const { atByte, xor } of corrupt) if (atByte < changed.length) changed[atByte]! ^= xor;
  let expected = '';
  for (let passed = 0; passed <= Math.min(input.length, cutAt); passed++) {
    if (passed > 0) expected += changed.toString('latin1', passed - 1, passed);
    for (const { atByte, bytes } of insert) if (atByte === passed) expected += bytes;
    for (const { fromByte, toByte } of duplicate) {
      if (toByte === passed) expected += changed.toString('latin1', fromByte, toByte);
    }
  }
  return expected + (cutAt <= input.length ? '<cut fin>' : '<end>');
}

test('all faults together do what each of them does, for every cut of the input and at any pace', () => {
  fc.assert(
    fc.property(edits, timing, fc.uint8Array({ maxLength: 40 }), fc.integer(), (each, pace, bytes, seed) => {
      const input = Buffer.from(bytes);
      const expected = expectedOf(input, each);
      const { cutAt, ...rest } = each;
      const faults: Faults = { ...rest, ...pace, cut: { atByte: cutAt, how: 'fin' } };
      const cuts = input.length === 0 ? [{ name: 'nothing', chunks: [] }] : everyCut(input, seed);
      for (const { name, chunks } of cuts) {
        const tube = new Tube(faults, seed)
          .send(...chunks)
          .end()
          .run();
        expect(tube.text, name).toBe(expected);
        expect(tube.pipeline.memoryBytes, name).toBe(0);
      }
    }),
    { numRuns: 150 },
  );
});
