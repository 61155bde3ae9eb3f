/** The queue of received bytes, compared with an array of numbers, and its cost. */
import { fc } from 'serpy-contract-tests/properties';
import { ByteQueue } from 'serpy-core';
import { everyCut } from 'serpy-core/testing';
import { describe, expect, test, vi } from 'vitest';

/** The operations of a queue. Numbers that depend on its length are fractions of it, from 0 to 1. */
type Step =
  | { readonly do: 'push' | 'pushCopy' | 'lend'; readonly length: number }
  | { readonly do: 'take' | 'skip' | 'peek' | 'at'; readonly part: number }
  | { readonly do: 'indexOf'; readonly byte: number; readonly part: number }
  | { readonly do: 'keep' | 'clear' };

const part = fc.oneof(fc.constantFrom(0, 1), fc.double({ min: 0, max: 1, noNaN: true }));
const length = fc.oneof(
  { weight: 8, arbitrary: fc.integer({ min: 0, max: 40 }) },
  { weight: 3, arbitrary: fc.integer({ min: 480, max: 530 }) },
  { weight: 2, arbitrary: fc.integer({ min: 4080, max: 4110 }) },
  { weight: 1, arbitrary: fc.integer({ min: 16_000, max: 17_000 }) },
);
const step: fc.Arbitrary<Step> = fc.oneof(
  {
    weight: 12,
    arbitrary: fc.record({ do: fc.constantFrom('push' as const, 'pushCopy' as const, 'lend' as const), length }),
  },
  { weight: 6, arbitrary: fc.record({ do: fc.constantFrom('take' as const, 'skip' as const), part }) },
  { weight: 3, arbitrary: fc.record({ do: fc.constantFrom('peek' as const, 'at' as const), part }) },
  { weight: 3, arbitrary: fc.record({ do: fc.constant('indexOf' as const), byte: fc.nat(255), part }) },
  { weight: 6, arbitrary: fc.constant({ do: 'keep' as const }) },
  { weight: 1, arbitrary: fc.constant({ do: 'clear' as const }) },
);

/** Every taken Buffer, and its content when it was taken. */
type Taken = [buffer: Buffer, then: number[]];

function run(steps: readonly Step[]): void {
  const queue = new ByteQueue();
  let model: number[] = [];
  let pushed = 0;
  const taken: Taken[] = [];
  let onLoan: Buffer | undefined;
  /** Overwrites borrowed memory after its use. */
  const takeBack = () => {
    queue.retainUnread();
    onLoan?.fill(0xa5);
    onLoan = undefined;
  };
  for (const now of steps) {
    const count = 'part' in now ? Math.round(now.part * model.length) : 0;
    switch (now.do) {
      case 'push': {
        const chunk = Buffer.from(Array.from({ length: now.length }, () => (pushed++ * 31) & 0xff));
        model.push(...chunk);
        queue.push(chunk);
        break;
      }
      case 'pushCopy': {
        const lent = Buffer.alloc(now.length).map(() => (pushed++ * 31) & 0xff);
        model.push(...lent);
        queue.pushCopy(lent as Buffer);
        lent.fill(0xa5);
        break;
      }
      case 'lend': {
        takeBack();
        onLoan = Buffer.alloc(now.length).map(() => (pushed++ * 31) & 0xff) as Buffer;
        model.push(...onLoan);
        queue.pushBorrowed(onLoan);
        break;
      }
      case 'keep':
        takeBack();
        break;
      case 'take': {
        const buffer = queue.take(count);
        taken.push([buffer, model.slice(0, count)]);
        model = model.slice(count);
        if (count > 0) expect([buffer.byteOffset, buffer.buffer.byteLength]).toEqual([0, count]);
        break;
      }
      case 'skip':
        queue.skip(count);
        model = model.slice(count);
        break;
      case 'peek':
        expect([...queue.peek(count + 1)]).toEqual(model.slice(0, count + 1));
        break;
      case 'at':
        if (count < model.length) expect(queue.at(count)).toBe(model[count]);
        break;
      case 'indexOf':
        expect(queue.indexOf(now.byte, count)).toBe(model.indexOf(now.byte, count));
        break;
      case 'clear':
        queue.clear();
        model = [];
    }
    expect(queue.length).toBe(model.length);
  }
  taken.push([queue.take(model.length), model]);
  takeBack();
  for (const [buffer, then] of taken) expect(buffer.equals(Buffer.from(then))).toBe(true);
}

