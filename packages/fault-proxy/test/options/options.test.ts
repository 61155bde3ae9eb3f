/** Options: rejected values, and the errors that name them. */
import { FaultProxy, FaultProxyError, type FaultProxyOptions } from 'serpy-fault-proxy';
import { describe, expect, test } from 'vitest';
import { noFaults, parseFaults } from '../../src/options/faults.js';

const target = { port: 5001 };

function errorOf(action: () => unknown): FaultProxyError {
  try {
    action();
  } catch (error) {
    expect(error).toBeInstanceOf(FaultProxyError);
    return error as FaultProxyError;
  }
  throw new Error('nothing was thrown');
}

const refused = (faults: object) => errorOf(() => parseFaults(faults, noFaults, 'up.')).message;

describe('the options of a proxy', () => {
  test.each<[object, string]>([
    [{}, 'the option target is missing: it takes an object with host, port'],
    [{ target: 5001 }, 'the option target takes an object with names from host, port, not 5001'],
    [{ target: {} }, 'the option target.port is missing: it takes a whole number from 1 to 65535'],
    [{ target: { port: 0 } }, 'the option target.port takes a whole number from 1 to 65535, not 0'],
    [
      { target: { port: 1, host: ' ' } },
      "the option target.host takes a host name or IP address such as '127.0.0.1', not ' ' (a string)",
    ],
    [{ target, port: 1.5 }, 'the option port takes a whole number from 0 to 65535, not 1.5'],
    [{ target, seed: -1 }, 'the option seed takes a whole number from 0 to 4294967295, not -1'],
    [{ target, maxBufferedBytes: 0 }, 'the option maxBufferedBytes takes a whole number from 1 to 1073741824, not 0'],
    [{ target, clock: Date }, 'the option clock takes an object with now, setTimeout, clearTimeout, not a function'],
    [{ target, plan: 3 }, 'the option plan takes an object with names from answer, target, up, down, not 3'],
    [
      { target, plan: { up: { latencyMs: 'long' } } },
      "the option plan.up.latencyMs takes a number of milliseconds from 0 to 2147483647, not 'long' (a string)",
    ],
    [
      { target, plan: { answer: 'refuse' } },
      "the option plan.answer takes 'pass' or 'rst' or 'tarpit', not 'refuse' (a string)",
    ],
    [
      { target, latencyMs: 3 },
      'there is no option latencyMs: the options are target, host, port, seed, plan, maxBufferedBytes, clock',
    ],
  ])('%j are rejected, and the error says what the option takes', (options, sentence) => {
    const error = errorOf(() => new FaultProxy(options as FaultProxyOptions));
    expect([error.code, error.message]).toEqual(['ERR_FAULT_PROXY_OPTION', sentence]);
  });

  test('that are not an object are rejected', () => {
    expect(errorOf(() => new FaultProxy(undefined as never)).message).toMatch(
      /^options are an object with names from target/,
    );
  });

  test('that are undefined count as not given', () => {
    expect(new FaultProxy({ target, seed: undefined, port: undefined, plan: undefined }).target).toEqual({
      host: '127.0.0.1',
      port: 5001,
    });
  });

  test('the seed is random if none is given, and proxy.seed has it', () => {
    const seeds = Array.from({ length: 4 }, () => new FaultProxy({ target }).seed);
    expect(new Set(seeds).size).toBeGreaterThan(1);
    expect(new FaultProxy({ target, seed: 7 }).seed).toBe(7);
  });

  test('a plan and a target that are set later are checked at once', () => {
    const proxy = new FaultProxy({ target });
    expect(errorOf(() => (proxy.plan = { down: { swallow: 1 as never } })).message).toBe(
      'the option plan.down.swallow takes true or false, not 1',
    );
    expect(errorOf(() => proxy.switchTarget({ port: -1 })).message).toMatch(/^the option target.port takes/);
    expect(proxy.plan).toEqual({});
    expect(proxy.target.port).toBe(5001);
  });
});