describe('ByteQueue', () => {
  test('behaves like an array of numbers, and never changes taken bytes', () => {
    fc.assert(fc.property(fc.array(step, { maxLength: 60 }), run), { numRuns: 400 });
  });

  test('returns the pushed bytes, however they were cut', () => {
    const bytes = Buffer.from(Array.from({ length: 20_000 }, (_, i) => (i * 13) & 0xff));
    for (const { name, chunks } of everyCut(bytes)) {
      const queue = new ByteQueue();
      for (const chunk of chunks) queue.push(chunk);
      expect(queue.take(14).equals(bytes.subarray(0, 14)), name).toBe(true);
      expect(queue.take(5000).equals(bytes.subarray(14, 5014)), name).toBe(true);
      expect(queue.take(14_986).equals(bytes.subarray(5014)), name).toBe(true);
    }
  });

  test('returns taken bytes in memory of exactly their size', () => {
    for (const put of ['push', 'pushCopy', 'pushBorrowed'] as const) {
      const queue = new ByteQueue();
      queue[put](Buffer.alloc(300_000));
      for (const size of [1, 31, 64, 65, 100, 4095, 4096, 70_000]) {
        const taken = queue.take(size);
        expect([taken.byteOffset, taken.buffer.byteLength]).toEqual([0, size]);
      }
    }
  });

  test('detects whether it starts with bytes, across chunks', () => {
    for (const { name, chunks } of everyCut(Buffer.from('xhello'))) {
      const queue = new ByteQueue();
      for (const chunk of chunks) queue.push(chunk);
      queue.skip(1);
      const starts = ['', 'h', 'hello', 'hellO', 'Hello', 'hello!'].map((text) => queue.startsWith(Buffer.from(text)));
      expect(starts, name).toEqual([true, true, true, false, false, false]);
    }
  });

  test('finds a byte from a position on, across chunks', () => {
    const queue = new ByteQueue();
    for (const text of ['ab', 'c'.repeat(600), 'ab', 'c'.repeat(600), 'b']) queue.push(Buffer.from(text));
    queue.skip(1);
    const b = 'b'.charCodeAt(0);
    expect([0, 1, 602, 603, 1203, 1204].map((from) => queue.indexOf(b, from))).toEqual([0, 602, 602, 1203, 1203, -1]);
  });

  test('reads each byte of many chunks by its position, and none beyond the last', () => {
    const bytes = Buffer.from(Array.from({ length: 20_000 }, (_, i) => (i * 13) & 0xff));
    const queue = new ByteQueue();
    for (let at = 0; at < bytes.length; at += 700) queue.push(Buffer.from(bytes.subarray(at, at + 700)));
    queue.skip(100);
    for (let at = 0; at < queue.length; at++) expect(queue.at(at)).toBe(bytes[at + 100]);
    expect(queue.at(queue.length)).toBeNaN();
  });

  test('hands over a chunk without a copy when it is exactly what is taken', () => {
    const chunk = Buffer.from(new ArrayBuffer(8192));
    const queue = new ByteQueue();
    queue.push(chunk);
    expect(queue.take(8192)).toBe(chunk);
  });

  test('copies a chunk that is only a part of its memory', () => {
    const memory = new ArrayBuffer(10_000);
    for (const offset of [0, 1, 1808]) {
      const queue = new ByteQueue();
      queue.push(Buffer.from(memory, offset, 8192));
      const taken = queue.take(8192);
      expect([taken.byteOffset, taken.buffer.byteLength]).toEqual([0, 8192]);
    }
  });

  test('does not change a taken small message when bytes of the next one arrive', () => {
    const queue = new ByteQueue();
    for (const byte of 'header') queue.push(Buffer.from(byte));
    queue.skip(3);
    const message = queue.take(2);
    for (const byte of 'xxxxxxxxxx') queue.push(Buffer.from(byte));
    expect(message.toString()).toBe('de');
    expect(queue.take(11).toString()).toBe('rxxxxxxxxxx');
  });
});

/** The memory that Buffers allocated while `action` ran, whether or not they are still referenced. */
function allocatedBytes(action: () => void): number {
  let bytes = 0;
  const original = Buffer.allocUnsafeSlow;
  const spy = vi.spyOn(Buffer, 'allocUnsafeSlow').mockImplementation((size) => {
    bytes += size;
    return original(size);
  });
  try {
    action();
  } finally {
    spy.mockRestore();
  }
  return bytes;
}

describe('the cost of ByteQueue', () => {
  test('1 MiB in pieces of one byte takes less than 4 MiB', () => {
    const queue = new ByteQueue();
    const before = process.memoryUsage();
    const piece = Buffer.from('x');
    for (let i = 0; i < 1 << 20; i++) queue.push(piece);
    const after = process.memoryUsage();
    expect(queue.length).toBe(1 << 20);
    expect(after.arrayBuffers - before.arrayBuffers).toBeLessThan(4 << 20);
  });

  test('pieces of one byte between larger ones do not cost a block each', () => {
    const larger = Buffer.alloc(512);
    const queue = new ByteQueue();
    const bytes = allocatedBytes(() => {
      for (let i = 0; i < 1000; i++) {
        queue.push(larger);
        queue.push(larger.subarray(0, 1));
      }
    });
    expect(queue.length).toBe(513_000);
    expect(bytes).toBeLessThan(32 * 1024);
  });

  test('small messages that arrive in two pieces and are kept do not keep a block each', () => {
    const queue = new ByteQueue();
    const kept: Buffer[] = [];
    for (let i = 0; i < 1000; i++) {
      queue.push(Buffer.alloc(14));
      queue.push(Buffer.alloc(20, i));
      queue.skip(14);
      kept.push(queue.take(20));
    }
    const memory = new Set(kept.map(({ buffer }) => buffer));
    const bytes = [...memory].reduce((sum, { byteLength }) => sum + byteLength, 0);
    expect(bytes).toBeLessThan(64 * 1024);
    expect(kept.every((message, i) => message.equals(Buffer.alloc(20, i)))).toBe(true);
  });

  test('the number of copied bytes grows linearly with the bytes', () => {
    const copied = (length: number) => {
      let bytes = 0;
      const original = Buffer.prototype.copy;
      const spy = vi.spyOn(Buffer.prototype, 'copy').mockImplementation(function (this: Buffer, ...args) {
        const count = original.apply(this, args);
        bytes += count;
        return count;
      });
      const queue = new ByteQueue();
      const piece = Buffer.from('x');
      for (let i = 0; i < length; i++) queue.push(piece);
      queue.take(length);
      spy.mockRestore();
      return bytes;
    };
    expect(copied(40_000)).toBeLessThanOrEqual(2 * 40_000);
    expect(copied(80_000)).toBeLessThanOrEqual(2 * 80_000);
  });

  test('bytes of one chunk are taken without a copy, and bytes of several are not', () => {
    const queue = new ByteQueue();
    const chunk = Buffer.alloc(1000, 1);
    queue.pushBorrowed(chunk);
    expect(queue.takeView(600)?.buffer).toBe(chunk.buffer);
    expect(queue.length).toBe(400);
    queue.push(Buffer.alloc(1000, 2));
    expect(queue.takeView(401)).toBeUndefined();
    expect(queue.length).toBe(1400);
    expect(queue.takeView(400)).toEqual(Buffer.alloc(400, 1));
    expect(queue.takeView(1000)).toEqual(Buffer.alloc(1000, 2));
    expect(queue.takeView(0)).toBeUndefined();
    expect(queue.length).toBe(0);
  });

  test('a search in new bytes does not walk through the chunks before them', () => {
    const queue = new ByteQueue();
    let walked = 0;
    for (let i = 0; i < 200; i++) {
      const chunk = Buffer.alloc(1000);
      Object.defineProperty(chunk, 'length', {
        get() {
          walked++;
          return 1000;
        },
      });
      queue.push(chunk);
    }
    walked = 0;
    expect(queue.indexOf(1, 199_500)).toBe(-1);
    expect(walked).toBeLessThan(10);
  });
});