describe('faults', () => {
  test.each<[object, string]>([
    [{ latency: 3 }, `there is no option up.latency: the options are ${Object.keys(noFaults).join(', ')}`],
    [{ latencyMs: -1 }, 'the option up.latencyMs takes a number of milliseconds from 0 to 2147483647, not -1'],
    [{ jitterMs: Number.NaN }, 'the option up.jitterMs takes a number of milliseconds from 0 to 2147483647, not NaN'],
    [{ bytesPerSecond: 0 }, 'the option up.bytesPerSecond takes a number above 0, or Infinity, not 0'],
    [{ sliceBytes: 0 }, 'the option up.sliceBytes takes a whole number from 1, or Infinity, not 0'],
    [{ randomSlices: true }, 'the option up.randomSlices needs up.sliceBytes, the size of the largest slice'],
    [{ stallAfterBytes: -1 }, 'the option up.stallAfterBytes takes a whole number from 0, or Infinity, not -1'],
    [
      { stallMs: '1s' },
      "the option up.stallMs takes a number of milliseconds from 0 to 2147483647, or Infinity, not '1s' (a string)",
    ],
    [{ swallow: 'all' }, "the option up.swallow takes true or false, not 'all' (a string)"],
    [
      { frames: 'v2' },
      "the option up.frames takes a function of the bytes so far that gives the length of their frame, not 'v2' (a string)",
    ],
    [{ cut: 100 }, 'the option up.cut takes an object with names from atByte, frame, byte, how, not 100'],
    [{ cut: {} }, 'the option up.cut takes exactly one of atByte, frame: none of them is given'],
    [
      { cut: [{ atByte: 1 }, { atByte: 1, frame: 2 }] },
      'the option up.cut[1] takes exactly one of atByte, frame: not atByte and frame together',
    ],
    [
      { cut: { frame: 1 } },
      'the option up.cut names a frame: give up.frames, the function that finds the length of frames',
    ],
    [
      { cut: { atByte: 1, how: 'gently' } },
      "the option up.cut.how takes 'fin' or 'rst' or 'half-close' or 'half-open' or 'stall' or 'silent', not 'gently' (a string)",
    ],
    [{ corrupt: { probability: 1.1 } }, 'the option up.corrupt.probability takes a number from 0 to 1, not 1.1'],
    [{ corrupt: { atByte: 1, xor: 0 } }, 'the option up.corrupt.xor takes a whole number from 1 to 255, not 0'],
    [
      { duplicate: { fromByte: 1 } },
      'the option up.duplicate takes exactly one of toByte, frame, chunk, probability: none of them is given',
    ],
    [{ duplicate: { toByte: 1 } }, 'the option up.duplicate takes fromByte and toByte together'],
    [
      { duplicate: { fromByte: 5, toByte: 5 } },
      'the option up.duplicate.toByte takes 1 to 16777216 more than fromByte, not 5',
    ],
    [
      { insert: { atByte: 1 } },
      'the option up.insert.bytes is missing: it takes bytes (Buffer, Uint8Array) or a string',
    ],
    [
      { insert: { atByte: 1, bytes: [1, 2] } },
      'the option up.insert.bytes takes bytes (Buffer, Uint8Array) or a string, not an array',
    ],
  ])('%j are rejected, and the error says what the option takes', (faults, sentence) => {
    expect(refused(faults)).toBe(sentence);
  });

  test('accept one of a kind or a list, and copy bytes', () => {
    const bytes = Buffer.from('abc');
    const given = parseFaults({ insert: { atByte: 1, bytes }, cut: [{ atByte: 1 }, { atByte: 2 }] }, noFaults, 'up.');
    bytes.fill(0);
    expect(given.insert).toEqual([{ atByte: 1, frame: undefined, byte: 0, bytes: Buffer.from('abc') }]);
    expect(given.cut).toHaveLength(2);
  });

  test('that are not given are not among those that are applied', () => {
    expect(parseFaults({ latencyMs: 1, jitterMs: undefined }, noFaults, 'up.')).toEqual({ latencyMs: 1 });
  });
});
